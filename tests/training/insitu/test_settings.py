"""Schedules of the pulse scale, and settings that cannot be."""

from __future__ import annotations

from dataclasses import fields

import pytest

from archsim.errors import InputError
from archsim.training.insitu import PulseScale, UpdateSettings
from archsim.training.insitu.settings import NEUROSIM, QUARTERS, SOURCES


def test_parts_of_a_run() -> None:
    assert [QUARTERS.at(p) for p in (0, 0.3, 0.499, 0.5, 0.74, 0.75, 1)] == [1, 1, 1, 0.5, 0.5, 0.25, 0.25]
    assert [NEUROSIM.at(e / 300) for e in (0, 199, 200, 249, 250, 299)] == [1, 1, 1 / 8, 1 / 8, 1 / 64, 1 / 64]
    assert PulseScale(value=3.0).at(0.7) == 3


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        UpdateSettings(
            rule="momentun",
            order="late",  # type: ignore[arg-type]
            gamma=1.0,
            alpha=0.0,
            array_rows=0,
            transfer_bits=40,
            pulse_scale=PulseScale(value=-1, factors=(1.0, 0.5), marks=(0.5, 0.4)),
        )
    told = str(caught.value)
    assert "did you mean 'momentum'" in told
    for name in ("rule", "order", "gamma", "alpha", "array_rows", "transfer_bits"):
        assert f"update.{name}: " in told
    for name in ("value", "marks"):
        assert f"update.pulse_scale.{name}: " in told


@pytest.mark.parametrize("rule", ["accumulate", "mixed_precision", "tiki_taka"])
def test_whole_pulses_have_no_v21_order(rule: str) -> None:
    with pytest.raises(InputError, match="fires whole pulses; expected device"):
        UpdateSettings(rule=rule, order="v21")


def test_tiki_taka_has_no_int8() -> None:
    with pytest.raises(InputError, match="16 bits"):
        UpdateSettings(rule="tiki_taka", digital="int8")


def test_every_field_names_its_source() -> None:
    assert SOURCES.keys() == {field.name for field in fields(UpdateSettings)}
