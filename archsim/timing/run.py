"""Running a plan through a timing engine, with the checks that make the result trustworthy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from archsim.mapping.plan import Plan
from archsim.timing.bitserial import run_bits
from archsim.timing.bottleneck import find_bottleneck
from archsim.timing.checks import check_run
from archsim.timing.compile import compile_machine
from archsim.timing.deadlock import require_finished
from archsim.timing.kernel_engine import run_kernel
from archsim.timing.machine import Ints, Machine, Stamps
from archsim.timing.simpy_engine import run_simpy
from archsim.timing.stream import simulate_stream, stream_timing
from archsim.timing.summary import Timing

Engine = Callable[[Machine], Stamps]
Observer = Callable[[Machine, Stamps], None]
DETAILS = ("window", "bit")

ENGINES: dict[str, Engine] = {"simpy": run_simpy, "kernel": run_kernel}
"""Engines by name. Each obeys the rules in `archsim.timing.machine` and gives the same stamps."""
AUTO = "auto"
ENGINE_NAMES = (AUTO, *ENGINES)
SIMPY_WINDOWS = 25_000
"""Windows that SimPy plays out in about a second; `auto` leaves longer runs to the kernel engine."""


def run_timing(
    plan: Plan,
    images: int = 1,
    *,
    engine: str = AUTO,
    detail: str = "window",
    input_cycles: Mapping[str, Ints] | None = None,
    observe: Observer | None = None,
) -> Timing:
    """Time `images` images streaming through a plan. `observe` is shown the machine and its stamps once it has run.

    Of a long stream that repeats itself only the first images are simulated (`archsim.timing.stream`): checks,
    `observe`, bottleneck and critical path are of those. With `detail` "bit" the SimPy engine plays out the reads and
    conversions of every window (`archsim.timing.bitserial`). Raises `InputError` when the engine cannot run this
    machine or it is too large, `DeadlockError` when buffers are too small and `SimulationError` when a check on the
    finished run fails.
    """
    machine = compile_machine(plan, images, input_cycles)
    if detail == "window":
        return time_machine(machine, engine=engine, observe=observe)
    return _timed(machine, "simpy", lambda part: run_bits(plan, part).stamps, observe)


def time_machine(machine: Machine, *, engine: str = "kernel", observe: Observer | None = None) -> Timing:
    """Time all images of a compiled machine, as `run_timing` does at detail "window": the result follows from these
    arguments alone."""
    name = engine_for(machine, engine)
    return _timed(machine, name, ENGINES[name], observe)


def engine_for(machine: Machine, engine: str) -> str:
    """The engine that `auto` stands for, which depends on the size of the run alone; others are themselves."""
    if engine != AUTO:
        return engine
    return "simpy" if int(machine.total.sum()) <= SIMPY_WINDOWS else "kernel"


def _timed(machine: Machine, engine: str, simulated: Engine, observe: Observer | None) -> Timing:
    stream = simulate_stream(machine, simulated, is_kernel=engine == "kernel")
    machine, stamps = stream.short, stream.stamps
    require_finished(machine, stamps)
    check_run(machine, stamps)
    if observe is not None:
        observe(machine, stamps)
    bottleneck, path = find_bottleneck(machine, stamps)
    return replace(stream_timing(stream, engine), bottleneck=bottleneck, critical_path=path)
