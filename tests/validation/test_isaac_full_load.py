"""ISAAC's printed powers (Shafiee2016, Table I) out of runs that keep a tile as busy as it can be.

A layer of 128 inputs and 1,536 outputs fills the 96 arrays of a tile, all rows and columns of each: while its windows
stream, each component of the tile draws what Table I prints. A layer of 12,288 inputs and 16 outputs reads 24 KiB a
window, which memory and bus take 24 cycles to move: then these two are at full load. 1 % covers the unit column, the
129th conversion of a read; the router's eight ports cannot be filled by one tile (`tests/components/test_energy.py`
has it at its printed rate).
"""

from __future__ import annotations

from functools import cache
from math import fsum

import pytest

import archsim
from archsim.result import Result
from archsim.workload.graph import Activation, Conv, Graph, Input, Layer

SIDE = 12
WINDOWS = SIDE * SIDE


@cache
def run(inputs: int, outputs: int) -> Result:
    layers = (
        Layer(name="x", op=Input(), inputs=(), shape=(inputs, SIDE, SIDE)),
        Layer(name="c", op=Conv(out=outputs, kernel=(1, 1)), inputs=("x",), shape=(outputs, SIDE, SIDE)),
        Layer(name="r", op=Activation(function="sigmoid"), inputs=("c",), shape=(outputs, SIDE, SIDE)),
    )
    hardware = archsim.load_hardware("isaac-ce", {"mapping.replication": "none"})
    plan = archsim.map_network(Graph(name="full", layers=layers, outputs=("r",)), hardware)
    assert (plan.crossbars, plan.tiles) == (96, 1)
    return archsim.simulate(plan, images=1, engine="kernel")


def watts(found: Result, component: str, interval_s: float) -> float:
    """Power of one tile while windows follow each other at `interval_s`, what is always on included."""
    rows = [row for row in found.actions if row.component == component]
    moving = fsum(row.energy_j for row in rows if row.action != "static") / WINDOWS / interval_s
    return moving + fsum(row.energy_per_action_j for row in rows if row.action == "static")


@pytest.mark.parametrize(
    ("component", "milliwatts"),
    [
        ("adc", 12 * 16),
        ("dac", 12 * 4),
        ("sample_hold", 12 * 0.01),
        ("crossbar", 12 * 2.4),
        ("shift_add", 12 * 0.2),
        ("input_register", 12 * 1.24),
        ("output_register", 12 * 0.23),
        ("tile_output_register", 1.68),
    ],
)
def test_units_and_tile_register_draw_what_the_table_prints(component: str, milliwatts: float) -> None:
    """A window every 16 cycles of 100 ns; the tile's sigmoids, busy for 640 ns of it, do not hold it up."""
    assert watts(run(128, 1536), component, 16 * 100e-9) == pytest.approx(1e-3 * milliwatts, rel=0.01)


@pytest.mark.parametrize(("component", "milliwatts", "kib"), [("edram", 20.7, 0), ("bus", 7, 11 / 16)])
def test_memory_and_bus_draw_what_the_table_prints(component: str, milliwatts: float, kib: float) -> None:
    """1 KiB in every cycle of 100 ns: inputs, outputs and, on the bus alone, 11 times 16 sums that cross units."""
    found = run(12288, 16)
    interval = (24 + 1 / 32 + kib) * 100e-9
    assert watts(found, component, interval) == pytest.approx(1e-3 * milliwatts, rel=0.01)
    if component == "bus":
        assert found.totals.latency_s / WINDOWS == pytest.approx(interval, rel=0.01)


def test_sums_that_cross_units_are_added_and_pass_the_tiles_register() -> None:
    counts = {(row.component, row.action): row.count for row in run(12288, 16).actions}
    assert counts["tile_shift_add", "add"] == WINDOWS * 11 * 16
    assert counts["tile_output_register", "bit"] == WINDOWS * (16 * 16 + 11 * 16 * 32)
