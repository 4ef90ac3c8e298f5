"""Axes and settings that move nothing are named, by a sweep and by a search."""

from __future__ import annotations

from pathlib import Path

import archsim
from archsim.report.sweeping import sweep_report
from archsim.report.tables import console
from archsim.sweeps import Network, Study
from archsim.sweeps.idle import idle_notes
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.unmoved import unmoved

NOTHING = "moves nothing: as the chip is, no figure follows from it"
MEMORY = "acts as capacity: where it suffices no figure follows from it, and its cost stays as printed"


def test_node_memory_bus_and_ports_are_no_free_lunch(tmp_path: Path) -> None:
    axes = {
        "technology.node": ["7 nm", "32 nm"],
        "tile.edram.size": ["64 KiB", "256 KiB"],
        "tile.bus.wires": [16, 384],
        "ima.adc.bits": [7, 8],
    }
    found = archsim.sweep("isaac-8bit", "lenet5", axes, output=tmp_path / "out", workers=0)
    told = (
        f"axis technology.node {NOTHING}",
        f"axis tile.edram.size {MEMORY}",
        f"axis tile.bus.wires {NOTHING}",
    )
    assert found.idle == told == archsim.load_sweep(tmp_path / "out").idle
    screen = console(wide=True)
    with screen.capture() as shown:
        screen.print(sweep_report(found))
    assert all(f"note: {note}" in shown.get() for note in told)


def test_an_axis_without_effect_on_the_rows_is_named_too() -> None:
    """Pools twice as fast as what waits for them: no dead figure, but none that these rows follow from."""
    found = archsim.sweep(
        "isaac-8bit",
        "mlp-784-100-10",
        {"tile.pool.rate": ["1.2 Gop/s", "2.4 Gop/s"], "ima.adc.bits": [7, 8]},
        settings={"technology.node": "7 nm"},
        workers=0,
    )
    assert found.idle == (f"technology.node = 7 nm {NOTHING}", "axis tile.pool.rate moved no figure of the rows")


def test_only_rows_that_differ_in_nothing_else_tell() -> None:
    def row(point: int, a: int, b: int, latency: float, error: str = "") -> dict[str, object]:
        return {
            "point": point,
            "hardware": "x",
            "a": a,
            "b": b,
            "error": error,
            "key": str(point),
            "latency_s": latency,
        }

    assert unmoved([row(0, 1, 1, 5.0), row(1, 2, 1, 5.0), row(2, 1, 2, 6.0)], ("a", "b")) == ("a",)
    assert unmoved([row(0, 1, 1, 5.0), row(1, 2, 2, 5.0)], ("a", "b")) == ()  # only together
    assert unmoved([row(0, 1, 1, 5.0), row(1, 2, 1, 9.0, error="x")], ("a", "b")) == ()
    assert unmoved([row(0, 1, 1, 5.0), row(1, 2, 1, 5.0), row(2, 1, 2, 6.0), row(3, 2, 2, 7.0)], ("a",)) == ()


def test_a_study_is_judged_on_all_of_its_chips() -> None:
    """One converter resolution for all: idle on no chip; ports are on both. A point that cannot run says nothing."""

    def notes(**axes: tuple[str, ...]) -> tuple[str, ...]:
        paths = {path.replace("__", "."): values for path, values in axes.items()}
        nets = (Network(workload="lenet5"),)
        return idle_notes(Study(name="s", hardware=("isaac-8bit", "puma"), workloads=nets, axes=paths), Inputs())

    assert notes(tile__bus__wires=("4", "8"), ima__adc__bits=("7", "8")) == (f"axis tile.bus.wires {NOTHING}",)
    assert notes(tile__bus__wires=("4", "8"), ima__dac__bits=("2", "1")) == ()
