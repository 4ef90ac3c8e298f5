"""Effects in their order, each with draws of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import archsim
from archsim.config import Hardware
from archsim.errors import InputError
from archsim.function.crossbars.arrays import generator_for
from archsim.function.crossbars.circuit import CellModel
from archsim.function.crossbars.devices import NONIDEALITIES, cell_model, read_noise_levels, window_of

WAN = {"ima.cell.on_resistance": "25.6 kohm", "ima.cell.off_resistance": "1 Mohm", "ima.cell.read_voltage": "0.5 V"}
GOLDEN = [[3.1598265, 1.8082602, 2.1256273, 1.0317702], [0.84479702, 2.9819443, 1.757247, -0.061813138]]
LEVELS = np.random.default_rng(0).integers(0, 4, (30, 20)).astype(np.uint8)


def hardware(**changes: str) -> Hardware:
    paths = {path.replace("__", "."): value for path, value in changes.items()}
    return archsim.load_hardware("isaac-8bit", {**WAN, **paths})


def model_of(**changes: str) -> CellModel:
    model = hardware(**changes).model
    found = cell_model(model.device, model.ima.cell, 128, 128)
    assert found is not None
    return found


def run(model: CellModel, array: int = 0, levels: Any = LEVELS) -> Any:
    return model(levels, generator_for(7, "layer", 0, array))


def test_without_effects_cells_are_ideal() -> None:
    assert cell_model(None, hardware().model.ima.cell, 128, 128) is None
    noisy = hardware(device__read_noise__levels="0.5").model
    assert cell_model(noisy.device, noisy.ima.cell, 128, 128) is None


@pytest.mark.parametrize(
    "nothing",
    [
        {"device__programming__relative": "0 %"},
        {"device__programming__model": "wan", "device__programming__scale": "0"},
        {"device__cycle_to_cycle__per_pulse": "0"},
        {"device__stuck__on": "0", "device__stuck__off": "0"},
        {"device__wires__word_segment": "0 ohm"},
        {"device__drift__time": "1 s", "device__drift__reference": "1 s", "device__drift__nu": "0.1"},
    ],
)
def test_effects_of_size_zero_leave_cells_ideal(nothing: dict[str, str]) -> None:
    """The first point of a sweep is served by the engines of ideal cells."""
    file = hardware(**nothing).model
    assert file.device is not None
    assert cell_model(file.device, file.ima.cell, 128, 128) is None


def test_stuck_cells_alone_stay_whole_numbers() -> None:
    found = run(model_of(device__stuck__on="10 %", device__stuck__off="10 %", device__programming__relative="0"))
    assert found.dtype == np.uint8
    assert set(np.unique(found[LEVELS == 1])) == {0, 1, 3}


def test_the_same_cells_are_stuck_with_and_without_other_effects() -> None:
    alone = run(model_of(device__stuck__on="10 %"))
    both = run(model_of(device__stuck__on="10 %", device__programming__model="wan"))
    stuck = (alone == 3) & (LEVELS != 3)
    assert stuck.sum() > 20
    np.testing.assert_allclose(both[stuck], 3.0, rtol=1e-6)  # stuck cells do not vary


def test_composition_is_the_effects_in_their_order() -> None:
    changes = {
        "device__programming__model": "wan",
        "device__cycle_to_cycle__per_pulse": "1 %",
        "device__drift__time": "100 s",
        "device__drift__reference": "1 s",
        "device__drift__nu": "0.1",
        "device__stuck__off": "5 %",
        "device__wires__word_segment": "2 ohm",
        "device__wires__bit_segment": "2 ohm",
    }
    file = hardware(**changes).model
    window = window_of(file.ima.cell)
    whole = np.zeros((128, 128), np.uint8)
    whole[:30, :20] = LEVELS
    streams = generator_for(7, "layer", 0, 0).spawn(5)
    conductance = window.conductance(whole)
    assert list(NONIDEALITIES) == ["programming", "cycle_to_cycle", "drift", "stuck", "wires"]
    for (name, effect), stream in zip(NONIDEALITIES.items(), streams, strict=True):
        conductance = effect(getattr(file.device, name), window, conductance, stream)
    expected = window.levels(conductance[:30, :20])
    assert np.array_equal(run(model_of(**changes)), expected)


def test_unused_cells_load_the_wires() -> None:
    """The current of a part-used array passes the cells that are off: less arrives than in an array cut to size."""
    wires = {"device__wires__word_segment": "50 ohm", "device__wires__bit_segment": "50 ohm"}
    file = hardware(**wires).model
    small = cell_model(file.device, file.ima.cell, 30, 20)
    assert small is not None
    assert run(model_of(**wires)).sum() < run(small).sum() < LEVELS.sum()


def test_cells_depend_on_the_array_and_on_nothing_else() -> None:
    model = model_of(device__programming__model="wan")
    assert np.array_equal(run(model), run(model))
    assert not np.array_equal(run(model), run(model, array=1))
    assert not np.array_equal(run(model), model(LEVELS, generator_for(8, "layer", 0, 0)))
    assert not np.array_equal(run(model), model(LEVELS, generator_for(7, "other", 0, 0)))
    assert not np.array_equal(run(model), model(LEVELS, generator_for(7, "layer", 1, 0)))


def test_the_same_seed_gives_the_same_bytes_on_every_machine() -> None:
    """Golden values: they change only when a model or its order of draws does, and every published figure with them."""
    found = run(model_of(device__programming__model="wan", device__stuck__on="1 %"))
    np.testing.assert_allclose(found[:2, :4], GOLDEN, rtol=1e-5)


def test_off_current_counts_where_nothing_subtracts_it() -> None:
    found = run(model_of(device__off_current="kept"))
    ratio = 1e6 / 25.6e3
    np.testing.assert_allclose(found - LEVELS, 3 / (ratio - 1), rtol=1e-4)


def test_noise_current_becomes_levels() -> None:
    file = hardware(device__read_noise__current="1 uA").model
    step = (1 / 25.6e3 - 1e-6) / 3
    assert file.device is not None
    assert read_noise_levels(file.device.read_noise, file.ima.cell) == pytest.approx(1e-6 / (0.5 * step))
    assert read_noise_levels(None, file.ima.cell) == 0
    levels = hardware(device__read_noise__levels="0.25").model
    assert levels.device is not None
    assert read_noise_levels(levels.device.read_noise, levels.ima.cell) == 0.25


def test_a_fit_is_refused_for_a_foreign_window() -> None:
    file = hardware(device__programming__model="wan").model
    foreign = archsim.load_hardware("isaac-8bit").model.ima.cell
    with pytest.raises(InputError, match=r"39\.3 uS"):
        cell_model(file.device, foreign, 128, 128)
