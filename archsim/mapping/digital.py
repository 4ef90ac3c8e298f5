"""Digital work: what the tile's activation, pooling and arithmetic units do per window.

Operations per output value (stated costs, counted as the chip's units execute them): activation 1 look-up; max pool
kernel area - 1 comparisons (counted as kernel area, the unit starts from empty); average pool kernel area additions
and 1 multiplication; residual add 1 addition per further operand; product 1 multiplication; scale and shift 1
multiplication and 1 addition; softmax 2 look-ups (exponential), 2 additions and 1 division; local response
normalisation `size` multiplications and additions, 1 multiplication, 1 look-up (the power) and 1 division.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from archsim.components import Chip
from archsim.mapping.plan import MappedStage
from archsim.mapping.stages import Stage, positions
from archsim.workload.graph import (
    Activation,
    Add,
    Affine,
    GlobalPool,
    Layer,
    LocalResponseNorm,
    Mul,
    Pool,
    Softmax,
)


@dataclass(frozen=True, slots=True)
class DigitalWork:
    """`count` operations per window of one tile unit, named as in the cost table."""

    component: str
    action: str
    count: int


def digital_work(stage: Stage, *, fused: bool = True, own: bool = True) -> tuple[DigitalWork, ...]:
    """Digital operations per window: of the stage's `own` layer, of the layers `fused` into it, or both."""
    if stage.port:
        return ()
    layers = ([stage.layer] if own else []) + (list(stage.fused) if fused else [])
    found: dict[tuple[str, str], int] = {}
    for layer in layers:
        for component, action, count in _operations(layer, stage):
            found[component, action] = found.get((component, action), 0) + count
    return tuple(DigitalWork(component, action, count) for (component, action), count in found.items() if count)


def _operations(layer: Layer, stage: Stage) -> list[tuple[str, str, int]]:
    op, values = layer.op, stage.values_out
    if isinstance(op, Activation):
        return [("activation", "activate", values)]
    if isinstance(op, Pool | GlobalPool):
        rows, columns = op.kernel if isinstance(op, Pool) else positions(stage.operand_shapes[0])
        if op.function == "max":
            return [("pool", "compare", values * rows * columns)]
        return [("alu", "add", values * rows * columns), ("alu", "multiply", values)]
    if isinstance(op, Add):
        return [("alu", "add", values * (len(stage.operands) - 1))]
    if isinstance(op, Mul):
        return [("alu", "multiply", values * (len(stage.operands) - 1))]
    if isinstance(op, Affine):
        return [("alu", "multiply", values), ("alu", "add", values)]
    if isinstance(op, Softmax):
        return [("activation", "activate", 2 * values), ("alu", "add", 2 * values), ("alu", "divide", values)]
    if isinstance(op, LocalResponseNorm):
        many = values * op.size
        work = [("alu", "multiply", many + values), ("alu", "add", many)]
        return [*work, ("activation", "activate", values), ("alu", "divide", values)]
    return []


UNITS = ("activation", "pool", "alu")
"""Kinds of digital units of a tile."""


def unit_times_ps(mapped: MappedStage, chip: Chip, *, fused: bool = False) -> dict[str, int]:
    """How long a window holds the tile's units of each kind it uses [ps], in the order it takes them: operations at
    count x rate.

    With `fused`, only of the layers that ride along in a crossbar stage, spread over the tiles of one copy. A window
    that uses a unit at all holds it for at least 1 ps.
    """
    units = {name: getattr(chip.tile, name) for name in UNITS}
    seconds: dict[str, float] = {}
    for item in digital_work(mapped.stage, fused=True, own=not fused):
        unit = units[item.component]
        time = item.count / (unit.count * unit.rate * mapped.placement.span)
        seconds[item.component] = seconds.get(item.component, 0.0) + time
    return {name: max(1, ceil(round(time * 1e12, 6))) for name, time in seconds.items()}
