"""The record of what reads did: energy, figures of layers and shares of conversions go by the same counts."""

from __future__ import annotations

from functools import cache
from math import fsum

import pytest

import archsim
from archsim.result import LayerRow, Result


@cache
def digits(chip: str, **settings: object) -> Result:
    """LeNet-5 with its trained weights on the first four shipped digits."""
    changes = {path.replace("__", "."): value for path, value in settings.items()}
    hardware = archsim.load_hardware(chip).replace({"mapping.timings": 0, **changes})
    plan = archsim.map_network(archsim.load_workload("lenet5-mnist"), hardware)
    return archsim.simulate(plan, inputs="digits", limit=4, engine="kernel")


def row(run: Result, name: str) -> LayerRow:
    return next(layer for layer in run.layers if layer.name == name)


CLIPPING = [
    ("nvcnn-w8a8", {"ima__adc__bits": 4}),
    ("redy", {"ima__adc__bits": 5}),
    ("isaac-8bit", {"ima__adc__bits": 5}),
    ("isaac-8bit", {"ima__adc__bits": 5, "ima__adc__converts": "all"}),
    ("isaac-8bit", {"ima__adc__bits": 5, "ima__crossbar__slices": "arrays"}),
    ("isaac-8bit", {"ima__adc__bits": 5, "precision__encoding": "differential"}),
]


@pytest.mark.parametrize(("chip", "settings"), CLIPPING)
def test_shares_are_of_the_conversions_that_are_charged(chip: str, settings: dict[str, object]) -> None:
    run = digits(chip, **settings)
    for layer in run.layers:
        charged = {
            item.action: item.count for item in run.actions if (item.layer, item.component) == (layer.name, "adc")
        }
        assert fsum(charged.values()) == pytest.approx(layer.adc_conversions, rel=1e-12)
        if layer.crossbars:
            assert layer.clipped_fraction is not None
            assert layer.unproven_fraction is not None
            assert 0 <= layer.clipped_fraction <= 1
            # a whole number of conversions on four pictures
            clipped = 4 * layer.clipped_fraction * layer.adc_conversions
            assert clipped == pytest.approx(round(clipped), abs=1e-6)
            left_out = layer.adc_skipped_fraction or 0.0
            assert layer.clipped_fraction * (1 - left_out) <= layer.unproven_fraction <= 1


def test_what_is_left_out_is_no_conversion_that_could_clip() -> None:
    """84 % of the columns of c5 are skipped; of the 1,199 conversions made 97 % clip, not 15 %."""
    c5 = row(digits("nvcnn-w8a8", ima__adc__bits=4), "c5")
    assert c5.adc_conversions == 1199
    assert c5.clipped_fraction == 1164 / 1199
    c1 = row(digits("redy", ima__adc__bits=5), "c1")
    # of 784 windows x 25 columns, 2.86 of 8 digits streamed
    assert 4 * c1.adc_conversions == 224575
    assert c1.clipped_fraction == 20400 / 224575


def test_idle_columns_that_are_converted_are_conversions() -> None:
    """The output layer: 10 weights take 40 columns of 128, and a unit column."""
    used, every = (
        row(digits("isaac-8bit", ima__adc__bits=5, ima__adc__converts=who), "output") for who in ("used", "all")
    )
    assert (used.adc_conversions, every.adc_conversions) == (8 * 41, 8 * 129)
    assert used.clipped_fraction is not None
    assert every.clipped_fraction == pytest.approx(used.clipped_fraction * 41 / 129)


def test_pairs_are_not_charged_for_a_unit_column() -> None:
    """The file of isaac-8bit asks for one; differential pairs have none, so setting it changes nothing."""
    settings = {"precision__encoding": "differential", "ima__adc__bits": 9}
    asked, not_asked = (digits("isaac-8bit", ima__crossbar__unit_column=asks, **settings) for asks in (True, False))
    assert [item.count for item in asked.actions] == [item.count for item in not_asked.actions]
    assert asked.function == not_asked.function
    # c1: 25 weights of 6 outputs, 4 slices of a pair, one array, 784 windows of 8 digits
    assert row(asked, "c1").adc_conversions == 784 * 8 * 48
