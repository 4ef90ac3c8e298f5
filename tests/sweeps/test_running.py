"""What a worker does with a point."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archsim import __version__
from archsim.result import Result
from archsim.sweeps import Inputs, Point
from archsim.sweeps.running import Bench, WrongFilesError, run_chunk

CHIP = "name: mine\nextends: isaac-8bit\n"
NET = "layers:\n  - input: {name: x, shape: [1, 12, 12]}\n  - conv: {name: c, out: %d, kernel: 3}\n"


@pytest.fixture
def point(tmp_path: Path) -> Point:
    (tmp_path / "chip.yaml").write_text(CHIP)
    (tmp_path / "net.yaml").write_text(NET % 8)
    return Point(hardware=str(tmp_path / "chip.yaml"), workload=str(tmp_path / "net.yaml"))


def test_files_that_changed_since_they_were_read_are_read_again(point: Point) -> None:
    bench = Bench()
    before = bench.run(point, Inputs().key(point))
    Path(str(point.workload)).write_text(NET % 9)
    after = bench.run(point, Inputs().key(point))
    assert after.totals.macs == before.totals.macs // 8 * 9


def test_other_files_than_the_key_was_made_of_are_refused(point: Point) -> None:
    bench, key = Bench(), Inputs().key(point)
    wires = 'tile: {bus: {wires: 64, source: "mine", notes: mine}}\n'
    for path, text in ((point.workload, NET % 9), (point.workload, "layers:"), (point.hardware, CHIP + wires)):
        kept = Path(str(path)).read_text()
        Path(str(path)).write_text(text)
        with pytest.raises(WrongFilesError, match="found by a worker; expected the same"):
            bench.run(point, key)
        Path(str(path)).write_text(kept)
    assert bench.run(point, key).totals.macs > 0


def test_a_network_read_again_is_not_taken_for_the_one_before(point: Point, tmp_path: Path) -> None:
    bench, key = Bench(), Inputs().key(point)
    bench.run(point, key)
    for number in range(9):  # more networks than a worker keeps
        path = tmp_path / f"other{number}.yaml"
        path.write_text(NET % 2)
        other = replace(point, workload=str(path))
        bench.run(other, Inputs().key(other))
    Path(str(point.workload)).write_text(NET % 9)
    with pytest.raises(WrongFilesError):
        bench.run(point, key)


def test_points_share_what_is_the_same_in_them() -> None:
    bench = Bench()
    for bits in ("6", "7", "8"):
        point = Point(hardware="isaac-8bit", workload="lenet5", settings={"ima.adc.bits": bits})
        bench.run(point, bench.inputs.key(point))
    assert (bench.timed.hits["mapping"], bench.timed.misses["mapping"]) == (2, 1)
    assert (bench.timed.hits["timing"], bench.timed.misses["timing"]) == (2, 1)


def test_figures_that_are_no_numbers_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Result.flat

    def broken(result: Result) -> dict[str, Any]:
        return {**real(result), "ops_per_j": float("inf")}

    monkeypatch.setattr(Result, "flat", broken)
    point = Point(hardware="isaac-8bit", workload="lenet5")
    (found,) = run_chunk([point], [Inputs().key(point)], False, __version__)
    assert (found.error, found.error_type) == ("ops_per_j: not finite; expected numbers", "SimulationError")
