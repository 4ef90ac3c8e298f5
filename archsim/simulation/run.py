"""The three steps of a run and their order."""

from __future__ import annotations

from dataclasses import replace

from archsim.accounting import (
    charged_by_level,
    count_actions,
    price,
    programming_cost,
    static_rows,
    table_costs,
    timed_cycles,
)
from archsim.components import cost_table
from archsim.errors import InputError, Problem
from archsim.function.crossbars.devices import stored_cells
from archsim.function.precision.calibration import Calibration
from archsim.function.precision.offline import check_layer_names
from archsim.mapping import Plan
from archsim.result import Result
from archsim.simulation.computing import Computed, Data, Progress, compute
from archsim.simulation.notes import run_notes
from archsim.simulation.reuse import Reuse
from archsim.simulation.rows import result_of
from archsim.timing import (
    DETAILS,
    ENGINES,
    Observer,
    Timing,
    compile_machine,
    run_timing,
    time_machine,
)


def simulate(
    plan: Plan,
    *,
    images: int = 1,
    seed: int = 0,
    inputs: Data | None = None,
    limit: int | None = None,
    calibrate: Data | Calibration | None = None,
    engine: str = "simpy",
    detail: str = "window",
    progress: Progress | None = None,
    observe: Observer | None = None,
    reuse: Reuse | None = None,
) -> Result:
    """Simulate a mapped network.

    Parameters
    ----------
    images : images that stream through the chip for timing and energy.
    seed : of everything drawn (weights of a network that comes without).
    inputs : pictures to compute; adds function, accuracy and measured activity. A shipped set, a path, or a `Dataset`.
    limit : only the first pictures of `inputs`.
    calibrate : pictures for the activation ranges, or what `archsim calibrate` saved (a path ending in .json).
    engine : timing engine.
    detail : "window", or "bit": every input digit and converter played out (engine simpy, small networks).
    progress : called with the number of pictures done and of pictures in all.
    observe : shown the timing machine and its stamps once it has run (`archsim.report.trace` makes a trace of them).
    reuse : keeps what later points of a sweep have in common with this one; the result is the same with and without.

    Raises
    ------
    InputError
        Inputs that do not fit the network, an unknown engine, a cost the hardware file lacks.
    DeadlockError, SimulationError
        A run that cannot finish or breaks an invariant.
    """
    _check(images, engine, detail)
    check_layer_names(plan)
    computed = compute(
        plan, inputs, seed=seed, limit=limit, calibrate=calibrate, images=images, progress=progress, reuse=reuse
    )
    timing = time_plan(plan, computed, images=images, engine=engine, detail=detail, observe=observe, reuse=reuse)
    return replace(account(plan, timing, computed, seed=seed), detail=detail)


def _check(images: int, engine: str, detail: str) -> None:
    problems = []
    if engine not in ENGINES:
        problems.append(Problem("engine", f"is '{engine}'; expected {' | '.join(ENGINES)}"))
    elif detail not in DETAILS or (detail == "bit" and engine != "simpy"):
        expected = f"expected {' | '.join(DETAILS)}; bit needs engine simpy"
        problems.append(Problem("detail", f"is '{detail}' with engine '{engine}'; {expected}"))
    if images < 1:
        problems.append(Problem("images", f"is {images}; expected 1 or more"))
    if problems:
        raise InputError(problems)


def time_plan(
    plan: Plan,
    computed: Computed,
    *,
    images: int = 1,
    engine: str = "kernel",
    detail: str = "window",
    observe: Observer | None = None,
    reuse: Reuse | None = None,
) -> Timing:
    """Play a plan out in time, with the input cycles that the computed pictures take.

    Raises
    ------
    DeadlockError, SimulationError
        A run that cannot finish or breaks an invariant.
    """
    cycles = timed_cycles(plan, computed.activity, images)
    if reuse is not None and detail == "window" and observe is None:
        machine = compile_machine(plan, images, cycles)
        return reuse("timing", (machine, engine), lambda: time_machine(machine, engine=engine))
    return run_timing(plan, images, engine=engine, detail=detail, input_cycles=cycles, observe=observe)


def account(plan: Plan, timing: Timing, computed: Computed, *, seed: int = 0) -> Result:
    """Count and price what happened; the result of the run.

    Raises
    ------
    InputError
        A cost the hardware file lacks.
    """
    stored = stored_cells(plan) if charged_by_level(plan) or plan.hardware.model.weight_levels is not None else None
    counts = count_actions(plan, timing, computed.activity, stored)
    rows = [*price(counts, {**cost_table(plan.chip), **table_costs(plan)}), *static_rows(plan, timing)]
    notes = tuple(run_notes(plan, computed, stored, seed))
    result = result_of(plan, timing, rows, computed, notes, seed)
    return replace(result, programming=programming_cost(plan, stored))
