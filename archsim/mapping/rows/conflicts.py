"""What renaming asks of the input side: logical rows that share a physical row and are active at the same time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.rows.plan import NOT_STORED, RowPlan, added, pre_added

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflicts:
    """Counts over `windows` windows of `bits`-bit unsigned inputs.

    A conflict is a physical row with k > 1 active logical rows in one bit plane; it counts k - 1. There are two ways to
    serve it. *Separate openings*: the plane is read again for what is left over, positive and negative rows apart, the
    whole array at once: `openings` planes are read in place of `planes`. *Pre-adding*: the inputs of a physical row are
    added digitally (`additions`, counted where both are not 0), and the sums, up to `largest` in magnitude, take
    `added_bits` bits (two's complement where rows are complements). `lost` counts inputs that are active but not
    stored.
    """

    windows: int
    bits: int
    planes: int
    conflicts: int
    openings: int
    additions: int
    largest: int
    added_bits: int
    lost: int


def bit_planes(x: Array, bits: int) -> NDArray[np.uint8]:
    """Bit planes [bits, windows, rows] of unsigned inputs x [windows, rows], lowest first."""
    return np.asarray((x[None] >> np.arange(bits).reshape(-1, 1, 1).astype(x.dtype)) & 1, np.uint8)


def conflicts(plan: RowPlan, x: Array, bits: int) -> Conflicts:
    """Conflicts of unsigned inputs x [windows, logical rows] of `bits` bits."""
    stored = np.flatnonzero(plan.physical != NOT_STORED)
    sides = plan.physical[stored] + plan.physical_rows * (plan.sign[stored] < 0)
    found = openings = 0
    for plane in bit_planes(x, bits):
        active = added(plane[:, stored], sides, 2 * plan.physical_rows)
        both = active.reshape(len(x), 2, plan.physical_rows)
        found += int(np.maximum(both.sum(axis=1) - 1, 0).sum())
        openings += int(both.max(axis=2, initial=0).sum())
    # a plane without an active row is still one read of a machine that does not skip
    driven = added((x[:, stored] != 0).astype(np.uint8), plan.physical[stored], plan.physical_rows)
    sums = pre_added(plan, x)
    largest = int(np.abs(sums).max(initial=0))
    signed = bool((sums < 0).any())
    planes = bits * len(x)
    return Conflicts(
        windows=len(x),
        bits=bits,
        planes=planes,
        conflicts=found,
        openings=openings + sum(int((~plane[:, stored].any(axis=1)).sum()) for plane in bit_planes(x, bits)),
        additions=int(np.maximum(driven - 1, 0).sum()),
        largest=largest,
        added_bits=max(bits, largest.bit_length() + signed),
        lost=int((x[:, plan.physical == NOT_STORED] != 0).sum()),
    )
