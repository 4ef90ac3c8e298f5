"""Counts and time of the update phase: what a rule keeps is read, changed and written back, then cells take pulses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from archsim.accounting.conduction import relative_conductance
from archsim.accounting.counts import Count
from archsim.accounting.programming import programming_cost
from archsim.config.training import Training
from archsim.mapping.plan import Plan
from archsim.workload.backward import GradientProduct

POLARITIES = 2
"""Trains of pulses a row takes in turn: those up, then those down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """One kind of state of an update rule, per weight and update: `bits` of digital memory read and written so often,
    arithmetic on it, or `cells` of a second array of which `array_reads` are read through the forward converters."""

    name: str
    where: Literal["digital", "array"]
    bits: int = 0
    reads: float = 0.0
    writes: float = 0.0
    multiplications: float = 0.0
    additions: float = 0.0
    cells: int = 0
    array_reads: float = 0.0


def update_counts(
    plan: Plan, block: Training, products: Sequence[GradientProduct], states: Sequence[RuleState]
) -> list[Count]:
    """Counts of one update, layer by layer."""
    counts: list[Count] = []
    for product in products:
        entries = [*_pulses(plan, block, product, states)]
        for state in states:
            entries += _digital(block, product, state) if state.where == "digital" else _second(plan, product, state)
        if block.update.gradient_read and any(state.where == "digital" for state in states):
            entries.append(("dram", "bit", product.weights * block.gradient_bits))
        merged: dict[tuple[str, str], float] = {}
        for component, action, count in entries:
            merged[component, action] = merged.get((component, action), 0) + count
        counts += [Count(product.layer, *key, count) for key, count in merged.items() if count]
    return counts


Entry = tuple[str, str, float]


def _pulses(plan: Plan, block: Training, product: GradientProduct, states: Sequence[RuleState]) -> list[Entry]:
    cells = product.weights * plan.slicing.weight_slices
    fast = sum(state.cells for state in states) * cells
    pulses = cells * block.update.pulsed_cells + fast * block.update.fast_pulsed_cells
    return [("crossbar", "pulse", pulses)]


def _digital(block: Training, product: GradientProduct, state: RuleState) -> list[Entry]:
    bits = product.weights * (state.reads + state.writes) * state.bits
    moved: Entry = ("dram", "bit", bits)
    if block.update.state_in == "chip":
        moved = ("accumulator", "access", ceil(bits / block.accumulator.access_bits))
    return [
        moved,
        ("alu", "multiply", product.weights * state.multiplications),
        ("alu", "add", product.weights * state.additions),
    ]


def _second(plan: Plan, product: GradientProduct, state: RuleState) -> list[Entry]:
    """Reading a second array: one line driven at a time, one read cycle each, all columns converted."""
    crossbar = plan.chip.tile.ima.crossbar
    cells = product.weights * plan.slicing.weight_slices * state.array_reads
    middle = (2**crossbar.cell.bits - 1) / 2
    read: Entry = ("crossbar", "read", cells / (crossbar.rows * crossbar.columns))
    if crossbar.energy == "v2gt":
        read = ("crossbar", "cell_read", cells * relative_conductance(plan, middle))
    return [read, ("adc", "convert", cells), ("shift_add", "add", cells), ("dac", "drive", cells / crossbar.columns)]


def update_time_s(plan: Plan) -> float:
    """Seconds of writing: every row of every array takes a train of pulses up and one down; arrays wait for each other
    as the write block says (as in loading a network, both polarities)."""
    loaded = programming_cost(plan, None)
    assert loaded is not None
    return POLARITIES * loaded.time_s
