"""ISAAC (Shafiee et al., ISCA 2016, corrected October 2016): roll-ups of Table I, peak figures, ADC rule, and the
window's timeline.

Each claim's number comes from the shipped hardware files through the same code as `archsim check` and `archsim run`.
"""

from __future__ import annotations

from typing import Any

from archsim.components import build_chip, figures
from archsim.config import Hardware, load_hardware
from archsim.mapper import map_network
from archsim.simulation import simulate
from archsim.studies.claims import Claim, Findings, around, within
from archsim.studies.request import Request
from archsim.workload.graph import Conv, Graph, Input, Layer

WINDOWS = 17
"""Windows of the timeline claim: enough to see the interval, odd so that double buffers do not line up."""


def study(_: Request) -> Findings:
    """All claims, in seconds."""
    hardware = load_hardware("isaac-ce")
    found = figures(build_chip(hardware))
    claims = (*_roll_ups(found), *_peaks(found), *_shares(found), *_timeline(hardware), *_converters(hardware, found))
    return Findings(claims=claims)


def _get(found: dict[str, Any], path: str) -> float:
    value: Any = found
    for part in path.split("."):
        value = value[part]
    return float(value)


def _roll_ups(found: dict[str, Any]) -> list[Claim]:
    """V01 to V06: sums of Table I's rows."""
    printed = [
        ("V01", 24.08e-3, "ima.power_w", 1e-3, "IMA power [W], sum of seven rows"),
        ("V02", 0.01312e-6, "ima.area_m2", 1e-3, "IMA area [m2], sum of seven rows"),
        ("V03", 330e-3, "tile.power_w", 5e-3, "tile power [W], a quarter router included"),
        ("V04", 0.372e-6, "tile.area_m2", 5e-3, "tile area [m2], a quarter router included"),
        ("V05a", 55.4, "chip.tiles_power_w", 5e-3, "power of 168 tiles [W]"),
        ("V05b", 62.5e-6, "chip.tiles_area_m2", 5e-3, "area of 168 tiles [m2]"),
        ("V06a", 65.8, "chip.power_w", 5e-3, "chip power [W], links included"),
        ("V06b", 85.4e-6, "chip.area_m2", 5e-3, "chip area [m2], links included"),
    ]
    return [within(id_, paper, _get(found, path), tol, "found", note) for id_, paper, path, tol, note in printed]


def _peaks(found: dict[str, Any]) -> list[Claim]:
    """V07 to V10. The paper's CE follows from its own table only to 0.9 %, hence the wider band."""
    return [
        within("V07", 41287.7e9, _get(found, "peak_ops"), 1e-3, "derived", "peak operations per second of a chip"),
        within("V08", 627.5, _get(found, "pe_gops_per_w"), 5e-3, "found", "PE [GOPS/W], Table IV"),
        within(
            "V09",
            478.95,
            _get(found, "ce_gops_per_mm2"),
            15e-3,
            "found",
            "CE [GOPS/s/mm2], Table IV (Table I gives 483.3)",
        ),
        within("V10", 0.74, _get(found, "se_mib_per_mm2"), 1e-2, "found", "SE [MiB/mm2], Table IV"),
    ]


def _shares(found: dict[str, Any]) -> list[Claim]:
    """V11 to V13: shares in points."""
    printed = [
        ("V11a", 58.2, "tile.power_share.adc", "ADC share of tile power [%]"),
        ("V11b", 14.6, "tile.power_share.dac", "DAC share of tile power [%]"),
        ("V11c", 8.7, "tile.power_share.crossbar", "crossbar share of tile power [%]"),
        ("V11d", 6.3, "tile.power_share.edram", "eDRAM share of tile power [%]"),
        ("V12a", 31.0, "tile.area_share.adc", "ADC share of tile area [%]"),
        ("V12b", 46.5, "tile.area_share.edram_bus", "eDRAM and bus share of tile area [%]"),
        ("V13", 15.8, "chip.link_power_share", "links' share of chip power [%]"),
    ]
    return [around(id_, paper, 100 * _get(found, path), 0.5, "found", note) for id_, paper, path, note in printed]


def one_conv(windows: int) -> Graph:
    """A 1x1 convolution of 128 channels to 16 on a row of `windows` pixels: one array of 128 x 16 weights, nothing
    else."""
    shape = (128, 1, windows)
    source = Layer(name="input", op=Input(), inputs=(), shape=shape)
    conv = Layer(name="conv", op=Conv(out=16, kernel=(1, 1)), inputs=("input",), shape=(16, 1, windows))
    return Graph(name=f"one-conv-{windows}", layers=(source, conv), outputs=("conv",))


def _timeline(hardware: Hardware) -> list[Claim]:
    """V14, V15: simulated, on one array without copies."""
    alone = hardware.replace({"mapping.replication": "none"})
    cycle = 100e-9
    latencies = [simulate(map_network(one_conv(n), alone)).totals.latency_s / cycle for n in (1, WINDOWS)]
    expected = 22 + 16 * (WINDOWS - 1)
    return [
        around("V14", 22, latencies[0], 1e-9, "found", "cycles of one 16-bit window, simulated (Fig. 4b)"),
        around(
            "V15", expected, latencies[1], 1e-9, "derived", f"cycles of {WINDOWS} windows, simulated: 22 + 16 (N - 1)"
        ),
    ]


def _converters(hardware: Hardware, found: dict[str, Any]) -> list[Claim]:
    """V16 to V18, V20."""
    eight = hardware.replace({"precision.weight_bits": 8, "precision.input_bits": 8})
    tall = eight.replace({"ima.crossbar.rows": 512})
    wide = hardware.replace({"precision.weight_bits": 32, "precision.input_bits": 32})
    conversions = [_get(figures(build_chip(chip)), "adc_conversions_per_mac") for chip in (eight, tall)]
    slower = _get(figures(build_chip(wide)), "peak_ops") / _get(found, "peak_ops")
    return [
        around("V16a", 9, _get(found, "adc_bits_required"), 0, "found", "ADC bits, eqs. (1) and (2)"),
        around("V16b", 8, _get(found, "adc_bits_required_flip"), 0, "found", "ADC bits with flip encoding"),
        around("V17", 1.0, _get(found, "adc_conversions_per_mac"), 0, "derived", "ADC conversions per 16-bit MAC"),
        around("V18a", 0.25, conversions[0], 0, "derived", "ADC conversions per 8-bit MAC, 128 rows"),
        around("V18b", 0.0625, conversions[1], 0, "derived", "ADC conversions per 8-bit MAC, 512 rows"),
        around("V20", 0.25, slower, 0, "found", "throughput of 32-bit operands over 16-bit (Sec. VIII-A)"),
    ]
