"""`archsim rows`, and `map` and `run` with what it saves."""

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
    path = tmp_path_factory.mktemp("rows") / "rows.json"
    words = ["rows", "rram40nm", "lenet5-mnist", "digits:train", "-o", str(path), "--limit", "4", "--tries", "100"]
    done = call(*words, "--pass", "rename", "--pass", "reorder")
    assert "layers changed, on 4 pictures of digits:train" in done.stdout
    return path


def test_map_and_run_take_saved_rows(saved: Path) -> None:
    places = {name: len(plan["order"]) for name, plan in json.loads(saved.read_text())["plans"].items()}
    assert places["c1"] < 25
    mapped = json.loads(call("map", "rram40nm", "lenet5-mnist", "--rows", str(saved), "--json").stdout)
    plain = json.loads(call("map", "rram40nm", "lenet5-mnist", "--json").stdout)
    used, all_ = ({row["name"]: row["utilization"] for row in found["layers"]} for found in (mapped, plain))
    assert used["c1"] / all_["c1"] == pytest.approx(places["c1"] / 25)
    words = ["run", "rram40nm", "lenet5-mnist", "--engine", "kernel", "--json", "--rows", str(saved)]
    found = json.loads(call(*words).stdout)
    assert any(row["component"] == "row_table" for row in found["actions"])


def test_bad_files_and_words_are_refused(saved: Path, tmp_path: Path) -> None:
    for chip, net in (("isaac-8bit", "lenet5-mnist"), ("rram40nm", "lenet5")):
        with pytest.raises(InputError, match="was made for"):
            raise_from(call("run", chip, net, "--rows", str(saved)))
    with pytest.raises(InputError, match="cannot be read"):
        raise_from(call("map", "rram40nm", "lenet5", "--rows", str(tmp_path / "none.json")))
    with pytest.raises(InputError, match="expected rename"):
        raise_from(call("rows", "rram40nm", "lenet5-mnist", "digits", "-o", "x.json", "--pass", "shuffle"))


def raise_from(done: Result) -> None:
    assert done.exception is not None
    raise done.exception
