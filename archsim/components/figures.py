"""Figures that follow from a hardware file alone: what `archsim check` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import fsum

from archsim.components.adc import FITTED
from archsim.components.cost import circuits, cost_table
from archsim.components.rollup import area_rows, part_rows, power_rows, total_area, total_power
from archsim.components.tree import Chip, Circuit
from archsim.config.capacity import holdings
from archsim.config.sources import recalled
from archsim.units import format_quantity

_MM2 = 1e-6
_MIB = 2**20
_CLOSED = 0.01
"""Share of a power by which the two views of a component may differ without a note."""
_ROUNDED = "sums are rounded, those outside its range clip"
_LOST = {
    "ideal": "",
    "unit": "sums above its range clip",
    "full_scale": "sums are rounded to steps of more than one level",
    **dict.fromkeys(("calibrated", "fixed", "quantiles", "references"), _ROUNDED),
}
"""What a converter with fewer codes than sums does to them, by its transfer curve
(`archsim.function.crossbars.converter`)."""


def figures(chip: Chip) -> dict[str, object]:
    """Derived figures by nested name, SI units unless the key says otherwise.

    CE, PE and SE are ISAAC's peak figures of merit (Table IV): operations per second and mm2, operations per second and
    watt, MiB of weights per mm2, the links included. An operation is one multiplication or one addition at the operand
    widths of the file. Shares are of one tile, with its part of the router; `edram_bus` is the sum of two others.
    """
    area, power = total_area(area_rows(chip)), total_power(power_rows(chip))
    ops = peak_ops(chip)
    return {
        "name": chip.name,
        "hash": chip.hardware.hash,
        "ima": _ima(chip),
        "tile": _tile(chip),
        "chip": _chip(chip, area, power),
        "peak_ops": ops,
        "ce_gops_per_mm2": ops / 1e9 / (area / _MM2),
        "pe_gops_per_w": ops / 1e9 / power,
        "se_mib_per_mm2": weight_bytes(chip) / _MIB / (area / _MM2),
        **_windows(chip),
        "adc_bits": chip.tile.ima.adc.bits,
        "adc_bits_required": chip.adc_bits_required,
        "adc_bits_required_flip": chip.adc_bits_required_flip,
        "adc_conversions_per_mac": conversions_per_mac(chip),
        "registers": {
            held.path: {"holds_bytes": held.holds, "window_bytes": held.window}
            for held in holdings(chip.hardware.model)
        },
        "energy_per_action_j": _energies(chip),
        "notes": list(notes(chip)),
    }


def peak_ops(chip: Chip) -> float:
    """Operations (two for each multiply-accumulate) per second with every cell in use."""
    crossbar = chip.tile.ima.crossbar
    weights = chip.crossbars // chip.arrays_per_weight * crossbar.rows * chip.weights_per_row
    return 2 * weights / (chip.window_interval_ps * 1e-12)


def weight_bytes(chip: Chip) -> float:
    """Bytes of weights that the cells of a chip hold."""
    crossbar = chip.tile.ima.crossbar
    return chip.crossbars * crossbar.rows * crossbar.columns * crossbar.cell.bits / 8


def conversions_per_mac(chip: Chip) -> float:
    """ADC conversions for one multiply-accumulate in a full array, unit column not counted: columns x reads / rows.
    Every row is opened, whatever a row-activation policy leaves out."""
    columns = chip.columns_per_weight * chip.arrays_per_weight
    return columns * chip.window_reads / chip.tile.ima.crossbar.rows


def notes(chip: Chip) -> Iterator[str]:
    """What a reader of the figures should know: clipping, stretched cycles, values from memory, values set by hand.

    They hold for every run on the chip and stand in its notes too (`archsim.simulation`)."""
    ima = chip.tile.ima
    loss = _LOST["unit" if ima.adc.transfer is None else ima.adc.transfer.curve]
    if ima.adc.bits < chip.adc_bits_sufficient and loss:
        yield (
            f"the {ima.adc.bits}-bit ADC is narrower than the {chip.adc_bits_sufficient} bits that a full column of "
            f"{ima.crossbar.rows_at_once} rows can take (encoding {chip.precision.encoding}): {loss}"
        )
    low, high = FITTED.get(ima.adc.scaling, (ima.adc.bits, ima.adc.bits))
    if not low <= ima.adc.bits <= high:
        yield (
            f"the cost of the {ima.adc.bits}-bit ADC is extrapolated: law {ima.adc.scaling} was fitted over {low} to "
            f"{high} bits"
        )
    if ima.crossbar.unit_column and chip.precision.encoding == "differential":
        yield "ima.crossbar.unit_column asks for a column that differential pairs do not need: there is none"
    if ima.bit_cycle_ps > ima.cycle_ps:
        rate = format_quantity(ima.columns_per_adc / (ima.cycle_ps * 1e-12), "S/s", 4)
        yield (
            f"the read cycle stretches from {format_quantity(ima.cycle_ps * 1e-12, 's', 6)} to "
            f"{format_quantity(ima.bit_cycle_ps * 1e-12, 's', 6)}: {ima.columns_per_adc} columns an ADC need {rate}"
        )
    yield from _open_views(chip)
    for held in holdings(chip.hardware.model):
        if held.holds < held.window:
            yield (
                f"{held.path} is too small: it holds {format_quantity(held.holds, 'B')} and a window of all arrays "
                f"takes {format_quantity(held.window, 'B')}; time and energy are those of one that holds it"
            )
    for path, note in recalled(chip.hardware.model):
        yield f"{path} is recalled from memory: {note}"
    yield from settings_notes(dict(chip.hardware.overridden))


def settings_notes(settings: Mapping[str, str]) -> Iterator[str]:
    """What a reader should know of values that were set from outside, in the order of their paths."""
    for path, value in sorted(settings.items()):
        yield f"{path} was set to {value}; figures printed for another value scale only where the file's 'at' says how"


def _open_views(chip: Chip) -> Iterator[str]:
    """Components whose energies of actions do not add up to the file's power at full load."""
    apart = [
        f"{row.component} {format_quantity(row.charged_w, 'W', 3)} instead of {format_quantity(row.power_w, 'W', 3)}"
        for row in part_rows(chip)
        if row.charged_w is not None and abs(row.charged_w - row.power_w) > _CLOSED * row.power_w
    ]
    if apart:
        yield f"runs charge stated energies that at full load take another power than the file's: {', '.join(apart)}"


def _shares(parts: dict[str, float]) -> dict[str, float]:
    total = fsum(parts.values())
    return {name: value / total for name, value in parts.items()} if total else dict.fromkeys(parts, 0.0)


def _per_tile(chip: Chip, attribute: str) -> dict[str, float]:
    """A component's figure in one tile; the router counts by the tile's share of it."""
    units = {"ima": chip.tile.imas, "tile": 1}
    parts = {
        name: units[level] * circuit.count * getattr(circuit, attribute)
        for name, level, circuit in circuits(chip)
        if level in units
    }
    parts["router"] = getattr(chip.tile.router, attribute) / chip.tile.router.shared_by
    return parts


def _ima(chip: Chip) -> dict[str, object]:
    parts: list[Circuit] = [circuit for _, level, circuit in circuits(chip) if level == "ima"]
    return {
        "crossbars": chip.tile.ima.crossbars,
        "power_w": fsum(part.count * part.power_w for part in parts),
        "area_m2": fsum(part.count * part.area_m2 for part in parts),
        "read_cycle_s": chip.tile.ima.bit_cycle_ps * 1e-12,
        "peak_ops": peak_ops(chip) / chip.tiles / chip.tile.imas,
    }


def _tile(chip: Chip) -> dict[str, object]:
    power, area = _per_tile(chip, "power_w"), _per_tile(chip, "area_m2")
    area_share = _shares(area)
    area_share["edram_bus"] = area_share["edram"] + area_share["bus"]
    return {
        "imas": chip.tile.imas,
        "power_w": fsum(power.values()),
        "area_m2": fsum(area.values()),
        "peak_ops": peak_ops(chip) / chip.tiles,
        "power_share": _shares(power),
        "area_share": area_share,
    }


def _chip(chip: Chip, area: float, power: float) -> dict[str, object]:
    return {
        "tiles": chip.tiles,
        "crossbars": chip.crossbars,
        "power_w": power,
        "area_m2": area,
        "tiles_power_w": chip.tiles * fsum(_per_tile(chip, "power_w").values()),
        "tiles_area_m2": chip.tiles * fsum(_per_tile(chip, "area_m2").values()),
        "link_power_share": chip.links.count * chip.links.power_w / power if power else 0.0,
        "weight_bytes": weight_bytes(chip),
    }


def _windows(chip: Chip) -> dict[str, object]:
    """Latency and interval of a window in seconds and in read cycles (whole where the clocks divide)."""
    cycle = chip.tile.ima.bit_cycle_ps
    latency, rest = divmod(chip.window_latency_ps, cycle)
    return {
        "window_latency_cycles": latency if rest == 0 else chip.window_latency_ps / cycle,
        "window_interval_cycles": chip.window_reads,
        "window_latency_s": chip.window_latency_ps * 1e-12,
        "window_interval_s": chip.window_interval_ps * 1e-12,
    }


def _energies(chip: Chip) -> dict[str, dict[str, float]]:
    table: dict[str, dict[str, float]] = {}
    for (component, action), cost in cost_table(chip).items():
        table.setdefault(component, {})[action] = cost.energy_j
    return table
