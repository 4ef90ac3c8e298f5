"""Dynamic energy of six PUMA layers from their published access counts, through archsim's accounting.

Counts and energies are copied as numbers from the stat files of the repository Aayush-Ankit/puma-simulator,
isca_results/**.txt, commit 626ed38: there, dynamic energy is the sum of count times energy per access. The five
convolutions follow to rounding; vggLin1 only to 2.6e-6, since its file was made with slightly other constants.
"""

from __future__ import annotations

import pytest

from archsim.accounting import Count, price, total_energy
from archsim.components import CostTable, build_chip, cost_table
from archsim.config import load_hardware

NAMES = {
    "tile_control": ("tile_control", "cycle"),
    "core_control": ("core_control", "cycle"),
    "edctrl": ("edctrl", "access"),
    "edctrl_counter": ("edctrl_counter", "access"),
    "edram": ("edram", "access"),
    "edram_bus": ("bus", "access"),
    "rbuff": ("rbuff", "access"),
    "imem": ("imem", "access"),
    "imem_t": ("imem_t", "access"),
    "dmem": ("dmem", "access"),
    "xbInmem_rd": ("input_register", "read"),
    "xbInmem_wr": ("input_register", "write"),
    "xbOutmem": ("output_register", "read"),
    "xbar": ("crossbar", "read"),
    "dac": ("dac", "drive"),
    "snh": ("sample_hold", "sample"),
    "mux1": ("mux1", "access"),
    "mux2": ("mux2", "access"),
    "adc": ("adc", "convert"),
    "alu_sna": ("shift_add", "add"),
    "alu_act": ("activation", "activate"),
    "alu_other": ("alu", "add"),
    "alu_mul": ("alu", "multiply"),
    "alu_div": ("alu", "divide"),
    "noc_intra": ("router", "flit"),
    "noc_inter": ("link", "packet"),
}
"""The simulator's counters and archsim's actions. The output memory's reads and writes cost the same and share a
counter."""

PICOJOULES = {
    "tile_control": 0.05,
    "core_control": 0.25,
    "edctrl": 0.475,
    "xbOutmem": 0.16,
    "edram_bus": 3.0,
    "edram": 8.6,
    "adc": 1.8,
    "imem_t": 1.8384776310850237,
    "xbInmem_wr": 0.16,
    "xbInmem_rd": 1.7,
    "alu_sna": 0.045000000000000005,
    "dac": 0.00350625,
    "noc_intra": 16.13,
    "noc_inter": 52000,
    "xbar": 30.0,
    "snh": 8.73e-06,
    "dmem": 0.33,
    "imem": 1.3010764773832475,
    "edctrl_counter": 0.9192388155425119,
    "rbuff": 8.96,
    "alu_act": 0.234,
    "alu_other": 0.26524444444444445,
    "alu_mul": 0.5653333333333334,
    "alu_div": 1.080888888888889,
    "mux1": 0,
    "mux2": 0,
}

LAYERS = {
    "vgg16__conv1_3_24": (
        2.35582453363e-06,
        {
            "tile_control": 54370,
            "edctrl": 195,
            "xbOutmem": 181632,
            "edram_bus": 355,
            "edram": 355,
            "adc": 720896,
            "imem_t": 95,
            "core_control": 54380,
            "mux2": 360448,
            "mux1": 720896,
            "xbInmem_wr": 594,
            "alu_sna": 811008,
            "dac": 90112,
            "noc_intra": 49539,
            "xbar": 5632,
            "snh": 720896,
            "dmem": 998,
            "imem": 424,
            "edctrl_counter": 160,
            "xbInmem_rd": 704,
            "rbuff": 144,
        },
    ),
    "vgg16__conv2_4_18": (
        9.08272156996e-06,
        {
            "tile_control": 374250,
            "edctrl": 41318,
            "xbOutmem": 805376,
            "edram_bus": 41638,
            "edram": 41638,
            "adc": 3145728,
            "imem_t": 81,
            "core_control": 127470,
            "mux2": 1572864,
            "mux1": 3145728,
            "xbInmem_wr": 18432,
            "alu_sna": 3538944,
            "dac": 393216,
            "noc_intra": 111640,
            "xbar": 24576,
            "snh": 3145728,
            "dmem": 60448,
            "imem": 1104,
            "alu_act": 512,
            "edctrl_counter": 1088,
            "xbInmem_rd": 3072,
            "alu_other": 13824,
            "rbuff": 576,
        },
    ),
    "vgg16__conv3_3_24": (
        8.4731210129e-06,
        {
            "tile_control": 520895,
            "edctrl": 86856,
            "xbOutmem": 554752,
            "edram_bus": 87320,
            "edram": 87320,
            "adc": 2162688,
            "imem_t": 95,
            "core_control": 176323,
            "mux2": 1081344,
            "mux1": 2162688,
            "xbInmem_wr": 12672,
            "alu_sna": 2433024,
            "dac": 270336,
            "noc_intra": 168351,
            "xbar": 16896,
            "snh": 2162688,
            "dmem": 54864,
            "imem": 832,
            "edctrl_counter": 1376,
            "xbInmem_rd": 2112,
            "alu_other": 11264,
            "rbuff": 576,
        },
    ),
    "vgg16__conv4_4_8": (
        5.26558604002e-06,
        {
            "tile_control": 296991,
            "edctrl": 26329,
            "xbOutmem": 505728,
            "edram_bus": 26609,
            "edram": 26609,
            "adc": 1966080,
            "imem_t": 36,
            "core_control": 65087,
            "mux2": 983040,
            "mux1": 1966080,
            "xbInmem_wr": 13824,
            "alu_sna": 2211840,
            "dac": 245760,
            "noc_intra": 42939,
            "xbar": 15360,
            "snh": 1966080,
            "dmem": 70338,
            "imem": 742,
            "alu_act": 384,
            "edctrl_counter": 1800,
            "xbInmem_rd": 1920,
            "alu_other": 13440,
            "rbuff": 512,
        },
    ),
    "vgg16__conv5_3_8": (
        6.29817800087e-06,
        {
            "tile_control": 716053,
            "edctrl": 80360,
            "xbOutmem": 462336,
            "edram_bus": 80896,
            "edram": 80896,
            "adc": 1769472,
            "imem_t": 69,
            "core_control": 178136,
            "mux2": 884736,
            "mux1": 1769472,
            "xbInmem_wr": 13824,
            "alu_sna": 1990656,
            "dac": 221184,
            "noc_intra": 88903,
            "xbar": 13824,
            "snh": 1769472,
            "dmem": 74632,
            "imem": 730,
            "alu_act": 6144,
            "edctrl_counter": 1568,
            "xbInmem_rd": 1728,
            "alu_other": 12288,
            "rbuff": 688,
        },
    ),
    "vgg16__vggLin1": (
        3.11804215317e-05,
        {
            "tile_control": 13527981,
            "edctrl": 988916,
            "xbOutmem": 828032,
            "edram_bus": 990692,
            "edram": 990692,
            "adc": 3211264,
            "imem_t": 235,
            "noc_inter": 131,
            "core_control": 2013860,
            "mux2": 1605632,
            "mux1": 3211264,
            "xbInmem_wr": 25088,
            "alu_sna": 3612672,
            "dac": 401408,
            "noc_intra": 267910,
            "xbar": 25088,
            "snh": 3211264,
            "dmem": 76304,
            "imem": 1287,
            "alu_act": 128,
            "edctrl_counter": 3048,
            "xbInmem_rd": 3136,
            "alu_other": 25088,
            "rbuff": 3344,
        },
    ),
}


def costs() -> CostTable:
    return cost_table(build_chip(load_hardware("puma")))


@pytest.mark.parametrize("name", PICOJOULES)
def test_cost_table_has_the_printed_energy(name: str) -> None:
    assert costs()[NAMES[name]].energy_j == pytest.approx(PICOJOULES[name] * 1e-12, rel=1e-14)


@pytest.mark.parametrize("layer", LAYERS)
def test_dynamic_energy_of_a_layer(layer: str) -> None:
    """V26 and V27."""
    published, counts = LAYERS[layer]
    rows = price([Count(layer, *NAMES[name], count) for name, count in counts.items()], costs())
    tolerance = 1e-5 if layer.endswith("vggLin1") else 1e-9
    assert total_energy(rows) == pytest.approx(published, rel=tolerance)


@pytest.mark.parametrize("layer", LAYERS)
def test_counting_invariants(layer: str) -> None:
    """V28: 128 conversions per array read, 1.125 shift-adds per conversion; one row driver serves the arrays of a
    unit."""
    _, counts = LAYERS[layer]
    ima = build_chip(load_hardware("puma")).tile.ima
    assert counts["adc"] == ima.crossbar.columns * counts["xbar"]
    assert counts["alu_sna"] == 1.125 * counts["adc"]
    assert counts["dac"] == ima.crossbar.rows // ima.dac.arrays_per_driver * counts["xbar"]
