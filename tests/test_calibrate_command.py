"""`archsim calibrate`, and `run` and `compare` with what it saves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from archsim.cli.entry import cli
from archsim.errors import InputError


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words), standalone_mode=False)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibration") / "squeezenet.json"
    done = call("calibrate", "redy", "squeezenet1.1", "cats", "-o", str(path), "--limit", "2", "--method", "p99.9")
    assert "2 pictures" in done.stdout
    return path


def test_run_uses_a_saved_calibration(saved: Path) -> None:
    words = [
        "run",
        "redy",
        "squeezenet1.1",
        "--input",
        "cats",
        "--engine",
        "kernel",
        "--json",
        "--calibrate",
        str(saved),
    ]
    found = json.loads(call(*words).stdout)
    assert found["function"]["calibration"].startswith("cats, p99.9, calibration ")
    assert any("2 of 4 pictures were calibrated on" in note for note in found["notes"])


def test_a_calibration_of_another_network_is_refused(saved: Path) -> None:
    found = call("run", "redy", "lenet5", "--input", "digits", "--limit", "1", "--calibrate", str(saved))
    assert isinstance(found.exception, InputError)
    assert "was made for squeezenet1.1" in str(found.exception)


def test_compare_computes_shipped_pictures_where_a_chip_decides_from_inputs() -> None:
    found = call("compare", "isaac-8bit", "redy", "--workload", "lenet5", "--limit", "2", "--json")
    assert "computing the shipped set digits" in found.stderr
    ratios = json.loads(found.stdout)["energy_by_component_j"]["adc"]
    assert ratios[1] < ratios[0]
    without = call("compare", "isaac-8bit", "redy", "--workload", "resnet8-cifar10")
    assert isinstance(without.exception, InputError)
    assert "expected --input DATA" in str(without.exception)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--method", "p42"], "unknown method 'p42'"),
        (["--budget", "speed=1"], "expected KIND=LIMIT"),
        (["-o", "here.yaml"], "must end in .json"),
        (["-o", "no/such/folder/x.json"], "cannot be written"),
        (["--budget", "agreement=0.9", "--set", "activation_precision.policy=range"], "range has no thresholds"),
    ],
)
def test_complaints(words: list[str], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["calibrate", "redy", "squeezenet1.1", "cats", "--limit", "1", "-o", "x.json", *words]
    found = call(*arguments)
    assert isinstance(found.exception, InputError)
    assert complaint in str(found.exception)
    assert not (tmp_path / "x.json").exists()
