"""What the study runs, and which of its numbers were chosen after looking."""

from __future__ import annotations

from dataclasses import dataclass, replace

from archsim.training import GradientRule, Optimizer, OutputSearch, Quantization, Recipe, Schedule

LAST = "output"
"""The 84 x 10 layer of `lenet5`."""

LOSSES = {"cross_entropy": "CE", "sse": "SSE"}

CROSS_ENTROPY_SHIFT = 4
"""Logits of cross-entropy are 2**-4 times the raw integers: about 1 in size at first. It is not sensitive in accuracy
(2**-3 to 2**-5 are within a point), so only that of squared errors is searched."""

STRENGTH = 1.4e-3
"""Strength of the sign-bias penalty. A fit: of 1e-3 and 1.4e-3 the one whose mean over the development seeds 100 to 104
came nearer to the 46 rows that are left in the paper (50.4 and 43.2). The seeds of the study are others, but they had
been seen at 1e-3 before (52.3 rows, outside the band), which is why it was fitted again: that about 46 rows can be
reached is shown, not that they follow. No test digit was looked at. It belongs to CROSS_ENTROPY_SHIFT: with logits of
2**-3 a strength of 1e-3 leaves about 33 rows."""

LADDER = (7e-4, 1e-3, 1.4e-3)
"""Strengths shown. 7e-4 gave 43 rows in an earlier experiment that trained only the fully connected layers."""

ROWS_LEFT = 46
"""84 - 38: 38 / 84 is the published 45.24 %."""

MERGES = (60, 46, 38, 30, 20)
RANDOM_MATRICES = 100

SIGMA_DROP = 10.0
"""Points that noise costs at the median order: what the bisection aims at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Sizes of one form of the study.

    Attributes
    ----------
    digits, tests : training and test digits used, None for all.
    epochs : of every training; `search` those of the output scale's search.
    seeds : networks of each kind.
    orders, draws : random orders of rows, and noise draws for one order.
    tuning : random orders that the noise is set with.
    statistics : training digits that the order search looks at.
    """

    digits: int | None
    tests: int | None
    epochs: int
    search: OutputSearch
    seeds: tuple[int, ...]
    orders: int
    draws: int
    tuning: int
    statistics: int
    evaluations: int


FULL = Plan(
    digits=None, tests=None, epochs=16, search=OutputSearch(first=1, last=8, epochs=2), seeds=(0, 1, 2), orders=100,
    draws=30, tuning=41, statistics=600, evaluations=4000,
)  # fmt: skip
QUICK = Plan(
    digits=2000, tests=1000, epochs=4, search=OutputSearch(first=4, last=6, epochs=1), seeds=(0,), orders=20, draws=8,
    tuning=7, statistics=300, evaluations=1500,
)  # fmt: skip


def recipe(loss: str, epochs: int, seed: int) -> Recipe:
    """Integer training of 1-bit weights and 2-bit activations; the output scale of squared errors is
    still to be searched."""
    return Recipe(
        epochs=epochs,
        loss=loss,
        optimizer=Optimizer(name="sgd", learning_rate=0.01, momentum=0.9),
        schedule=Schedule(name="cosine"),
        quantization=Quantization(
            weight_bits=1,
            activation_bits=2,
            weights="binary",
            activations="integer",
            bias="none",
            output_shift=CROSS_ENTROPY_SHIFT if loss == "cross_entropy" else None,
        ),
        gradients=GradientRule(normalise="shift", bits=8, rounding="stochastic"),
        seed=seed,
    )


def with_bias(wanted: Recipe, strength: float) -> Recipe:
    """The recipe with the penalty on the last layer's signs."""
    return replace(wanted, gradients=replace(wanted.gradients, sign_bias={LAST: strength}))
