"""Samplers on a space whose front is known: two thousand designs of an invented cost model, no simulation."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping

import numpy as np
import optuna
import pytest

from archsim.sweeps.hypercube import range_of
from archsim.sweeps.pareto import frame_of, hypervolume, losses, parse_objective
from archsim.sweeps.search.asking import SAMPLERS, Asker, Method, SamplerName
from archsim.sweeps.search.choices import Interval, Options, Picks, identity
from archsim.sweeps.search.goals import judge, parse_constraint

SIZES = {"rows": 5, "bits": 4, "adcs": 5, "tiles": 5, "policy": 4}
CHOICES = [
    Options(name=name, values=tuple({name: str(i)} for i in range(size)), ordered=name != "policy")
    for name, size in SIZES.items()
]
OBJECTIVES = [parse_objective(text) for text in ("energy_j", "latency_s", "max accuracy")]
Row = dict[str, object]


def cost(picks: Picks) -> Row:
    """Conflicting objectives with interactions, as those of arrays, converters and tiles are."""
    rows, bits, adcs, tiles, policy = (picks[name] for name in SIZES)
    work = (1 + 4 / (1 + rows)) * (1 + bits / 2) * (1.3 if policy == 2 else 1.0)
    parallel = (1 + adcs) * (1 + tiles) ** (0.9 if policy == 1 else 0.6)
    return {
        "error": "",
        "energy_j": work * (1 + 0.1 * adcs) + 0.2 * tiles + (0.5 if policy == 3 else 0.0),
        "latency_s": work * (1 + rows / 3) / parallel,
        "accuracy": 1 - 0.5 ** (1 + bits) * (1 + rows / 5),
    }


def asker(sampler: SamplerName = "tpe", seed: int = 0) -> Asker:
    method = Method(sampler=sampler, seed=seed, batch=10, population=20)
    return Asker(CHOICES, OBJECTIVES, method)


def explore(
    made: Asker, trials: int, constraints: tuple[str, ...] = (), rows: Callable[[Picks], Row] = cost
) -> list[Picks]:
    bounds = [parse_constraint(text) for text in constraints]
    found: list[Picks] = []
    while len(found) < trials and (batch := made.ask(trials - len(found))):
        for asked in batch:
            made.tell(asked, judge(rows(asked.picks), OBJECTIVES, bounds))
        found += [asked.picks for asked in batch]
    return found


@pytest.mark.parametrize(("sampler", "least"), [("nsga2", 0.95), ("tpe", 0.95)])
def test_a_tenth_of_the_points_finds_nearly_all_of_the_volume(sampler: SamplerName, least: float) -> None:
    grid = [dict(zip(SIZES, found, strict=True)) for found in itertools.product(*map(range, SIZES.values()))]
    assert len(grid) == 2000
    every = losses(map(cost, grid), OBJECTIVES)
    frame = frame_of(every)
    found = losses(map(cost, explore(asker(sampler), 200)), OBJECTIVES)
    blind = losses(map(cost, explore(asker("random"), 200)), OBJECTIVES)
    share = hypervolume(found, frame) / hypervolume(every, frame)
    assert share >= least
    assert share > hypervolume(blind, frame) / hypervolume(every, frame)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_same_seed_same_designs_none_twice(sampler: SamplerName) -> None:
    first, again, other = (explore(asker(sampler, seed), 60) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    assert len({identity(CHOICES, picks) for picks in first}) == 60


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_longer_search_begins_with_a_shorter_one(sampler: SamplerName) -> None:
    assert explore(asker(sampler), 58)[:33] == explore(asker(sampler), 33)


def test_the_global_generator_has_no_say() -> None:
    np.random.seed(1)  # noqa: NPY002
    first = explore(asker(), 40)
    np.random.seed(2)  # noqa: NPY002
    assert explore(asker(), 40) == first


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_small_space_is_searched_whole_and_then_ends(sampler: SamplerName) -> None:
    choices = CHOICES[:2]
    made = Asker(choices, OBJECTIVES[:2], Method(sampler=sampler, seed=0, batch=7, population=10))
    found: list[Picks] = []
    while batch := made.ask(1000):
        assert len(batch) <= 7
        for asked in batch:
            made.tell(asked, judge({"error": "", "energy_j": 1.0, "latency_s": 1.0}, OBJECTIVES[:2], ()))
        found += [asked.picks for asked in batch]
    assert len({identity(choices, picks) for picks in found}) == len(found) == 20


def test_a_range_of_whole_numbers_too() -> None:
    choices = [Interval(name="wires", bounds=range_of("1", "6", whole=True))]
    made = Asker(choices, OBJECTIVES[:1], Method(sampler="tpe", seed=0, batch=10, population=10))
    batch = made.ask(10)
    assert sorted(asked.picks["wires"] for asked in batch) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("sampler", ["nsga2", "tpe"])
def test_constraints_draw_the_search_to_where_they_hold(sampler: SamplerName) -> None:
    bound = ("latency_s <= 400 ms", "latency_s <= 400 ms")
    late = explore(asker(sampler), 150, bound)[-50:]
    blind = explore(asker("random"), 150, bound)[-50:]
    holds = [sum(cost(picks)["latency_s"] <= 0.4 for picks in found) for found in (late, blind)]  # type: ignore[operator]
    assert holds[0] > 1.5 * holds[1]


def test_failures_are_told_and_do_not_stop_it() -> None:
    def failing(picks: Picks) -> Mapping[str, object]:
        return {"error": "refused"} if picks["policy"] < 3 else cost(picks)

    found = explore(asker("nsga2"), 60, rows=failing)  # type: ignore[arg-type]
    assert len(found) == 60
    assert explore(asker("tpe"), 40, rows=lambda _: {"error": "refused"})[:20]


def test_it_does_not_talk(capsys: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    explore(asker("nsga2"), 30)
    captured = capsys.readouterr()
    assert captured.err == captured.out == ""
    assert optuna.logging.get_verbosity() == before
    assert logging.getLogger().level == logging.WARNING
