"""Content keys: the same for the same figures, others for anything that may change one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import archsim
from archsim.errors import InputError
from archsim.sweeps import Inputs, Point
from archsim.sweeps import inputs as inputs_module

POINT = Point(hardware="isaac-8bit", workload="lenet5")


def key(point: Point) -> str:
    return Inputs().key(point)


def test_the_same_content_by_another_name_has_the_same_key(tmp_path: Path) -> None:
    chip = archsim.load_hardware("isaac-8bit")
    assert key(POINT) == key(replace(POINT, hardware=chip))
    assert key(POINT) == key(replace(POINT, workload=archsim.load_workload("lenet5")))
    assert key(POINT) == key(replace(POINT, settings={"ima.adc.bits": "8"})), "8 bits is what the file says"
    assert key(replace(POINT, settings={"ima.adc.bits": 6})) == key(replace(POINT, settings={"ima.adc.bits": "6"}))
    path = tmp_path / "chip.yaml"
    path.write_text(json.dumps(chip.expanded))
    assert key(POINT) == key(replace(POINT, hardware=str(path)))


def test_everything_a_figure_follows_from_changes_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = [
        POINT,
        replace(POINT, hardware="isaac-ce"),
        replace(POINT, workload="lenet5-mnist"),
        replace(POINT, settings={"ima.adc.bits": "6"}),
        replace(POINT, settings={"ima.adc.bits": "x"}),
        replace(POINT, settings={"ima.adc.bits.x": "6"}),
        replace(POINT, settings={"ima.adc.cost.area": "1 mm2"}),
        replace(POINT, seed=1),
        replace(POINT, images=2),
        replace(POINT, engine="simpy"),
    ]
    pictures = Point(hardware="isaac-8bit", workload="lenet5-mnist", input="digits", limit=4)
    changed += [
        pictures,
        replace(pictures, limit=5),
        replace(pictures, input="digits:train"),
        replace(pictures, calibrate="digits"),
    ]
    keys = list(map(key, changed))
    assert len(set(keys)) == len(keys)
    monkeypatch.setattr(inputs_module, "__version__", "another")
    assert key(POINT) not in keys


def test_changed_pictures_and_calibrations_change_the_key(tmp_path: Path) -> None:
    path, saved = tmp_path / "set.npz", tmp_path / "ranges.json"
    point = Point(hardware="isaac-8bit", workload="lenet5-mnist", input=str(path), calibrate=str(saved))
    found = []
    for value, text in ((1, "{}"), (2, "{}"), (2, "{ }")):
        np.savez(path, x=np.full((3, 28, 28), value, np.uint8), y=np.arange(3))
        saved.write_text(text)
        found.append(key(point))
    assert len(set(found)) == 3


def test_a_changed_network_file_changes_the_key(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    text = "layers:\n  - input: {name: x, shape: [1, 8, 8]}\n  - conv: {name: c, out: 4, kernel: 3}\n"
    point = replace(POINT, workload=str(path))
    path.write_text(text)
    first = key(point)
    path.write_text(text.replace("name: c", "name: other"))
    renamed = key(point)
    path.write_text(text.replace("out: 4", "out: 5"))
    assert len({first, renamed, key(point)}) == 3


def test_files_are_read_once_until_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "chip.yaml"
    path.write_text("name: mine\nextends: isaac-8bit\n")
    inputs, point = Inputs(), replace(POINT, hardware=str(path))
    first = inputs.key(point)
    path.write_text("name: mine\nextends: isaac-ce\n")
    assert inputs.key(point) == first
    inputs.forget()
    assert inputs.key(point) != first


def test_missing_files_are_input_errors(tmp_path: Path) -> None:
    for point in (
        replace(POINT, hardware="isaac-9"),
        replace(POINT, workload="lenet6"),
        Point(hardware="isaac-8bit", workload="lenet5-mnist", input="nothing"),
        Point(hardware="isaac-8bit", workload="lenet5-mnist", input="digits", calibrate=str(tmp_path / "none.json")),
    ):
        with pytest.raises(InputError):
            key(point)
