"""Thresholds by sensitivity: the budget is kept, and no candidate assignment that keeps it saves more."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import archsim
from archsim.errors import InputError
from archsim.function.precision.offline import threshold_trials
from archsim.function.precision.rule import Rule
from archsim.function.precision.search import Budget, Trials, parse_budget, search
from archsim.function.quantization.calibrate import calibrate
from archsim.workload import Dataset, Preprocessing
from tests.function.nets import pictures, plain

GRAPH = plain()
DATA = Dataset(
    name="drawn",
    preprocessing=Preprocessing(size=(8, 8), mean=(100.0,), scale=(0.01,)),
    names=tuple(str(index) for index in range(20)),
    labels=np.arange(20) % 5,
    source=np.ascontiguousarray(pictures(20, 8).transpose(0, 2, 3, 1)),
    indices=np.arange(20, dtype=np.int64),
)


def trials(policy: str, **parameters: float) -> Trials:
    changes = {"activation_precision.policy": policy}
    changes |= {f"activation_precision.{name}": value for name, value in parameters.items()}
    plan = archsim.map_network(GRAPH, archsim.load_hardware("redy").replace(changes))
    return threshold_trials(plan, GRAPH, calibrate(GRAPH, [DATA.images()]), DATA)


def test_exhaustive_search_over_two_layers_finds_nothing_much_better() -> None:
    """Two layers and six widths: all 36 assignments tried. Lagrangian choices lie on the lower hull, so they may miss
    the best by what lies between two hull points, here less than two points of conversions."""
    shared, budget = trials("static_mixed", bits=8), Budget(kind="snr_db", limit=25.0)
    found, score = search(shared, budget)
    assert score.snr_db >= 25
    reference = shared.run(None)
    every = [dict(zip(shared.layers, bits, strict=True)) for bits in product(range(3, 9), repeat=2)]
    scores = [shared.score(shared.run(values), reference) for values in every]
    best = max(item.saved for item in scores if item.snr_db >= 25)
    assert score == scores[every.index({name: int(value) for name, value in found.items()})]
    assert best - 0.02 <= score.saved <= best


def test_tighter_budgets_save_less() -> None:
    shared = trials("redy_var", tau=3e-4)
    saved = [search(shared, Budget(kind="snr_db", limit=limit))[1].saved for limit in (15.0, 30.0, 45.0)]
    assert saved[0] > saved[1] > saved[2] > 0


def test_an_accuracy_budget_needs_labels_and_a_policy_thresholds() -> None:
    shared = trials("redy_var", tau=3e-4)
    _, score = search(shared, Budget(kind="accuracy_loss", limit=0.0))
    assert score.accuracy_loss is not None
    assert score.accuracy_loss <= 0
    unlabelled = Trials(**{name: getattr(shared, name) for name in shared.__dataclass_fields__} | {"labels": None})
    with pytest.raises(InputError, match="needs calibration pictures with labels"):
        search(unlabelled, Budget(kind="accuracy_loss", limit=0.1))
    with pytest.raises(InputError, match="range has no thresholds"):
        search(trials("range"), Budget(kind="agreement", limit=0.9))


def test_budgets_that_exact_streams_miss() -> None:
    shared = trials("redy_var", tau=3e-4)
    with pytest.raises(InputError, match="missed even without dropping a bit"):
        search(shared, Budget(kind="accuracy_loss", limit=-0.5))


def test_parsing() -> None:
    assert parse_budget("agreement=0.98") == Budget(kind="agreement", limit=0.98)
    assert parse_budget(None) is None
    for text in ("agreement", "agreement=much", "speed=3", ""):
        with pytest.raises(InputError, match="expected KIND=LIMIT"):
            parse_budget(text)


def test_rules_know_their_layers() -> None:
    rule = Rule(policy="redy_var", tau=1e-3).with_layers({"a": 0.5})
    assert (rule.value("a"), rule.value("b")) == (0.5, 1e-3)
    assert Rule(policy="range", tau=1e-3).value("a") == 0.0
