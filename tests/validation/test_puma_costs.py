"""PUMA's energies per access, exactly as its simulator's constants give them, reachable in the cost table.

The simulator's names on the left, archsim's on the right. `puma_traces.yaml` beside the checkout holds the constants
(pJ) and access counts with the energies published for them (V26, V27).
"""

from __future__ import annotations

from math import fsum
from pathlib import Path
from typing import Any

import pytest
import yaml

from archsim.components import build_chip, cost_table
from archsim.config import load_hardware

NAMES = {
    "tile_control": ("tile_control", "cycle"),
    "core_control": ("core_control", "cycle"),
    "edctrl": ("edctrl", "access"),
    "xbOutmem": ("output_register", "write"),
    "edram_bus": ("bus", "access"),
    "edram": ("edram", "access"),
    "adc": ("adc", "convert"),
    "imem_t": ("imem_t", "access"),
    "xbInmem_wr": ("input_register", "write"),
    "xbInmem_rd": ("input_register", "read"),
    "alu_sna": ("shift_add", "add"),
    "dac": ("dac", "drive"),
    "noc_intra": ("router", "flit"),
    "noc_inter": ("link", "packet"),
    "xbar": ("crossbar", "read"),
    "snh": ("sample_hold", "sample"),
    "dmem": ("dmem", "access"),
    "imem": ("imem", "access"),
    "edctrl_counter": ("edctrl_counter", "access"),
    "rbuff": ("rbuff", "access"),
    "alu_act": ("activation", "activate"),
    "alu_other": ("alu", "add"),
    "alu_mul": ("alu", "multiply"),
    "alu_div": ("alu", "divide"),
    "mux1": ("mux1", "access"),
    "mux2": ("mux2", "access"),
}

PRINTED_PJ = {
    "tile_control": 0.05,
    "core_control": 0.25,
    "edctrl": 0.475,
    "xbOutmem": 0.16,
    "edram_bus": 3.0,
    "edram": 8.6,
    "adc": 1.8,
    "xbInmem_wr": 0.16,
    "xbInmem_rd": 1.7,
    "alu_sna": 0.045,
    "dac": 0.00350625,
    "noc_intra": 16.13,
    "noc_inter": 52000,
    "xbar": 30.0,
    "snh": 8.73e-6,
    "dmem": 0.33,
    "rbuff": 8.96,
    "alu_act": 0.234,
    "imem": 0.46 * 8**0.5,
    "imem_t": 0.65 * 8**0.5,
    "edctrl_counter": 0.325 * 8**0.5,
    "mux1": 0,
    "mux2": 0,
    "alu_other": 0.373 * 32 / 45,
    "alu_mul": 0.795 * 32 / 45,
    "alu_div": 1.52 * 32 / 45,
}
"""puma-simulator @626ed38, include/constants.py: 1 ns a cycle, so mW are pJ; some scaled there as written here."""

TABLE = cost_table(build_chip(load_hardware("puma")))
TRACES = Path(__file__).parents[2] / "../shared/puma_traces.yaml"


@pytest.fixture(scope="module")
def traces() -> dict[str, Any]:
    if not TRACES.is_file():
        pytest.skip("puma_traces.yaml is not beside this checkout")
    found = yaml.safe_load(TRACES.read_text())
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_energy_is_reachable(name: str) -> None:
    assert TABLE[NAMES[name]].energy_j == pytest.approx(PRINTED_PJ[name] * 1e-12, rel=1e-15, abs=0)
    assert "PumaSimulator2018" in TABLE[NAMES[name]].source


def test_all_26_agree_with_the_traces_file(traces: dict[str, Any]) -> None:
    assert set(traces["pj_per_access"]) == set(NAMES)
    assert len(NAMES) == len(set(NAMES.values())) == 26
    for name, picojoules in traces["pj_per_access"].items():
        assert TABLE[NAMES[name]].energy_j == pytest.approx(picojoules * 1e-12, rel=1e-15, abs=0), name


def test_v26_v27_counts_times_table(traces: dict[str, Any]) -> None:
    """Published dynamic energies within 1e-9 (convolutions) and 1e-5 (fully connected: printed with fewer digits)."""
    assert len(traces["layers"]) == 6
    for name, layer in traces["layers"].items():
        joules = fsum(count * TABLE[NAMES[access]].energy_j for access, count in layer["access"].items())
        tolerance = 1e-5 if "Lin" in name else 1e-9
        assert joules == pytest.approx(layer["dynamic_energy_J"], rel=tolerance), name


def test_v28_counting_invariants_and_the_machine(traces: dict[str, Any]) -> None:
    """adc = 128 x xbar, and one row driver serves the 8 arrays of a unit: dac = 128 / 8 x xbar."""
    ima = build_chip(load_hardware("puma")).tile.ima
    for name, layer in traces["layers"].items():
        access = layer["access"]
        assert access["adc"] == ima.crossbar.columns * access["xbar"], name
        assert access["dac"] == ima.crossbar.rows // ima.dac.arrays_per_driver * access["xbar"], name
        assert 8 * access["alu_sna"] == 9 * access["adc"], name
