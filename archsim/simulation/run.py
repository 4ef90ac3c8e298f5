"""The three steps of a run and their order."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

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
from archsim.keeping import anew
from archsim.mapping import Plan
from archsim.result import Result
from archsim.simulation.computing import Computed, Data, Progress, compute
from archsim.simulation.consequences import Ran, setting_notes
from archsim.simulation.notes import run_notes
from archsim.simulation.reuse import Reuse
from archsim.simulation.rows import result_of
from archsim.timing import (
    AUTO,
    DETAILS,
    ENGINE_NAMES,
    Observer,
    Timing,
    compile_machine,
    find_relief,
    run_timing,
    steady_rate,
    time_machine,
)

Images = int | Literal["steady"]
STEADY: Literal["steady"] = "steady"


def simulate(
    plan: Plan,
    *,
    images: Images = 1,
    seed: int = 0,
    inputs: Data | None = None,
    limit: int | None = None,
    calibrate: Data | Calibration | None = None,
    engine: str = AUTO,
    detail: str = "window",
    progress: Progress | None = None,
    observe: Observer | None = None,
    reuse: Reuse | None = None,
    advise: bool = False,
    idle: bool = True,
) -> Result:
    """Simulate a mapped network.

    Parameters
    ----------
    images : images that stream through the chip for timing and energy; "steady" times one, and the rate of an endless
        stream beside it. Figures of a steady stream (images per second, throughput, efficiency, energy per image) are
        None for a single image.
    seed : of everything drawn (weights of a network that comes without).
    inputs : pictures to compute; adds function, accuracy and measured activity. A shipped set, a path, or a `Dataset`.
    limit : only the first pictures of `inputs`.
    calibrate : pictures for the activation ranges, or what `archsim calibrate` saved (a path ending in .json).
    engine : timing engine; "auto" is the reference where it answers within about a second, else the compiled one.
    detail : "window", or "bit": every input digit and converter played out (engine simpy, small networks).
    progress : called with the number of pictures done and of pictures in all.
    observe : shown the timing machine and its stamps once it has run (`archsim.report.trace` makes a trace of them).
    reuse : keeps what later points of a sweep have in common with this one; the result is the same with and without.
    advise : try what would relieve the bottleneck (`archsim.timing.relief`); takes a few more timings.
    idle : note values that were set and move no figure of the run (`archsim.simulation.consequences`); points of a
        sweep are compared with each other instead.

    Raises
    ------
    InputError
        Inputs that do not fit the network, an unknown engine, a cost the hardware file lacks.
    DeadlockError, SimulationError
        A run that cannot finish or breaks an invariant.
    """
    _check(images, engine, detail)
    check_layer_names(plan)
    streamed = 1 if images == STEADY else int(images)
    computed = compute(
        plan, inputs, seed=seed, limit=limit, calibrate=calibrate, images=streamed, progress=progress, reuse=reuse
    )
    timing = time_plan(plan, computed, images=images, engine=engine, detail=detail, observe=observe, reuse=reuse)
    if advise:
        timing = _advised(plan, timing, computed)
    result = replace(account(plan, timing, computed, seed=seed), detail=detail)
    if not idle:
        return result
    stored = stored_cells(plan) if charged_by_level(plan) else None
    said = setting_notes(Ran(plan=plan, timing=timing, computed=computed, stored=stored))
    return replace(result, notes=(*result.notes, *said))


def _advised(plan: Plan, timing: Timing, computed: Computed) -> Timing:
    """A timing whose bottleneck says what would relieve it; of a long stream, what would relieve its first images."""
    assert timing.bottleneck is not None
    images = timing.simulated_images
    cycles = timed_cycles(plan, computed.activity, images)
    known = timing.latency_s if images == timing.images else None
    words = find_relief(plan, timing.critical_path, images, cycles, known)
    return replace(timing, bottleneck=replace(timing.bottleneck, relief=words))


def _check(images: Images, engine: str, detail: str) -> None:
    problems = []
    if engine not in ENGINE_NAMES:
        problems.append(Problem("engine", f"is '{engine}'; expected {' | '.join(ENGINE_NAMES)}"))
    elif detail not in DETAILS or (detail == "bit" and engine not in (AUTO, "simpy")):
        expected = f"expected {' | '.join(DETAILS)}; bit needs engine simpy"
        problems.append(Problem("detail", f"is '{detail}' with engine '{engine}'; {expected}"))
    if images != STEADY and (isinstance(images, str) or images < 1):
        problems.append(Problem("images", f"is {images}; expected 1 or more, or '{STEADY}'"))
    if problems:
        raise InputError(problems)


def time_plan(
    plan: Plan,
    computed: Computed,
    *,
    images: Images = 1,
    engine: str = "kernel",
    detail: str = "window",
    observe: Observer | None = None,
    reuse: Reuse | None = None,
) -> Timing:
    """Play a plan out in time, with the input cycles that the computed pictures take; `images` as of `simulate`.

    Raises
    ------
    DeadlockError, SimulationError
        A run that cannot finish or breaks an invariant.
    """
    if images == STEADY:
        one = time_plan(plan, computed, engine=engine, detail=detail, observe=observe, reuse=reuse)
        machine = compile_machine(plan, 1, timed_cycles(plan, computed.activity, 1))
        keep = anew if reuse is None else reuse
        return replace(one, rate=keep("rate", (machine,), lambda: steady_rate(machine)))
    images = int(images)
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
    counts = count_actions(plan, timing, computed.reads, stored)
    rows = [*price(counts, {**cost_table(plan.chip), **table_costs(plan)}), *static_rows(plan, timing)]
    notes = tuple(run_notes(plan, computed, stored, seed))
    result = result_of(plan, timing, rows, computed, notes, seed)
    return replace(result, programming=programming_cost(plan, stored))
