"""Counting actions: how often each component acted, layer by layer. Nothing here knows a joule.

Counts follow the plan exactly; where a machine gates its row drivers (`dac.charge: active`) they follow the inputs'
bits. Unit of each count: `crossbar.read` full-array reads (a partly used array counts its used share of cells),
`dac.drive` rows, `adc.convert`, `sample_hold.sample` and `shift_add.add` columns, registers' `window` full registers
of one array and window, `edram.access` lines of `access_bits`, `bus.bit` bits, `router.flit` flits times routers,
digital units one per element operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from archsim.mapping.digital import digital_work
from archsim.mapping.network import chip_crossings, routers_visited
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.traffic import EdgeRoutes, edge_bits, edge_routes, flits, stage_traffic

if TYPE_CHECKING:
    from archsim.function.activity import LayerActivity
    from archsim.timing.summary import StageTiming, Timing

CHIP = "chip"
"""Layer name of what belongs to no layer."""

ASSUMED_ACTIVE_ROWS = 0.5
"""Share of rows driven per input cycle where a machine gates its row drivers and no inputs were given: random bits."""


@dataclass(frozen=True, slots=True)
class Count:
    """`count` times `action` of `component` for `layer`, over all images of the run."""

    layer: str
    component: str
    action: str
    count: float


def count_actions(plan: Plan, timing: Timing, activity: Mapping[str, LayerActivity]) -> list[Count]:
    """All dynamic actions of a run of `timing.images` images. `activity` has measured inputs by layer, or nothing.

    Measured counts are the mean per picture times the number of images.
    """
    routed = edge_routes(plan)
    counts: list[Count] = []
    for index, (mapped, stage) in enumerate(zip(plan.stages, timing.stages, strict=True)):
        found = [
            *_crossbar_actions(plan, mapped, activity.get(mapped.name)),
            *_memory_actions(plan, mapped),
            *[(work.component, work.action, work.count * mapped.windows) for work in digital_work(mapped.stage)],
            *_network_actions(plan, mapped, [edge for edge in routed if edge.edge.source == index]),
        ]
        images = timing.images
        counts += [Count(mapped.name, component, action, n * images) for component, action, n in _merged(found)]
        counts += [Count(mapped.name, *entry) for entry in _control_actions(plan, mapped, stage)]
    return counts


Entry = tuple[str, str, float]


def _merged(entries: list[Entry]) -> list[Entry]:
    total: dict[tuple[str, str], float] = {}
    for component, action, count in entries:
        total[component, action] = total.get((component, action), 0) + count
    return [(component, action, count) for (component, action), count in total.items() if count]


def _crossbar_actions(plan: Plan, mapped: MappedStage, activity: LayerActivity | None) -> list[Entry]:
    """Analog side and its registers, per image. ADC conversions: used columns of every array and input cycle, the
    unit column included where there is one (`converts: all`: every column)."""
    grid = mapped.grid
    if grid is None:
        return []
    ima, windows, cycles = plan.chip.tile.ima, mapped.windows, plan.slicing.input_cycles
    steps = windows * cycles
    unit = grid.crossbars if ima.crossbar.unit_column else 0
    columns = int(grid.columns.sum()) + unit
    converted = grid.crossbars * ima.crossbar.columns + unit if ima.adc.converts == "all" else columns
    return [
        ("crossbar", "read", steps * grid.crossbars * grid.utilization),
        ("dac", "drive", _rows_driven(plan, mapped, activity)),
        ("sample_hold", "sample", steps * converted),
        ("adc", "convert", steps * converted),
        ("shift_add", "add", steps * converted),
        *_register_actions(plan, mapped, columns),
    ]


def _rows_driven(plan: Plan, mapped: MappedStage, activity: LayerActivity | None) -> float:
    """Rows driven per image over all arrays; with `charge: active` only rows with a non-zero digit."""
    grid = mapped.grid
    assert grid is not None
    rows = int(grid.rows.sum())
    used = rows * mapped.windows * plan.slicing.input_cycles
    if plan.chip.tile.ima.dac.charge == "used":
        return used
    if activity is None:
        return used * ASSUMED_ACTIVE_ROWS
    # every row set drives the same number of arrays, so the share of active rows carries over
    return used * activity.active_row_fraction


def _register_actions(plan: Plan, mapped: MappedStage, columns: int) -> list[Entry]:
    """IMA registers: `window` counts full registers' worth per array and window; `access` counts one read and write
    per array, window."""
    grid, ima = mapped.grid, plan.chip.tile.ima
    assert grid is not None
    found: list[Entry] = []
    share = int(grid.rows.sum()) / ima.crossbar.rows
    found += _register(
        "input_register", ima.input_register.charge, share * mapped.windows, grid.crossbars * mapped.windows
    )
    share = columns / ima.crossbar.columns
    found += _register(
        "output_register", ima.output_register.charge, share * mapped.windows, grid.crossbars * mapped.windows
    )
    return found


def _register(component: str, charge: str, windows: float, accesses: float) -> list[Entry]:
    if charge == "window":
        return [(component, "window", windows)]
    return [(component, "read", accesses), (component, "write", accesses)]


def _memory_actions(plan: Plan, mapped: MappedStage) -> list[Entry]:
    """Tile eDRAM and bus per image: inputs read, partial sums between IMAs, outputs written."""
    traffic = stage_traffic(plan, mapped)
    reads = _edram_accesses(plan, traffic.loaded_bits)
    writes = _edram_accesses(plan, traffic.output_bits)
    moved = traffic.loaded_bits + traffic.partial_bits + traffic.output_bits
    return [
        ("edram", "access", (reads + writes) * mapped.windows),
        _bus(plan, moved * mapped.windows, (reads + writes) * mapped.windows),
    ]


def _edram_accesses(plan: Plan, bits: float) -> int:
    return ceil(bits / plan.chip.tile.edram.access_bits)


def _bus(plan: Plan, bits: float, accesses: float) -> Entry:
    """The bus is charged per bit, or per access where the hardware file prices it so: one with every eDRAM access."""
    return ("bus", "bit", bits) if plan.chip.tile.bus.charge == "bit" else ("bus", "access", accesses)


def _network_actions(plan: Plan, mapped: MappedStage, routed: list[EdgeRoutes]) -> list[Entry]:
    """Packets to consumers (and partial sums between tiles) per image: flits through routers, bytes over chip links,
    and the eDRAM writes that receive them."""
    traffic = stage_traffic(plan, mapped)
    gathered = flits(plan, traffic.gathered_bits) * 2 * mapped.windows
    found: list[Entry] = [("router", "flit", gathered)]
    links = plan.chip.links
    for edge in routed:
        bits = edge_bits(plan, edge.edge)
        size = flits(plan, bits)
        for share, route, stops in zip(edge.shares.tolist(), edge.routes, edge.stops, strict=True):
            found.append(("router", "flit", share * size * routers_visited(route)))
            found.append(("edram", "access", share * stops * _edram_accesses(plan, bits)))
            if not links.always_on:
                packets = ceil(bits / 8 / links.packet_bytes) * chip_crossings(route)
                found.append(("link", "packet", share * packets))
    return found


def _control_actions(plan: Plan, mapped: MappedStage, timing: StageTiming) -> list[Entry]:
    """Control charged per clock cycle in which its unit works: the crossbar step's busy time of every lane, over the
    whole run."""
    chip, found = plan.chip, []
    place = mapped.placement
    cycles = timing.busy_s * mapped.replication / (chip.tile.cycle_ps * 1e-12)
    per_ima = chip.tile.ima.crossbars
    imas = ceil(place.crossbars / mapped.replication / per_ima) if place.crossbars else 0
    for overhead in chip.tile.ima.overheads:
        if overhead.charge == "per_cycle_in_use" and imas:
            found.append((overhead.name, "cycle", cycles * imas * overhead.count))
    for overhead in chip.tile.overheads:
        if overhead.charge == "per_cycle_in_use":
            found.append((overhead.name, "cycle", cycles * place.span * overhead.count))
    return found


def assumed_activity(plan: Plan) -> str:
    """What was assumed about the inputs where none were given, for the result to say."""
    if plan.chip.tile.ima.dac.charge == "active":
        return f"assumed ({ASSUMED_ACTIVE_ROWS:.0%} of rows driven in each input cycle; zero fraction not assumed)"
    return "assumed (this machine drives every used row, so no count depends on input values)"
