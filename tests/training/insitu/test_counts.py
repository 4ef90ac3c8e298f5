"""Counts of writes against every pulse time of every cell, and their energy by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.training.insitu import PulseScale, Step, UpdateSettings, WriteCounts, asymmetric, start_layer, update
from archsim.training.insitu import write_energy as energy_of
from tests.training.insitu import oracles

Array = np.ndarray[Any, Any]


@settings(deadline=None, max_examples=30)
@given(
    shape=st.tuples(st.integers(1, 20), st.integers(1, 30)),
    array=st.tuples(st.integers(1, 9), st.integers(1, 12)),
    scale=st.sampled_from([0.2, 1.0, 5.0]),
    seed=st.integers(0, 99),
)
def test_counts_are_those_of_every_pulse_time(
    shape: tuple[int, int], array: tuple[int, int], scale: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    how = UpdateSettings(rule="sgd", pulse_scale=PulseScale(value=scale), array_rows=array[0], array_columns=array[1])
    layer = start_layer(rng.uniform(-1, 1, shape), asymmetric(2, levels=16), how, seed=seed, wear=True)
    before, levels = layer.weights.copy(), layer.array.levels
    gradient = rng.standard_normal(shape).astype(np.float32)
    counts = update(layer, gradient, Step(number=seed))
    unit = 2.0 ** -round(np.log2(np.abs(gradient).max()))
    pulses = oracles.rounded(gradient.ravel(), scale * unit, int(layer.keys(seed)[0]), 16).reshape(shape)
    assert layer.array.wear is not None
    assert np.array_equal(layer.array.wear, np.abs(pulses))
    brute = oracles.brute_counts(pulses, before, layer.weights, array)
    assert counts == WriteCounts(
        cells=before.size,
        written=brute["written"],
        pulses_up=brute["up"],
        pulses_down=brute["down"],
        levels_up=brute["levels_up"],
        levels_down=brute["levels_down"],
        half_up=brute["half_up"],
        half_down=brute["half_down"],
        half_levels_up=brute["half_up"] * levels // before.size,
        half_levels_down=brute["half_down"] * levels // before.size,
        serial_slots=brute["serial"],
        parallel_slots=brute["parallel"],
    )
    assert layer.array.levels == oracles.levels(layer.weights).sum()


def test_energy_by_hand() -> None:
    """4 V, 50 ns, 240 kohm, ratio 100 (DNN+NeuroSim V2.1): a pulse at full conductance takes 3.33 pJ, half selected a
    quarter of it."""
    on = 1 / 240e3
    cell = {"up": 4.0, "down": 4.0, "pulse": 50e-9, "on": on, "off": on / 100}
    full = 16 * 50e-9 * on
    one = WriteCounts(pulses_up=1, levels_up=2 * 65535)
    assert energy_of(one, **cell, half_selected=True) == pytest.approx(full)
    assert energy_of(WriteCounts(pulses_down=1), **cell, half_selected=True) == pytest.approx(full / 100)
    half = WriteCounts(half_down=1, half_levels_down=65535)
    assert energy_of(half, **cell, half_selected=True) == pytest.approx(full / 4)
    assert energy_of(half, **cell, half_selected=False) == 0
    assert energy_of(one + half, **(cell | {"down": 2.0}), half_selected=True) == pytest.approx(full * (1 + 1 / 16))
    assert full == pytest.approx(3.333e-12, rel=1e-3)


def test_energy_of_a_small_array_cell_by_cell() -> None:
    """Uniform weights, so that the mean conductance of half-selected cells is exact: V^2 G t summed by brute force."""
    pulses = np.array([[2, -1, 0], [0, 0, 0], [1, 1, -3]])
    level = int(oracles.levels(np.zeros(1, np.float32))[0])
    on, off, seconds = 4e-6, 4e-8, 50e-9
    conductance = off + (on - off) * level / 65535
    expected = 0.0
    for row in range(3):
        for sign in (1, -1):
            asked = np.maximum(sign * pulses[row], 0)
            for slot in range(asked.max()):
                volts = np.zeros((3, 3))
                volts[row] += 1.5
                volts[:, asked > slot] += 1.5
                expected += (volts**2).sum() * conductance * seconds
    same = np.zeros((3, 3), np.float32)
    brute = oracles.brute_counts(pulses, same, same, (3, 3))
    counts = WriteCounts(
        pulses_up=brute["up"],
        pulses_down=brute["down"],
        levels_up=brute["levels_up"],
        levels_down=brute["levels_down"],
        half_up=brute["half_up"],
        half_down=brute["half_down"],
        half_levels_up=brute["half_up"] * level,
        half_levels_down=brute["half_down"] * level,
    )
    found = energy_of(counts, up=3.0, down=3.0, pulse=seconds, on=on, off=off, half_selected=True)
    assert found == pytest.approx(expected, rel=1e-12)
    assert brute["half_up"] > 0 < brute["half_down"]


def test_counts_add() -> None:
    one = WriteCounts(cells=5, pulses_up=1, pulses_down=2, serial_slots=3)
    assert one + one == WriteCounts(cells=10, pulses_up=2, pulses_down=4, serial_slots=6)
    assert one.pulses == 3
