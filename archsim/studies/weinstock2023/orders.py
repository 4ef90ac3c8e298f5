"""Row order under noise: random orders, the order found, and what part of the difference is the noise draw itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.rows import Reordered, bit_planes, reorder
from archsim.studies.weinstock2023.machine import POLICIES, circuit_of, opened_outputs, openings_of
from archsim.studies.weinstock2023.nets import PRECISION, Net, right
from archsim.studies.weinstock2023.plan import SIGMA_DROP, Plan

Array = NDArray[Any]

CASES = (
    ("windowed", "constant"),
    ("windowed", "mixed"),
    ("windowed", "sqrt_rows"),
    ("compacting", "constant"),
)
"""Row activation and noise law of each experiment."""

STEPS = 10
"""Halvings of the noise's strength."""

STRONGEST = 8.0
"""Strength that costs more than SIGMA_DROP under every law [levels]."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OrderRow:
    """One network under one policy and law. Accuracies are shares of the test digits; openings are per bit plane and
    digit. `draws_spread` is the standard deviation of the noise draw alone, at one random order; `orders_spread` that
    of orders with a draw each."""

    seed: int
    policy: str
    law: str
    sigma: float
    clean: float
    median: float
    orders_spread: float
    draws_spread: float
    lowest: float
    highest: float
    by_activity: float
    reordered: float
    openings_random: float
    openings_reordered: float
    openings_dense: float
    search: Reordered

    @property
    def drop(self) -> float:
        """Points lost at the median order."""
        return 100 * (self.clean - self.median)

    @property
    def gain(self) -> float:
        """Points that the found order wins back over the median."""
        return 100 * (self.reordered - self.median)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        names = [name for name in self.__slots__ if name != "search"]
        found = self.search
        extra = {"swaps": found.evaluations, "accepted": found.accepted, "stopped": found.stopped}
        return {name: getattr(self, name) for name in names} | extra | {"drop": self.drop, "gain": self.gain}


def order_rows(net: Net, plan: Plan) -> Iterator[OrderRow]:
    """Every case of the plan on one network."""
    for number, (policy, law) in enumerate(CASES):
        yield _row(_Bench(net, plan, policy, law, number))


class _Bench:
    """One network under one policy: accuracy of an order at a strength, with numbered noise draws."""

    def __init__(self, net: Net, plan: Plan, policy: str, law: str, number: int) -> None:
        self.net, self.plan, self.policy, self.law, self.number = net, plan, policy, law, number
        rng = np.random.default_rng(np.random.SeedSequence((net.seed, 1)))
        self.orders = [rng.permutation(len(net.signs)) for _ in range(plan.orders)]

    def run(self, order: Array, sigma: float, draw: int) -> tuple[float, float]:
        """Accuracy, and openings for each bit plane and digit."""
        seed = int(np.random.SeedSequence((self.net.seed, 2, self.number, draw)).generate_state(1)[0])
        net = self.net
        outputs, opened = opened_outputs(net.layer, net.test, order, self.policy, law=self.law, sigma=sigma, seed=seed)
        return right(outputs, net.labels), opened / (PRECISION.input_bits * len(outputs))

    def sigma(self) -> float:
        """Strength at which the median of the tuning orders loses SIGMA_DROP points, each with its own fixed draw."""
        low, high = 0.0, STRONGEST
        for _ in range(STEPS):
            middle = (low + high) / 2
            found = [self.run(order, middle, draw)[0] for draw, order in enumerate(self.orders[: self.plan.tuning])]
            lost = 100 * (self.net.accuracy - median(found))
            low, high = (middle, high) if lost < SIGMA_DROP else (low, middle)
        return (low + high) / 2

    def search(self, sigma: float) -> Reordered:
        """The order found on training digits."""
        planes = bit_planes(self.net.train[: self.plan.statistics], PRECISION.input_bits)
        cells = ((self.net.signs + 1) // 2).astype(np.uint8)
        openings = openings_of(self.law, sigma)
        return reorder(planes, cells, openings, evaluations=self.plan.evaluations, seed=self.net.seed)


def _row(bench: _Bench) -> OrderRow:
    sigma, net, plan = bench.sigma(), bench.net, bench.plan
    found = bench.search(sigma)
    random = [bench.run(order, sigma, draw) for draw, order in enumerate(bench.orders)]
    accuracies = [accuracy for accuracy, _ in random]
    # draws of their own, so that no two series share noise
    first = 10_000
    draws = [bench.run(bench.orders[0], sigma, first + draw)[0] for draw in range(plan.draws)]
    chosen = [bench.run(found.order, sigma, 2 * first + draw) for draw in range(plan.draws)]
    sorted_ = np.argsort(-net.train.mean(axis=0), kind="stable")
    by_activity = [bench.run(sorted_, sigma, 3 * first + draw)[0] for draw in range(plan.draws)]
    return OrderRow(
        seed=net.seed,
        policy=bench.policy,
        law=bench.law,
        sigma=sigma,
        clean=net.accuracy,
        median=median(accuracies),
        orders_spread=stdev(accuracies),
        draws_spread=stdev(draws),
        lowest=min(accuracies),
        highest=max(accuracies),
        by_activity=float(np.mean(by_activity)),
        reordered=float(np.mean([accuracy for accuracy, _ in chosen])),
        openings_random=median([opened for _, opened in random]),
        openings_reordered=chosen[0][1],
        openings_dense=float(circuit_of("dense").slicing.windows(len(net.signs))),
        search=found,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Noiseless:
    """Without noise: the largest difference of an output from the integer product over all policies and the given
    orders, and the largest share of dense openings that each policy needed."""

    difference: int
    openings: Mapping[str, float]


def noiseless(net: Net, orders: list[Array]) -> Noiseless:
    """Every policy and order on one network, converters at their true resolution."""
    dense = circuit_of("dense").slicing.windows(len(net.signs)) * PRECISION.input_bits * len(net.test)
    worst, share = 0, dict.fromkeys(POLICIES, 0.0)
    for policy in POLICIES:
        for order in orders:
            outputs, opened = opened_outputs(net.layer, net.test, order, policy)
            worst = max(worst, int(np.abs(outputs - net.outputs).max()))
            share[policy] = max(share[policy], opened / dense)
    return Noiseless(difference=worst, openings=share)
