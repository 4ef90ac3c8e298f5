"""What shorter streams do to the latency of one picture."""

from __future__ import annotations

from archsim.function.inference.infer import infer
from archsim.function.precision.offline import plan_streaming
from archsim.studies.claims import Table
from archsim.studies.redy.measure import Bench, Setting, latency, window_time_saved, with_precision, without_decision
from archsim.studies.redy.plan import RANGE, REDY, REDY_LOOSE, STATIC7

COLUMNS = (
    ("setting", "policy", ""),
    ("cycles_saved", "cycles of all groups", ".1%"),
    ("window_time_saved", "window time, lock step", ".1%"),
    ("latency_saved", "latency, lock step", ".1%"),
    ("free_latency_saved", "latency, free running", ".1%"),
)


def latency_table(bench: Bench) -> Table:
    """Latency of the first picture for the main policies, in lock step and with row groups running free, against static
    8 bit. The decision's cycle of latency is in both dynamic figures, not in the static one."""
    rows = tuple(latency_row(bench, setting) for setting in (STATIC7, RANGE, REDY, REDY_LOOSE))
    return Table(title=f"{bench.case.name}: time saved on the first picture", rows=rows, columns=COLUMNS)


def latency_row(bench: Bench, setting: Setting) -> dict[str, str | float]:
    """Shares saved by one setting on the first picture."""
    mapped, method = bench.plans[setting.rows], next(iter(bench.networks))
    plan = with_precision(mapped, setting.block())
    streaming = plan_streaming(plan)
    assert streaming is not None
    found = infer(bench.networks[method], bench.pictures[:1], counting=streaming.counting, streaming=streaming)
    activity = {layer.name: layer for layer in found.activity}
    block = setting.block()
    static = with_precision(mapped, None)
    if not block.needs_inputs:
        plan = without_decision(plan)
    base = latency(without_decision(static), {})
    free = with_precision(plan, block.model_copy(update={"free_running": True}))
    return {
        "setting": setting.name,
        "cycles_saved": window_time_saved(activity, longest=False),
        "window_time_saved": window_time_saved(activity, longest=True),
        "latency_s": latency(plan, activity),
        "static_latency_s": base,
        "latency_saved": 1 - latency(plan, activity) / base,
        "free_latency_saved": 1 - latency(free, activity) / base,
    }
