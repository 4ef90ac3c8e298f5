"""Every effect of the seam keeps its promises, whatever it models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsim.config.device import CycleToCycle, Drift, Programming, Stuck, Wires
from archsim.errors import InputError
from archsim.function.crossbars.devices import NONIDEALITIES, Window

WINDOW = Window(off=1e-6, on=39e-6, bits=2)
OPTIONS: dict[str, list[Any]] = {
    "programming": [
        Programming.model_validate({"model": "wan"}),
        Programming.model_validate({"model": "gaussian", "relative": "5 %", "absolute": "1 uS"}),
    ],
    "cycle_to_cycle": [CycleToCycle.model_validate({"per_pulse": "2 %", "pulses_per_level": "4"})],
    "drift": [Drift.model_validate({"time": "1e4 s", "reference": "1 s", "nu": "0.05", "spread": "0.02"})],
    "stuck": [Stuck.model_validate({"on": "1 %", "off": "2 %"})],
    "wires": [
        Wires.model_validate({"word_segment": "2 ohm", "bit_segment": "1 ohm"}),
        Wires.model_validate({"word_segment": "2 ohm", "bit_segment": "1 ohm", "solver": "separate_lines"}),
    ],
}
CASES = [(name, options) for name, all_of in OPTIONS.items() for options in all_of]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))


def cells(seed: int = 1) -> np.ndarray[Any, Any]:
    return WINDOW.conductance(rng(seed).integers(0, 4, (24, 17)).astype(np.uint8))


def test_every_effect_is_covered_here() -> None:
    assert OPTIONS.keys() == NONIDEALITIES.keys()


@pytest.mark.parametrize(("name", "options"), CASES)
def test_conformance(name: str, options: Any) -> None:
    given = cells()
    kept = given.copy()
    found = NONIDEALITIES[name](options, WINDOW, given, rng(3))
    assert np.array_equal(given, kept)
    assert found.shape == given.shape
    assert found.dtype == given.dtype == np.float32
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert not np.array_equal(found, given)
    assert np.array_equal(found, NONIDEALITIES[name](options, WINDOW, given, rng(3)))


@pytest.mark.parametrize(("name", "options"), [case for case in CASES if case[0] != "wires"])
def test_draws_differ_from_cell_to_cell_and_array_to_array(name: str, options: Any) -> None:
    uniform = np.full((60, 60), 2e-5, np.float32)
    one, two = (NONIDEALITIES[name](options, WINDOW, uniform, rng(seed)) for seed in (3, 4))
    assert not np.array_equal(one, two)
    assert len(np.unique(one)) > (2 if name == "stuck" else 1000)


@pytest.mark.parametrize(
    ("name", "options", "window", "expected"),
    [
        ("programming", Programming.model_validate({"model": "wan"}), Window(off=1e-6, on=50e-6, bits=2), "39.3 uS"),
        ("programming", Programming.model_validate({"model": "joshi"}), Window(off=1e-6, on=30e-6, bits=2), "25 uS"),
        (
            "programming",
            Programming.model_validate({"model": "milo"}),
            Window(off=20e-6, on=200e-6, bits=2),
            "50 uS to 225 uS",
        ),
        ("drift", Drift.model_construct(time=10.0, reference=1.0, nu=0.3, spread=0.0), WINDOW, "0.01 to 0.1"),
        ("drift", Drift.model_construct(time=0.5, reference=1.0, nu=0.05, spread=0.0), WINDOW, "reference time"),
        ("stuck", Stuck.model_construct(on=0.7, off=0.6), WINDOW, "at most 1"),
        ("wires", Wires.model_construct(word_segment=1.0, bit_segment=1.0, solver="guess"), WINDOW, "exact"),
    ],
)
def test_refusal_outside_what_is_known(name: str, options: Any, window: Window, expected: str) -> None:
    with pytest.raises(InputError, match=expected) as caught:
        NONIDEALITIES[name](options, window, cells(), rng())
    assert all(problem.where.startswith(f"device.{name}") for problem in caught.value.problems)
