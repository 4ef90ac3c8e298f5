"""Bit detail: the crossbar step of each window array by array, input digit by input digit, converter by converter.

`archsim.timing.machine` takes a window's crossbar step as input cycles x `ima.bit_cycle_ps` and its last conversions as
`pipeline.adc_trail` cycles more. Here both come out of a model of the circuits (ISAAC, Sec. V and Fig. 4):

- all arrays of a copy read one input digit in one clock; at its end their columns go to the sample-and-holds;
- a sample waits until the arrays' previous samples are converted, and the next digit waits for the sample;
- converter j of an IMA serves columns j c to (j + 1) c - 1 of the IMA's arrays side by side (c columns per converter),
  batch after batch as they were sampled, one column in 1 / rate;
- post-processing starts on the copy's first clock edge after the last column of the last digit is converted, at least
  `adc_trail` clocks after its sample.

All other steps are those of the SimPy engine. With the clock at `ima.bit_cycle_ps` no sample ever waits, whatever the
copies that share a converter do, and every stamp is that of the window detail. With the clock at the bare read time
(`ima.cycle_ps`) the sample-and-holds hold the arrays back until each window takes input cycles x bit cycle again. The
conversion of ISAAC's unit column is in neither, as in the paper's own figures.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

import simpy

from archsim.errors import InputError, Problem
from archsim.mapping.plan import MappedStage, Plan
from archsim.timing.machine import Machine, Stamps
from archsim.timing.simpy_engine import _Engine

MOST_EVENTS = 3_000_000
SAMPLE_PRIORITY: Any = 3
"""After all conversions that end in the same tick, before any grant."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BitRun:
    """Stamps of a run in bit detail, how many columns were converted, and how often a sample had to wait."""

    stamps: Stamps
    conversions: int
    waits: int


@dataclass(frozen=True, slots=True)
class _Array:
    """One array of a copy: its number on the chip, and the columns each converter (by number) takes of it."""

    number: int
    batches: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Copy:
    """A copy of a layer at work on `window`: its arrays, how many digits are left to sample, and whether a sample is
    waiting for its sample-and-holds."""

    arrays: tuple[_Array, ...]
    window: int = -1
    digits: int = 0
    waiting: bool = False


@dataclass(slots=True)
class _Job:
    """Columns of one array that a converter is to convert: `lane` and `array` they come from, and the window of stage
    `stage` whose last digit they are (-1: an earlier digit)."""

    columns: int
    lane: int
    array: int
    stage: int
    window: int


def run_bits(plan: Plan, machine: Machine, *, clock_ps: int | None = None) -> BitRun:
    """Run a compiled plan in bit detail.

    `clock_ps` is the time of one read, by default `ima.bit_cycle_ps`. Raises `InputError` when the run would take more
    than `MOST_EVENTS` events, or conversions do not trail the reads.
    """
    _require_small(plan, machine)
    engine = _BitEngine(plan, machine, clock_ps or plan.chip.tile.ima.bit_cycle_ps)
    engine.run()
    return BitRun(stamps=engine.stamps(), conversions=engine.conversions, waits=engine.waits)


def expected_events(plan: Plan, machine: Machine) -> int:
    """Events that the reads and conversions of a run take in bit detail."""
    bit = plan.chip.tile.ima.bit_cycle_ps
    total = 0
    for stage, mapped in enumerate(plan.stages):
        if mapped.grid is not None:
            digits = int(machine.crossbar_times(stage).sum()) // bit
            total += digits * (1 + sum(len(array.batches) for array in _arrays(plan, mapped, 0)))
    return total


def _require_small(plan: Plan, machine: Machine) -> None:
    problems = []
    events = expected_events(plan, machine)
    if events > MOST_EVENTS:
        said = f"would take about {events:,} events for {plan.graph.name}; expected at most {MOST_EVENTS:,}"
        problems.append(Problem("--detail bit", f"{said} (a smaller network, fewer images, or --detail window)"))
    if plan.chip.pipeline.adc_trail < 1:
        said = "is 0; bit detail needs 1 or more, since a sample is converted in the clock after its read"
        problems.append(Problem("pipeline.adc_trail", said))
    if problems:
        raise InputError(problems)


def _arrays(plan: Plan, mapped: MappedStage, copy: int) -> tuple[_Array, ...]:
    """The arrays of one copy of a crossbar stage."""
    ima, grid = plan.chip.tile.ima, mapped.grid
    assert grid is not None
    every = ima.adc.converts == "all"
    found = []
    for number, used in zip(mapped.placement.slots[copy].tolist(), grid.columns.tolist(), strict=True):
        columns = ima.crossbar.columns if every else used
        here, slot = divmod(number, ima.crossbars)
        low = slot * ima.crossbar.columns
        batches = []
        for converter in range(low // ima.columns_per_adc, (low + columns - 1) // ima.columns_per_adc + 1):
            edges = converter * ima.columns_per_adc, (converter + 1) * ima.columns_per_adc
            batches.append((here * ima.adc.count + converter, min(low + columns, edges[1]) - max(low, edges[0])))
        found.append(_Array(number, tuple(batches)))
    return tuple(found)


class _BitEngine(_Engine):
    """The SimPy engine with the crossbar step played out."""

    def __init__(self, plan: Plan, machine: Machine, clock: int) -> None:
        super().__init__(machine)
        ima = plan.chip.tile.ima
        self.clock, self.bit, self.trail = clock, ima.bit_cycle_ps, plan.chip.pipeline.adc_trail
        self.column = Fraction(10**12) / Fraction(ima.adc.rate)
        self.copies = [
            None if mapped.grid is None else _Copy(_arrays(plan, mapped, copy))
            for mapped in plan.stages
            for copy in range(mapped.replication)
        ]
        self.jobs: dict[int, deque[_Job]] = defaultdict(deque)
        self.until: dict[int, Fraction] = {}
        self.unconverted: Counter[int] = Counter()
        self.last_digit: dict[tuple[int, int], list[int]] = {}
        self.conversions = self.waits = 0

    @property
    def now(self) -> int:
        """The clock [ps]."""
        return int(self.environment.now)

    # ------------------------------------------------------------------ arrays

    def try_crossbar(self, s: int, r: int) -> None:
        lane = self.lane_offset[s] + r
        copy, w = self.copies[lane], self.next_crossbar[lane]
        if copy is None:
            super().try_crossbar(s, r)
            return
        if self.computing[lane] or w >= self.next_read[lane] or self.computed[lane] >= self.in_flight[s]:
            return
        self.computing[lane] = True
        self.computed[lane] += 1
        times = self.crossbar_time[s]
        copy.window, copy.digits = w, times[w % len(times)] // self.bit
        if copy.digits == 0:
            # no group of the window has an input: nothing to read or convert
            self.after(0, self.crossbar_done, (s, r, w))
            return
        self.schedule_sample((s, r), self.clock)

    def schedule_sample(self, lane: tuple[int, int], delay: int) -> None:
        event = simpy.Event(self.environment)
        event._ok, event._value = True, lane
        event.callbacks.append(self.sample)
        self.environment.schedule(event, SAMPLE_PRIORITY, delay)

    def sample(self, event: simpy.Event) -> None:
        """The end of a read: the columns go to the sample-and-holds, or wait until these are free."""
        s, r = event._value
        lane = self.lane_offset[s] + r
        copy = self.copies[lane]
        assert copy is not None
        if self.holding(copy):
            copy.waiting = True
            self.waits += 1
            return
        copy.digits -= 1
        window = copy.window if copy.digits == 0 else -1
        if window >= 0:
            self.last_digit[lane, window] = [sum(len(array.batches) for array in copy.arrays), self.now]
        for array in copy.arrays:
            self.unconverted[array.number] = len(array.batches)
            for converter, columns in array.batches:
                self.convert(converter, _Job(columns, lane, array.number, s, window))
        if copy.digits:
            self.schedule_sample((s, r), self.clock)
        else:
            self.read_out(s, r, window)

    def holding(self, copy: _Copy) -> bool:
        """Whether a column of the copy's previous sample is still to be converted."""
        return any(self.unconverted[array.number] for array in copy.arrays)

    def read_out(self, s: int, r: int, w: int) -> None:
        """The end of the crossbar step; post-processing follows the conversions."""
        self.crossbar_end[s][w] = self.now
        lane = self.lane_offset[s] + r
        self.computing[lane] = False
        self.loaded[lane] -= 1
        self.next_crossbar[lane] = self.following(s, w)
        self.try_crossbar(s, r)
        self.try_read(s, r)

    # ------------------------------------------------------------------ converters

    def convert(self, converter: int, job: _Job) -> None:
        jobs = self.jobs[converter]
        jobs.append(job)
        if len(jobs) == 1:
            self.begin(converter, job, Fraction(self.now))

    def begin(self, converter: int, job: _Job, start: Fraction) -> None:
        """Start a batch. Converters do not know picoseconds: the next one starts where this one ends exactly."""
        self.until[converter] = start + job.columns * self.column
        self.after(ceil(self.until[converter]) - self.now, self.converted, converter)

    def converted(self, event: simpy.Event) -> None:
        converter = event._value
        jobs = self.jobs[converter]
        job = jobs.popleft()
        self.conversions += job.columns
        self.unconverted[job.array] -= 1
        if jobs:
            self.begin(converter, jobs[0], self.until[converter])
        copy = self.copies[job.lane]
        assert copy is not None
        r = job.lane - self.lane_offset[job.stage]
        if copy.waiting and not self.holding(copy):
            copy.waiting = False
            self.schedule_sample((job.stage, r), 0)
        if job.window >= 0:
            self.last_converted(job, r)

    def last_converted(self, job: _Job, r: int) -> None:
        """After the last column of a window's last digit: on to post-processing at the copy's next clock edge."""
        left = self.last_digit[job.lane, job.window]
        left[0] -= 1
        if left[0]:
            return
        now, sampled = self.now, left[1]
        clocks = max(self.trail, -(-(now - sampled) // self.clock))
        begun = sampled + clocks * self.clock
        post: int = self.post_time[job.stage] - self.trail * self.bit
        self.after(begun + post - now, self.posted, (job.stage, r, job.window))
        del self.last_digit[job.lane, job.window]
