"""Streams of images: fill, steady periods, drain. Long streams are spliced from a short one, exactly.

Why the splice is exact. Write R for the endless stream. A stream of n images is R until R first asks for a window of
image n: nothing else tells them apart. Let the state of R come back (`archsim.timing.recurrence`): at the end of tick
u, when image g was newest, it is what it was at the end of tick u - T, when image g - p was newest. Then for every n >
g a stream of n images at u is in the state of a stream of n - p images at u - T, with as many images still to come. So
whatever happens in the longer stream after u happens in the shorter one T earlier and p images before; whatever
happens up to u is the same in both. In short: x_n[a] = x_{n-p}[a] where that is at most u, and x_{n-p}[a - p] + T
elsewhere. Nothing is assumed of contention; the last images, after which nothing follows, are in the short stream as
they are in the long one.

The short stream is long enough for two periods after the recurrence to be seen in its stamps; both are compared, stamp
by stamp, whatever engine made them. Where no recurrence is found, everything is simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from archsim.errors import InputError, Problem, SimulationError
from archsim.timing.machine import STEPS, Ints, Machine, Stamps
from archsim.timing.recurrence import Recurrence, find_recurrence
from archsim.timing.summary import SECONDS, Sums, Timing, data_ready, sum_up, timing_of

CHECKED_PERIODS = 2
MOST_WINDOWS = 30_000_000
"""Windows that are simulated at once: their stamps take about 40 bytes each."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Stream:
    """A stream through `machine` (with all its images). `short` and its `stamps` were simulated; without a recurrence,
    `short` is `machine`."""

    machine: Machine
    short: Machine
    stamps: Stamps
    recurrence: Recurrence | None


def simulate_stream(machine: Machine, engine: Callable[[Machine], Stamps], *, is_kernel: bool = False) -> Stream:
    """Simulate as many images of a stream as its other images follow from. The stamps of a deadlocked machine are
    partial.

    `is_kernel` says that `engine` is the kernel engine: what the search for a recurrence has run needs no second run.
    Raises `InputError` when all images must be simulated and are too many.
    """
    recurrence, stamps = find_recurrence(machine)
    images = machine.images if recurrence is None else min(machine.images, _short_images(machine.images, recurrence))
    if images * int(machine.windows.sum()) > MOST_WINDOWS:
        most = MOST_WINDOWS // int(machine.windows.sum())
        raise InputError(
            [
                Problem(
                    "images",
                    f"are {images} to simulate one by one, as the stream was not seen to repeat itself; expected at "
                    f"most {most}",
                )
            ]
        )
    short = replace(machine, images=images)
    if stamps is None or not is_kernel:
        stamps = engine(short)
    if recurrence is not None and (stamps.send >= 0).all() and images < machine.images:
        _check_periods(short, stamps, recurrence)
    return Stream(machine=machine, short=short, stamps=stamps, recurrence=recurrence)


def _short_images(images: int, recurrence: Recurrence) -> int:
    """Fewest images, in step with `images`, that show the recurrence and the periods to be checked."""
    least = recurrence.first + (1 + CHECKED_PERIODS) * recurrence.images + 1
    return least + (images - least) % recurrence.images


def _check_periods(machine: Machine, stamps: Stamps, recurrence: Recurrence) -> None:
    """Every stamp of the two periods after the recurrence's beginning shifts to the next period unchanged."""
    late = recurrence.begin + CHECKED_PERIODS * recurrence.period
    for name, stage, part in _parts(machine, stamps):
        rows = part.reshape(machine.images, -1)
        now, then = rows[: -recurrence.images], rows[recurrence.images :]
        seen = (now > recurrence.begin) & (now <= late)
        if (then[seen] != now[seen] + recurrence.period).any():
            stage_name = machine.stage_names[stage]
            raise SimulationError(f"the stream's state came back, but the {name} stamps of {stage_name} do not repeat")


def _parts(machine: Machine, stamps: Stamps) -> list[tuple[str, int, Ints]]:
    """(kind, stage, stamps) of every stage and every edge (by its producer)."""
    bounds, edges = machine.stage_offset, machine.edge_offset
    found = [
        (kind, stage, getattr(stamps, kind)[bounds[stage] : bounds[stage + 1]])
        for kind in STEPS
        for stage in range(machine.stages)
    ]
    sources = machine.edge_source.tolist()
    return found + [("arrive", source, stamps.arrive[edges[e] : edges[e + 1]]) for e, source in enumerate(sources)]


# ---------------------------------------------------------------------- splice


def extend(rows: Ints, images: int, recurrence: Recurrence) -> Ints:
    """Stamps [short images, n] of a stream as stamps [images, n] of a longer one."""
    count, each, period = len(rows), recurrence.images, recurrence.period
    most = (images - count) // each
    index = np.arange(images)
    periods = np.maximum(0, -(-(index - count + 1) // each))
    found: Ints = rows[index - periods * each] + (periods * period)[:, None]
    while len(index):
        late = rows[index - periods * each] > recurrence.end
        going = (periods < most) & late.any(axis=1)
        index, periods, late = index[going], periods[going] + 1, late[going]
        before = index - periods * each
        assert (before >= 0).all(), "a stamp after the recurrence has its like one period earlier"
        found[index] = np.where(late, rows[before] + (periods * period)[:, None], found[index])
    return found


def splice(stream: Stream, images: int) -> Stamps:
    """The stamps of a stream of `images` images (in step with the short one, no fewer): equal to those of a full
    simulation."""
    short, stamps, recurrence = stream.short, stream.stamps, stream.recurrence
    if images == short.images:
        return stamps
    assert recurrence is not None
    parts: dict[str, list[Ints]] = {kind: [] for kind in (*STEPS, "arrive")}
    for kind, _, part in _parts(short, stamps):
        parts[kind].append(extend(part.reshape(short.images, -1), images, recurrence).ravel())
    joined = {kind: np.concatenate([*found, np.zeros(0, np.int64)]).astype(np.int64) for kind, found in parts.items()}
    busy = stamps.resource_busy // short.images * images
    return Stamps(**joined, resource_busy=busy, events=stamps.events)


# ---------------------------------------------------------------------- times of a stream


def stream_timing(stream: Stream, engine: str) -> Timing:
    """Times of all images of a stream.

    Sums over windows are linear in the number of periods as soon as every window's share lies either wholly before the
    end of the recurrence's first period or wholly after its beginning; that many periods are spliced, one more shows
    the growth, and a third proves it.
    """
    machine, short, recurrence = stream.machine, stream.short, stream.recurrence
    if recurrence is None:
        return timing_of(machine, sum_up(machine, stream.stamps), engine)
    each = recurrence.images
    base = short.images + each * (1 + _longest_share(short, stream.stamps) // recurrence.period)
    if machine.images <= base + 2 * each:
        sums = _sums(stream, machine.images)
    else:
        sums = _extended([_sums(stream, base + step * each) for step in range(3)], machine.images, recurrence)
    begin = recurrence.image_begins(machine.images)
    return replace(
        timing_of(machine, sums, engine),
        simulated_images=short.images,
        interval_s=recurrence.period / each * SECONDS,
        fill_s=recurrence.begin * SECONDS,
        drain_s=(int(sums.image_ends[-1]) - begin) * SECONDS,
    )


def _sums(stream: Stream, images: int) -> Sums:
    return sum_up(replace(stream.machine, images=images), splice(stream, images))


def _extended(shorter: list[Sums], images: int, recurrence: Recurrence) -> Sums:
    """Sums of a long stream from those of three shorter ones, a period apart."""
    one, two, three = shorter
    growth = two.stages - one.stages
    if (three.stages - two.stages != growth).any():
        raise SimulationError("the sums over a stream do not grow evenly although its stamps repeat themselves")
    count = len(one.image_ends)
    periods = (images - count) // recurrence.images
    return Sums(
        image_ends=extend(one.image_ends[:, None], images, recurrence)[:, 0],
        stages=one.stages + periods * growth,
        resource_busy=one.resource_busy // count * images,
        events=one.events,
    )


def _longest_share(machine: Machine, stamps: Stamps) -> int:
    """Longest time between the stamps that one window's share of the sums looks at [ps]."""
    longest = 0
    for stage in range(machine.stages):
        low, high = machine.stage_offset[stage : stage + 2]
        crossbar = stamps.crossbar[low:high]
        earliest = np.minimum(data_ready(machine, stamps, stage), stamps.read[low:high] - machine.read_times(stage))
        before = machine.previous(stage, np.arange(high - low), int(machine.input_registers[stage]))
        window = np.flatnonzero(before >= 0)
        earliest[window] = np.minimum(earliest[window], crossbar[before[window]])
        window = window[before[window] >= 0]
        if len(window):
            longest = max(longest, int((stamps.send[low:high] - earliest)[window].max()))
    return longest
