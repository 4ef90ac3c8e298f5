"""Thresholds layer by layer, from each layer's sensitivity, within a budget on the calibration pictures.

For every layer and candidate value the logit noise that this layer alone makes is measured, and the conversions it
then takes. Noise of independent layers adds, so an assignment costs about the sum; for a multiplier lambda each layer
takes the candidate with the least conversions + lambda * noise (Lagrangian relaxation, as in Shoham and Gersho, IEEE
Trans. ASSP 36, 1988). The largest saving whose *measured* score meets the budget wins; lambda is found by bisection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError
from archsim.function.inference.activity import Counting
from archsim.function.inference.compare import snr_db
from archsim.function.inference.infer import Inference, infer
from archsim.function.precision.rule import Rule
from archsim.function.precision.stream import Streaming
from archsim.function.quantization.network import QuantizedNetwork
from archsim.units import QuantityError, parse_number

Array = NDArray[Any]
Kind = Literal["agreement", "snr_db", "accuracy_loss"]
KINDS: tuple[Kind, ...] = ("agreement", "snr_db", "accuracy_loss")

TAUS = (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
LEAST_BITS = 3
"""Values tried for tau, the exact one first; bits are tried from all of them down to so many."""

STEPS = 12
"""Bisections of the multiplier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The least `agreement` or `snr_db`, or the largest `accuracy_loss` (as a share), against static precision at the
    same ranges."""

    kind: Kind
    limit: float


def parse_budget(text: str | None) -> Budget | None:
    """A budget from `KIND=LIMIT`; None from None. Raises `InputError` for anything else."""
    if text is None:
        return None
    kind, _, limit = text.partition("=")
    expected = f"expected KIND=LIMIT with KIND {' | '.join(KINDS)}, such as agreement=0.98"
    for known in KINDS:
        if kind == known:
            try:
                return Budget(kind=known, limit=parse_number(limit))
            except QuantityError:
                break
    raise InputError(f"is {text!r}; {expected}", "--budget")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Quality against static precision at the same ranges, and conversions saved (CONV layers, as a share). Agreement
    and loss of accuracy are None where the judged output names no class, the loss also without labels."""

    agreement: float | None
    snr_db: float
    accuracy_loss: float | None
    saved: float

    def meets(self, budget: Budget) -> bool:
        """Whether the budget is kept."""
        found: float | None = getattr(self, budget.kind)
        if found is None:
            return False
        return found <= budget.limit if budget.kind == "accuracy_loss" else found >= budget.limit

    def to_dict(self) -> dict[str, float]:
        """Finite figures by name."""
        found = {name: getattr(self, name) for name in ("agreement", "snr_db", "accuracy_loss", "saved")}
        return {name: float(value) for name, value in found.items() if value is not None and value != inf}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trials:
    """What every trial shares. `columns` and `row_sets` are per array of each layer: conversions of one input cycle,
    and the row group that drives it."""

    network: QuantizedNetwork
    pictures: Array
    labels: Array | None
    rule: Rule
    counting: Counting
    columns: Mapping[str, Array]
    row_sets: Mapping[str, Array]
    progress: Callable[[int, int], None] | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers that take part."""
        return tuple(Streaming(rule=self.rule, counting=self.counting).layers(self.network))

    def run(self, values: Mapping[str, float] | None) -> Inference:
        """Inference with one parameter a layer; None streams all bits."""
        streaming = None
        if values is not None:
            streaming = Streaming(rule=self.rule.with_layers(values), counting=self.counting)
        return infer(self.network, self.pictures, counting=self.counting, streaming=streaming)

    def conversions(self, found: Inference) -> dict[str, tuple[int, int]]:
        """(conversions taken, conversions with all bits) of each layer that takes part."""
        taken = {}
        for layer in found.activity:
            if layer.reads is not None:
                columns, reads = self.columns[layer.name], layer.reads
                full = int(columns.sum()) * reads.windows * layer.input_bits
                taken[layer.name] = (int((reads.digits[self.row_sets[layer.name]] * columns).sum()), full)
        return taken

    def score(self, found: Inference, reference: Inference) -> Score:
        """How a trial compares with static precision."""
        taken = self.conversions(found).values()
        agreement = loss = None
        if self.network.classes is not None:
            agreement = float((found.predictions == reference.predictions).mean())
        if agreement is not None and self.labels is not None:
            loss = float((reference.predictions == self.labels).mean() - (found.predictions == self.labels).mean())
        return Score(
            agreement=agreement,
            snr_db=snr_db(
                float(np.square(reference.logits).sum()), float(np.square(reference.logits - found.logits).sum())
            ),
            accuracy_loss=loss,
            saved=1 - sum(part for part, _ in taken) / sum(full for _, full in taken),
        )


def search(trials: Trials, budget: Budget) -> tuple[dict[str, float], Score]:
    """The thresholds with the fewest conversions that keep the budget, and how they scored.

    Raises
    ------
    InputError
        A policy without a parameter, an accuracy budget without labels or classes, or a budget that even exact streams
        miss.
    """
    parameter = trials.rule.definition.parameter
    if parameter is None:
        raise InputError(f"policy {trials.rule.policy} has no thresholds to calibrate", "budget")
    if budget.kind != "snr_db" and trials.network.classes is None:
        what = f"{budget.kind} needs classes and the judged output names none; expected snr_db=LIMIT"
        raise InputError(what, "budget")
    if budget.kind == "accuracy_loss" and trials.labels is None:
        raise InputError("accuracy_loss needs calibration pictures with labels", "budget")
    width = trials.network.precision.input_bits
    candidates = TAUS if parameter == "tau" else tuple(float(bits) for bits in range(width, LEAST_BITS - 1, -1))
    reference = trials.run(None)
    noise, cost = _sensitivity(trials, candidates, reference)
    exact = dict.fromkeys(trials.layers, candidates[0])
    best = exact, trials.score(trials.run(exact), reference)
    if not best[1].meets(budget):
        raise InputError(f"{budget.kind}={budget.limit:g} is missed even without dropping a bit", "budget")
    low, high = -12.0, 12.0
    scale = cost[:, 0].sum() / max(float(np.square(reference.logits).sum()), 1e-300)
    for _ in range(STEPS):
        middle = (low + high) / 2
        choice = (cost + scale * 10.0**middle * noise).argmin(axis=1)
        values = {name: candidates[index] for name, index in zip(trials.layers, choice, strict=True)}
        score = trials.score(trials.run(values), reference)
        if score.meets(budget):
            high = middle
            best = (values, score) if score.saved >= best[1].saved else best
        else:
            low = middle
    return best


def _sensitivity(trials: Trials, candidates: tuple[float, ...], reference: Inference) -> tuple[Array, Array]:
    """Logit noise power and conversions of every layer alone under every candidate: float64 [layers, candidates]."""
    layers = trials.layers
    noise, cost = np.zeros((len(layers), len(candidates))), np.zeros((len(layers), len(candidates)))
    exact = dict.fromkeys(layers, candidates[0])
    for row, name in enumerate(layers):
        for column, value in enumerate(candidates):
            if column == 0 and row > 0:
                continue
            found = trials.run({**exact, name: value})
            noise[row, column] = np.square(found.logits - reference.logits).sum()
            cost[row, column] = trials.conversions(found)[name][0]
            if row == column == 0:
                taken = trials.conversions(found)
                cost[:, 0] = [taken[layer][0] for layer in layers]
            if trials.progress is not None:
                trials.progress(row * len(candidates) + column + 1, len(layers) * len(candidates))
    return noise, cost
