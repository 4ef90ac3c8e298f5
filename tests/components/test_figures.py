"""Derived figures: what `check --json` must have, and the notes."""

from __future__ import annotations

import json

import pytest

from archsim.components import build_chip, figures
from archsim.config import load_hardware

REQUIRED = [
    *["ima.power_w", "ima.area_m2", "tile.power_w", "tile.area_m2", "tile.power_share.adc", "tile.power_share.dac"],
    *["tile.power_share.crossbar", "tile.power_share.edram", "tile.area_share.adc", "tile.area_share.edram_bus"],
    *["chip.power_w", "chip.area_m2", "chip.link_power_share", "peak_ops", "ce_gops_per_mm2", "pe_gops_per_w"],
    *["se_mib_per_mm2", "window_latency_cycles", "window_interval_cycles", "adc_bits_required"],
    *["adc_bits_required_flip", "adc_conversions_per_mac"],
]


@pytest.mark.parametrize("name", ["isaac-ce", "isaac-8bit", "puma"])
def test_figures_are_json_with_every_required_number(name: str) -> None:
    found = json.loads(json.dumps(figures(build_chip(load_hardware(name))), allow_nan=False))
    for path in REQUIRED:
        value = found
        for key in path.split("."):
            value = value[key]
        assert isinstance(value, (int, float)), path


def notes(**changes: object) -> list[str]:
    hardware = load_hardware("isaac-ce", {path.replace("__", "."): value for path, value in changes.items()})
    found = figures(build_chip(hardware))["notes"]
    assert isinstance(found, list)
    return found


def test_isaac_needs_no_note() -> None:
    assert notes() == []


def test_notes_say_what_clips_stretches_and_was_set() -> None:
    clips, set_by_hand = notes(ima__adc__bits=6)
    assert clips.startswith("the 6-bit ADC is narrower than the 8 bits that a full column of 128 rows can take")
    assert set_by_hand.startswith("ima.adc.bits was set to 6")
    (clips, _) = notes(precision__encoding="offset")
    assert "narrower than the 9 bits" in clips
    (stretch, _) = notes(ima__adc__rate="1.2 GS/s")
    assert stretch == "the read cycle stretches from 100 ns to 106.667 ns: 128 columns an ADC need 1.28 GS/s"
    (apart, _) = notes(tile__bus__energy="actions")
    assert apart.endswith("take another power than the file's: bus 4.42 mW instead of 7 mW")
    (said, _, _) = notes(pipeline__recalled=True, pipeline__notes="from memory of Fig. 4b")
    assert said == "pipeline is recalled from memory: from memory of Fig. 4b"


@pytest.mark.parametrize(
    ("transfer", "said"),
    [
        ({"kind": "uniform"}, "sums above its range clip"),
        ({"kind": "uniform", "range": "full_scale"}, "sums are rounded to steps of more than one level"),
        ({"kind": "uniform", "range": "calibrated"}, "sums are rounded, those outside its range clip"),
        ({"kind": "ideal"}, None),
    ],
)
def test_what_a_narrow_converter_does_to_sums_follows_its_curve(transfer: dict[str, object], said: str | None) -> None:
    found = [note for note in notes(ima__adc__bits=6, ima__adc__transfer=transfer) if "narrower" in note]
    assert [note.rpartition(": ")[2] for note in found] == ([] if said is None else [said])


def test_every_curve_of_a_converter_has_its_words() -> None:
    from archsim.components.figures import _LOST
    from archsim.function.crossbars.converter import TRANSFERS

    assert set(_LOST) == set(TRANSFERS)
