"""What would make a run shorter, tried: the same layout on a chip with one figure doubled or halved.

The critical path says where the time went; what takes the place of a part that is made faster it does not say. So a
figure is only named once a run with it has shown a gain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from archsim.components import Chip
from archsim.mapping.digital import UNITS
from archsim.mapping.plan import Plan
from archsim.timing.bottleneck import PathRow
from archsim.timing.compile import compile_machine
from archsim.timing.kernel_engine import run_kernel
from archsim.timing.machine import Ints
from archsim.timing.summary import SECONDS, image_ends

WORTH = 0.25
"""Share of what a figure could gain at most that it must gain to be named without looking further."""
MOST_TRIES = 4
Change = Callable[[Plan], Plan]


@dataclass(frozen=True, slots=True)
class _Try:
    """A figure of the hardware file, what is done to it, and the plan with it."""

    path: str
    how: str
    change: Change


def find_relief(
    plan: Plan,
    path: tuple[PathRow, ...],
    images: int,
    input_cycles: Mapping[str, Ints] | None = None,
    known_s: float | None = None,
) -> str:
    """What was tried on a run of so many images and made it shorter, in words; "" where nothing did.

    `known_s` is the latency of the run as it is, where it is known. Kinds of limits are taken in the order of their
    share of the critical `path`; the first figure that gains a quarter of its kind's share is named, else the one that
    gained most.
    """
    whole = _latency_s(plan, images, input_cycles) if known_s is None else known_s
    shares: defaultdict[str, float] = defaultdict(float)
    for row in path:
        shares[row.limit] += row.share
    best, words = 0.0, ""
    tried: set[str] = set()
    for kind, share in sorted(shares.items(), key=lambda item: -item[1]):
        for one in _tries(kind, path):
            if one.path in tried or len(tried) == MOST_TRIES:
                continue
            tried.add(one.path)
            gain = 1 - _latency_s(one.change(plan), images, input_cycles) / whole
            if gain > best:
                best, words = gain, f"{one.path} {one.how}: {gain:.0%} off the latency, tried with the layout held"
            if gain >= WORTH * share:
                return words
    return words if best >= 0.005 else ""


def _latency_s(plan: Plan, images: int, input_cycles: Mapping[str, Ints] | None) -> float:
    machine = compile_machine(plan, images, input_cycles)
    return float(image_ends(machine, run_kernel(machine))[-1]) * SECONDS


def _tries(kind: str, path: tuple[PathRow, ...]) -> Iterator[_Try]:
    """Figures that may relieve a kind of limit, the nearest first."""
    if kind == "digital units":
        spent: defaultdict[str, float] = defaultdict(float)
        for row in path:
            if row.limit == kind:
                spent[row.limit_name.split()[0]] += row.share
        yield from (DOUBLED[f"tile.{name}.rate"] for name in sorted(spent, key=lambda unit: -spent[unit]))
    yield from (DOUBLED[name] for name in NEAREST[kind])


def _tile(change: Callable[[Chip], dict[str, Any]]) -> Change:
    return lambda plan: replace(plan, chip=replace(plan.chip, tile=replace(plan.chip.tile, **change(plan.chip))))


def _unit(name: str) -> Change:
    return _tile(lambda chip: {name: replace(getattr(chip.tile, name), rate=2 * getattr(chip.tile, name).rate)})


def _faster_links(plan: Plan) -> Plan:
    links = replace(plan.chip.links, bandwidth=2 * plan.chip.links.bandwidth)
    return replace(plan, chip=replace(plan.chip, links=links))


def _faster_reads(plan: Plan) -> Plan:
    chip = plan.chip
    ima, pipeline = chip.tile.ima, chip.pipeline
    faster = replace(ima, bit_cycle_ps=-(-ima.bit_cycle_ps // 2))
    shorter = replace(
        pipeline,
        decision_ps=pipeline.decision_ps // 2,
        adc_trail_ps=pipeline.adc_trail_ps // 2,
        shift_add_ps=pipeline.shift_add_ps // 2,
    )
    return replace(plan, chip=replace(chip, tile=replace(chip.tile, ima=faster), pipeline=shorter))


def _faster_tile(plan: Plan) -> Plan:
    chip, pipeline = plan.chip, plan.chip.pipeline
    shorter = replace(
        pipeline,
        edram_read_ps=pipeline.edram_read_ps // 2,
        activation_ps=pipeline.activation_ps // 2,
        edram_write_ps=pipeline.edram_write_ps // 2,
    )
    tile = replace(chip.tile, cycle_ps=-(-chip.tile.cycle_ps // 2))
    return replace(plan, chip=replace(chip, tile=tile, pipeline=shorter))


def _more_slack(plan: Plan) -> Plan:
    edges = (replace(edge, capacity=edge.capacity + max(1, edge.capacity - edge.minimum)) for edge in plan.edges)
    return replace(plan, edges=tuple(edges))


def _more_registers(plan: Plan) -> Plan:
    pipeline = plan.chip.pipeline
    more = replace(
        pipeline, input_registers=2 * pipeline.input_registers, output_registers=2 * pipeline.output_registers
    )
    return replace(plan, chip=replace(plan.chip, pipeline=more))


def _wider_bus(chip: Chip) -> dict[str, Any]:
    edram = chip.tile.edram
    return {"edram": replace(edram, bytes_per_cycle=2 * edram.bytes_per_cycle)}


def _faster_mesh(chip: Chip) -> dict[str, Any]:
    router = chip.tile.router
    return {"router": replace(router, flit_rate=2 * router.flit_rate)}


TRIES = (
    _Try("ima.cycle", "halved (converters keeping pace)", _faster_reads),
    _Try("tile.cycle", "halved", _faster_tile),
    _Try("tile.edram.bytes_per_cycle", "doubled", _tile(_wider_bus)),
    _Try("tile.router.flit_rate", "doubled", _tile(_faster_mesh)),
    _Try("chip.links.bandwidth", "doubled", _faster_links),
    _Try("mapping.buffer_slack_rows", "doubled", _more_slack),
    _Try("pipeline.input_registers and output_registers", "doubled", _more_registers),
    *(_Try(f"tile.{name}.rate", "doubled", _unit(name)) for name in UNITS),
)
DOUBLED = {one.path: one for one in TRIES}
REGISTERS = "pipeline.input_registers and output_registers"
NEAREST: dict[str, tuple[str, ...]] = {
    "crossbars": ("ima.cycle",),
    "digital units": (),
    "bus": ("tile.edram.bytes_per_cycle", "tile.cycle"),
    "link": ("tile.router.flit_rate",),
    "chip link": ("chip.links.bandwidth",),
    "buffer": ("mapping.buffer_slack_rows", "ima.cycle", "tile.cycle"),
    "registers": (REGISTERS, "tile.cycle"),
    "depth": ("ima.cycle", "tile.cycle", "tile.router.flit_rate", "tile.edram.bytes_per_cycle"),
}
