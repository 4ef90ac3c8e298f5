"""`archsim sweep` as a user meets it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from archsim.cli import main
from archsim.config.shipped import shipped

STUDY = """name: bits
hardware: isaac-8bit
workload: lenet5
axes: {ima.adc.bits: [6, 8]}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command left."""

    status: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def archsim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `archsim` in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["archsim", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        found = capsys.readouterr()
        return Done(status=int(caught.value.code or 0), out=found.out, err=found.err)

    return run


def test_a_sweep_prints_its_points_and_goes_on(archsim: Run) -> None:
    Path("study.yaml").write_text(STUDY)
    done = archsim("sweep", "study.yaml", "--workers", "0")
    assert done.status == 0, done.err
    assert "bits: 2 points" in done.out
    assert "ima.adc.bits" in done.out
    assert "bits: 2 of 2 points, table.csv" in done.out
    assert done.err.splitlines()[0] == "0 of 2 points"
    assert done.err.splitlines()[-1] == "2 of 2 points"
    again = archsim("sweep", "study.yaml", "--workers", "0", "--json")
    assert again.err == "2 of 2 points, 2 were there\n"
    found = json.loads(again.out)
    assert (found["directory"], found["points"], found["axes"]) == ("bits", 2, ["ima.adc.bits"])
    assert [row["ima.adc.bits"] for row in found["rows"]] == [6, 8]


def test_failed_points_are_told_and_a_sweep_of_nothing_else_fails(archsim: Run) -> None:
    Path("some.yaml").write_text(STUDY.replace("[6, 8]", "[6, many, few]"))
    done = archsim("sweep", "some.yaml", "--workers", "0")
    assert done.status == 0
    assert "failed 1 x: --set ima.adc.bits: 'many' is not a number" in done.out
    assert "bits: 1 of 3 points, table.csv" in done.out
    assert "2 failed" in done.err
    Path("none.yaml").write_text(STUDY + "set: {ima.crossbar.row_activation.rows_at_once: 500}\n")
    done = archsim("sweep", "none.yaml", "--workers", "0", "-o", "none")
    assert done.status == 1
    assert done.err.endswith("archsim: no point of the sweep could be run\n")


def test_a_large_sweep_prints_what_nothing_beats(archsim: Run) -> None:
    Path("study.yaml").write_text(STUDY.replace("lenet5", "mlp-784-100-10").replace("[6, 8]", f"{list(range(4, 17))}"))
    with Path("study.yaml").open("a") as stream:
        stream.write("set: {mapping.placement: banded}\nimages: 1\nzip: [{seed: [1, 2, 3, 4, 5, 6, 7, 8]}]\n")
    done = archsim("sweep", "study.yaml", "--workers", "0")
    assert done.status == 0, done.err
    assert "of 104 points that none beats in energy, latency, area" in done.out


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        (["nothing"], "", "no shipped sweep study or file of this name; expected adc-resolution"),
        (["none.yaml"], "", "none.yaml: no such file"),
        (["study.yaml"], "axes: [", "study.yaml:1: not valid YAML"),
        (
            ["study.yaml"],
            STUDY.replace("adc.bits", "adc.bit"),
            "study.yaml:4: axes.ima.adc.bit: unknown key; did you mean",
        ),
        (["study.yaml", "--workers", "-1"], STUDY, "Invalid value for '--workers'"),
        (["study.yaml", "--workers", "1", "--dask", "x"], STUDY, "workers and dask exclude each other"),
        (["study.yaml", "--dask", "nonsense"], STUDY, "nonsense: is no address of a Dask scheduler"),
        (["study.yaml", "-o", "study.yaml"], STUDY, "study.yaml: cannot be made"),
    ],
)
def test_wrong_input_ends_with_status_2(archsim: Run, words: list[str], text: str, said: str) -> None:
    if text:
        Path("study.yaml").write_text(text)
    done = archsim("sweep", *words)
    assert done.status == 2
    assert said in done.err
    assert not Path("bits").exists()


def test_without_dask_the_extra_is_named(archsim: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("study.yaml").write_text(STUDY)
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = archsim("sweep", "study.yaml", "--dask", "tcp://127.0.0.1:1")
    assert done.status == 2
    assert done.err == "archsim: dask: needs Dask; expected the extra: pip install 'archsim[distributed]'\n"


def test_the_folder_of_another_study_is_left_alone(archsim: Run) -> None:
    Path("one.yaml").write_text(STUDY)
    Path("two.yaml").write_text(STUDY.replace("[6, 8]", "[8, 9]").replace("name: bits", "name: other"))
    assert archsim("sweep", "one.yaml", "--workers", "0").status == 0
    done = archsim("sweep", "two.yaml", "--workers", "0", "-o", "bits")
    assert done.status == 2
    assert "bits: holds the sweep 'bits': 1 of its 2 finished points are not in 'other'; expected another" in done.err
    assert archsim("sweep", "two.yaml", "--workers", "0", "-o", "bits", "--update").status == 0


def test_sweeps_are_listed_and_have_a_schema(archsim: Run) -> None:
    assert {"adc-resolution", "crossbar-size"} <= set(json.loads(archsim("list", "--json").out)["sweeps"])
    schema = json.loads(archsim("schema", "sweep").out)
    assert schema == json.loads((shipped("workloads") / "sweep.schema.json").read_text())
