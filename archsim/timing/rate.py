"""How fast images follow each other when a stream goes on.

A stream that repeats itself has an exact period (`archsim.timing.recurrence`). Of one that does not, the rate is taken
over the last half of its images: (t_N - t_k) / (N - k), the median of single steps being biased where they alternate.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import inf

import numpy as np

from archsim.errors import DeadlockError
from archsim.timing.kernel_engine import NEVER, run_kernel, start, with_room
from archsim.timing.kernels.state import State
from archsim.timing.machine import Ints, Machine
from archsim.timing.recurrence import all_inputs_there, fingerprint
from archsim.timing.summary import SECONDS, Rate, image_ends, last_half

QUICK, MOST_IMAGES, MOST_WINDOWS = 9, 64, 3_000_000
"""A quick look begins so many images, and more until it has seen enough steps, as far as these go. It stops before the
end of its stream, where images have no followers, would show."""
STEPS, STEP_WINDOWS = (4, 24), 200_000
"""Steps that are enough, fewest and most: of small machines, those of so many windows."""
SETTLED, NEAR, WORSE = 0.005, 0.015, 1.1
"""Two steps are equal; halves of the steps are, or two steps are their bound; two steps are worse than the best."""


def single_latency_ps(machine: Machine) -> float:
    """Latency of one image alone [ps]; infinite for a machine that deadlocks."""
    stamps = run_kernel(replace(machine, images=1))
    return inf if (stamps.send < 0).any() else float(image_ends(replace(machine, images=1), stamps)[0])


def quick_interval_ps(machine: Machine, best: float = inf, bound: float = 0.0) -> float:
    """The steady interval [ps] of a stream, from as few images as show it; infinite for a machine that deadlocks.

    The stream is watched image by image until its steps settle, or two take just the `bound`, or two are so much
    longer than the `best` known interval that the rest does not matter.
    """
    windows = int(machine.windows.sum())
    enough = min(STEPS[1], max(STEPS[0], STEP_WINDOWS // windows))
    most = min(MOST_IMAGES, max(2 * QUICK, MOST_WINDOWS // windows))
    stream = replace(machine, images=most)
    state, steps = start(stream), np.zeros(0, np.int64)
    for newest in range(1, most):
        state.clock["stopped"], state.clock["stop_at_image"] = 0, newest + 1
        state = with_room(stream, state)
        steps = np.diff(_ends_so_far(stream, state))
        over = not state.clock["stopped"][0] or (newest >= QUICK and len(steps) >= enough)
        if over or (len(steps) and _settled(steps, enough, best, bound)):
            break
    late = steps[-2:] if len(steps) < STEPS[0] else steps[len(steps) // 2 :]
    return float(late.mean()) if len(late) else inf


def _settled(steps: Ints, enough: int, best: float, bound: float) -> bool:
    if len(steps) < 2:
        return False
    last = int(steps[-1])
    if (bound * (1 - SETTLED) <= steps[-2:]).all() and (steps[-2:] <= bound * (1 + NEAR)).all():
        return True
    middle = len(steps) // 2
    early, late = float(steps[:middle].mean()), float(steps[middle:].mean())
    alike = len(steps) >= enough and abs(late - early) <= NEAR * late
    some = 2 if enough == STEPS[0] else 4
    settled = len(steps) >= some and int(np.ptp(steps[-some:])) <= SETTLED * last
    return alike or settled or bool((steps[-2:] > WORSE * best).all())


def _ends_so_far(machine: Machine, state: State) -> Ints:
    """When the images that are through had been written by every stage [ps]."""
    bounds, ends = machine.stage_offset.tolist(), []
    writes = [state.write[low:high].reshape(machine.images, -1) for low, high in pairwise(bounds)]
    for image in range(machine.images):
        rows = [rows[image] for rows in writes]
        if any(row[-1] < 0 for row in rows) or min(int(row.min()) for row in rows) < 0:
            break
        ends.append(max(int(row.max()) for row in rows))
    return np.maximum.accumulate(np.array(ends, np.int64)) if ends else np.zeros(0, np.int64)


STREAMS = (8, 16, 32, 64)
"""Images whose ends are looked at until the last half of them settles."""
AGREE, FOLLOWERS, RATE_WINDOWS = 0.01, 8, 4_000_000


def steady_rate(machine: Machine) -> Rate:
    """The rate of an endless stream through a machine. Raises `DeadlockError` where it stops.

    The first time that the state comes back gives the exact period. Else 8 images are looked at, then 16, 32 and 64,
    until the two quarters of their last half agree within 1 % or the stream has `RATE_WINDOWS` windows. The stream goes
    on behind them: the last image of a stream meets less traffic than the others.
    """
    most = max(STREAMS[0], min(STREAMS[-1], RATE_WINDOWS // int(machine.windows.sum())))
    stream = replace(machine, images=most + FOLLOWERS)
    state, seen, ends = start(stream), dict[bytes, tuple[int, int]](), np.zeros(0, np.int64)
    looked = 0
    for newest in range(1, stream.images):
        state.clock["stopped"], state.clock["stop_at_image"] = 0, newest + 1
        state = with_room(stream, state)
        ends = _ends_so_far(stream, state)
        if not state.clock["stopped"][0]:
            break
        if all_inputs_there(stream, state):
            continue
        picture, now = fingerprint(stream, state), int(state.clock["now"][0])
        if picture in seen:
            begin, first = seen[picture]
            images = newest - first
            return Rate(interval_s=(now - begin) / images * SECONDS, images=newest + 1, repeats=True)
        seen[picture] = now, newest
        while looked < len(STREAMS) and len(ends) >= STREAMS[looked]:
            found = last_half(ends[: STREAMS[looked]])
            looked += 1
            if found.spread <= AGREE:
                return found
    state.clock["stopped"], state.clock["stop_at_image"] = 0, NEVER
    ends = _ends_so_far(stream, with_room(stream, state))
    if len(ends) < stream.images:
        said = f"a stream of images stops after {len(ends)}; larger buffers (mapping.buffer_slack_rows) would break it"
        raise DeadlockError(f"deadlock: {said}")
    return last_half(ends[:most])
