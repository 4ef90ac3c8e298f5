"""The `ima.adc.transfer` block: what it accepts, and that contradictions are all named."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import archsim
from archsim.errors import InputError


def load(block: Mapping[str, object], bits: int = 8) -> archsim.Hardware:
    return archsim.load_hardware("isaac-8bit").replace({"ima.adc.bits": bits, "ima.adc.transfer": block})


@pytest.mark.parametrize(
    ("block", "curve"),
    [
        ({"kind": "ideal"}, "ideal"),
        ({"kind": "uniform"}, "unit"),
        ({"range": "unit", "offset": -0.5, "gain": -0.02}, "unit"),
        ({"range": "full_scale", "inl": 0.5, "dnl": 0.3}, "full_scale"),
        ({"range": "calibrated", "percentile": 99.9}, "calibrated"),
        ({"range": "fixed", "low": -3, "high": 200.5}, "fixed"),
        ({"kind": "nonlinear"}, "quantiles"),
    ],
)
def test_every_kind_is_read(block: Mapping[str, object], curve: str) -> None:
    found = load(block).model.ima.adc.transfer
    assert found is not None
    assert found.curve == curve
    assert found.observes == (curve in ("calibrated", "quantiles"))


def test_references_are_a_list_of_levels() -> None:
    found = load({"kind": "nonlinear", "references": [0.5, "1.5", 4]}, bits=2).model.ima.adc.transfer
    assert found is not None
    assert found.references == (0.5, 1.5, 4.0)
    assert found.curve == "references"


def test_absent_by_default() -> None:
    assert archsim.load_hardware("isaac-8bit").model.ima.adc.transfer is None


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"kind": "ideel"}, ["did you mean 'ideal'"]),
        ({"rang": "unit"}, ["rang"]),
        ({"range": "fixed"}, ["low is missing", "high is missing"]),
        ({"range": "fixed", "low": 5, "high": 5}, ["expected more than low"]),
        ({"low": 1, "high": 2}, ["low: belongs to range: fixed", "high: belongs to range: fixed"]),
        ({"percentile": 99}, ["belongs to range: calibrated"]),
        ({"kind": "nonlinear", "range": "unit"}, ["range: belongs to kind uniform"]),
        ({"kind": "ideal", "gain": 0.1}, ["kind: ideal has no errors"]),
        ({"gain": -1}, ["expected more than -1"]),
        ({"dnl": 2}, ["out of range"]),
        ({"percentile": 10, "range": "calibrated"}, ["out of range"]),
        ({"kind": "nonlinear", "references": [1, 2]}, ["are 2; expected 2^bits - 1 = 255"]),
        ({"references": [1, 2]}, ["belong to kind nonlinear", "are 2"]),
        ({"kind": "nonlinear", "references": [3, 3]}, ["do not ascend"]),
        ({"kind": "nonlinear", "references": ["x"]}, ["'x'"]),
        ({"offset": "1 mV"}, ["offset"]),
    ],
)
def test_contradictions_are_all_named(block: Mapping[str, object], said: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        load(block)
    text = "\n".join(str(problem) for problem in raised.value.problems)
    for part in said:
        assert part in text
