"""Running a plan through a timing engine, with the checks that make the result trustworthy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from archsim.mapping.plan import Plan
from archsim.timing.bottleneck import find_bottleneck
from archsim.timing.checks import check_run
from archsim.timing.compile import compile_machine
from archsim.timing.deadlock import require_finished
from archsim.timing.machine import Ints, Machine, Stamps
from archsim.timing.simpy_engine import run_simpy
from archsim.timing.summary import Timing, summarize

Engine = Callable[[Machine], Stamps]
Observer = Callable[[Machine, Stamps], None]

ENGINES: dict[str, Engine] = {"simpy": run_simpy}
"""Engines by name. Each obeys the rules in `archsim.timing.machine` and gives the same stamps."""


def run_timing(
    plan: Plan,
    images: int = 1,
    *,
    engine: str = "simpy",
    input_cycles: Mapping[str, Ints] | None = None,
    observe: Observer | None = None,
) -> Timing:
    """Time `images` images streaming through a plan. `observe` is shown the machine and its stamps once it has run.

    Raises `DeadlockError` when buffers are too small and `SimulationError` when a check on the finished run fails.
    """
    machine = compile_machine(plan, images, input_cycles)
    stamps = ENGINES[engine](machine)
    require_finished(machine, stamps)
    check_run(machine, stamps)
    if observe is not None:
        observe(machine, stamps)
    digital = frozenset(mapped.name for mapped in plan.stages if mapped.grid is None)
    bottleneck, path = find_bottleneck(machine, stamps, digital)
    return replace(summarize(machine, stamps, engine), bottleneck=bottleneck, critical_path=path)
