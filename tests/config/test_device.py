"""The `device` block: read, checked against the cell, refused with reasons."""

from __future__ import annotations

import pytest

from archsim.config import load_hardware
from archsim.config.blocks import Model
from archsim.config.device import Device, Effect
from archsim.config.shipped import shipped
from archsim.config.sources import blocks
from archsim.errors import InputError

WINDOW = {"ima.cell.on_resistance": "25.6 kohm", "ima.cell.off_resistance": "1 Mohm"}


def device(**changes: object) -> Device:
    paths = {f"device.{path.replace('__', '.')}": value for path, value in changes.items()}
    found = load_hardware("isaac-8bit", {**WINDOW, **paths}).model.device
    assert found is not None
    return found


def problems(changes: dict[str, object]) -> str:
    with pytest.raises(InputError) as caught:
        load_hardware("isaac-8bit", changes)
    return str(caught.value)


def test_absent_means_ideal() -> None:
    assert load_hardware("isaac-ce").model.device is None


@pytest.mark.parametrize(("text", "value"), [("5 %", 0.05), ("5%", 0.05), ("0.05", 0.05), ("1", 1.0), ("0.1 %", 0.001)])
def test_shares_are_numbers_or_percentages(text: str, value: float) -> None:
    found = device(stuck__on=text).stuck
    assert found is not None
    assert found.on == value


@pytest.mark.parametrize("text", ["101 %", "-1 %", "5 per cent", "nan", "1 V", "%", ""])
def test_other_shares_are_refused(text: str) -> None:
    assert "device.stuck.on" in problems({**WINDOW, "device.stuck.on": text})


def test_a_fit_must_cover_the_window() -> None:
    found = device(programming__model="wan").programming
    assert found is not None
    assert found.scale == 1
    message = problems({"device.programming.model": "wan"})
    assert "0 S to 39.3 uS" in message
    assert "50 uS to 750 uS" in message
    for model, low, high in (("milo", "4.4444 kohm", "20 kohm"), ("joshi", "40 kohm", "4 Mohm")):
        window = {"ima.cell.on_resistance": low, "ima.cell.off_resistance": high}
        load_hardware("isaac-8bit", {**window, "device.programming.model": model})


def test_all_contradictions_at_once() -> None:
    message = problems(
        {
            **WINDOW,
            "device.programming.model": "wan",
            "device.programming.relative": "5 %",
            "device.drift.time": "1 s",
            "device.drift.reference": "10 s",
            "device.drift.nu": "0.05",
            "device.stuck.on": "60 %",
            "device.stuck.off": "60 %",
            "device.read_noise.levels": "1",
            "device.read_noise.current": "1 nA",
            "device.write.pulse": "10 ns",
            "device.write.at_once": "row",
            "device.write.one_array_per": "tile",
        }
    )
    for expected in ("model gaussian", "reference time", "at most 1", "expected one of them", "voltage and energy"):
        assert expected in message


@pytest.mark.parametrize("nu", ["0.009", "0.11", "-0.05"])
def test_drift_exponents_outside_the_reported_range(nu: str) -> None:
    changes = {"device.drift.time": "10 s", "device.drift.reference": "1 s", "device.drift.nu": nu}
    assert "device.drift.nu" in problems({**WINDOW, **changes})


def test_names_are_suggested() -> None:
    assert "did you mean 'device.programming'" in problems({"device.programing.model": "wan"})
    assert "did you mean 'wan'" in problems({**WINDOW, "device.programming.model": "wann"})
    assert "did you mean 'exact'" in problems({"device.wires.solver": "exat"})


def test_effects_on_conductances_need_resistances() -> None:
    bare = load_hardware("puma").model.ima.cell
    assert bare.on_resistance is None
    with pytest.raises(InputError, match="on_resistance"):
        load_hardware("puma", {"device.programming.relative": "5 %"})
    with pytest.raises(InputError, match=r"read_voltage|on_resistance"):
        load_hardware("puma", {"device.read_noise.current": "1 nA"})
    load_hardware("puma", {"device.stuck.on": "1 %", "device.read_noise.levels": "0.5"})


@pytest.mark.parametrize("path", sorted(shipped("hwconfigs").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_effects_state_their_source(path: object) -> None:
    model: Model | None = load_hardware(str(path)).model.device
    if model is not None:
        assert all(block.source for _, block in blocks(model) if isinstance(block, Effect))


def test_shipped_cells_with_measured_error() -> None:
    hardware = load_hardware("isaac-8bit-wan")
    assert hardware.model.device is not None
    assert hardware.model.device.programming is not None
    assert hardware.model.ima.cell.on_resistance is not None
    assert 1 / hardware.model.ima.cell.on_resistance <= 39.26e-6
    with pytest.raises(InputError, match="wan"):
        hardware.replace({"ima.cell.on_resistance": "20 kohm"})
