"""How fast images follow each other when a stream goes on.

A stream that repeats itself has an exact period (`archsim.timing.recurrence`). Of one that does not, the rate is taken
over the last half of its images: (t_N - t_k) / (N - k), the median of single steps being biased where they alternate.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import inf

import numpy as np

from archsim.timing.kernel_engine import run_kernel, start, with_room
from archsim.timing.kernels.state import State
from archsim.timing.machine import Ints, Machine, Stamps
from archsim.timing.summary import image_ends

QUICK, MOST_IMAGES, MOST_WINDOWS = 9, 64, 3_000_000
"""A quick look begins so many images, and more until it has seen enough steps, as far as these go. It stops before the
end of its stream, where images have no followers, would show."""
STEPS, STEP_WINDOWS = (4, 24), 200_000
"""Steps that are enough, fewest and most: of small machines, those of so many windows."""
SETTLED, NEAR, WORSE = 0.005, 0.015, 1.1
"""Two steps are equal; halves of the steps are, or a step is its bound; two steps are worse than the best."""


def single_latency_ps(machine: Machine) -> float:
    """Latency of one image alone [ps]; infinite for a machine that deadlocks."""
    stamps = run_kernel(replace(machine, images=1))
    return inf if (stamps.send < 0).any() else float(image_ends(replace(machine, images=1), stamps)[0])


def quick_interval_ps(machine: Machine, best: float = inf, bound: float = 0.0) -> float:
    """The steady interval [ps] of a stream, from as few images as show it; infinite for a machine that deadlocks.

    The stream is watched image by image until its steps settle, or one takes just the `bound`, or two are so much
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
    last = int(steps[-1])
    if bound * (1 - SETTLED) <= last <= bound * (1 + NEAR):
        return True
    if len(steps) < 2:
        return False
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


def halves(machine: Machine, stamps: Stamps) -> tuple[float, float]:
    """Mean interval [ps] over the third and over the last quarter of a stream's images (over both, the last half)."""
    ends = image_ends(machine, stamps)
    count = machine.images
    middle, late = count // 2 - 1, count - 1 - (count - count // 2) // 2
    return (ends[late] - ends[middle]) / (late - middle), (ends[-1] - ends[middle]) / (count - 1 - middle)
