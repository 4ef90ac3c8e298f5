"""Placement policies: in which order the copies of all layers are laid along the chip's line of IMAs.

IMAs form one line through tiles and chips (tiles by number: `archsim.mapping.network`). A layout cuts each crossbar
stage's copies into runs that fill whole IMAs and says in which order the runs stand on that line. Whatever the order,
every array is placed once, the arrays of one copy stand side by side, so partial sums stay where they are, and no
policy needs more IMAs than another.

The interleaved policy lays slices of successive layers side by side, so that a consumer's copies stand beside the
producer's copies that feed their windows. Layer after layer instead, all output of a layer crosses the few links
between its tiles and the next layer's. This is the placement problem of networks on chip (bandwidth-constrained
mapping: Murali and De Micheli, DATE 2004; energy-aware mapping: Hu and Marculescu, TCAD 24(4), 2005), with the freedom
that copies of a layer are interchangeable. A policy proposes layouts; the mapper takes the least loaded one
(`archsim.mapping.load`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

Lanes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What a policy knows of a crossbar stage: copies, arrays of one copy, windows per image, columns of its map."""

    name: str
    copies: int
    crossbars: int
    windows: int
    columns: int


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Copies `lanes` of stage number `stage`, which stand side by side from the start of an IMA on."""

    stage: int
    lanes: Lanes


Layout = tuple[Run, ...]
Layouts = dict[str, Layout]
"""By their names in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A placement policy: the layouts it proposes, and how many rows of routers a band of the line has."""

    propose: Callable[[Sequence[Footprint], int], Layouts]
    band_rows: int


def in_turn(stages: Sequence[Footprint], per_ima: int) -> Layouts:
    """Layer after layer, copies in order."""
    del per_ima
    return {"layer after layer": tuple(Run(number, np.arange(stage.copies)) for number, stage in enumerate(stages))}


def interleaved(stages: Sequence[Footprint], per_ima: int) -> Layouts:
    """Slices of successive layers side by side: within groups of layers with maps of one size, within all layers that
    have copies, and not at all; with copies in order and in neighbour order. Which is best depends on how much each
    layer sends, so all are proposed."""
    apart = list(range(len(stages)))
    by_size = _groups([stage.windows for stage in stages])
    together = _groups([stage.windows > 1 for stage in stages])
    orders = {
        "copies in order": [np.arange(stage.copies) for stage in stages],
        "neighbours side by side": [neighbour_order(stage) for stage in stages],
    }
    groupings = {"layer after layer": apart, "maps of one size interleaved": by_size, "all interleaved": together}
    distinct: dict[tuple[int, ...], str] = {}
    for name, groups in groupings.items():
        distinct.setdefault(tuple(groups), name)
    return {
        f"{name}, {order}": _merged(stages, groups, lanes, per_ima)
        for groups, name in distinct.items()
        for order, lanes in orders.items()
    }


def _groups(keys: Sequence[object]) -> list[int]:
    """Number of the group of successive equal keys that each one belongs to."""
    return list(accumulate((before != after for before, after in pairwise(keys)), initial=0))


def _merged(stages: Sequence[Footprint], groups: Sequence[int], orders: Sequence[Lanes], per_ima: int) -> Layout:
    """Groups one after the other; inside a group the runs of all its stages, merged in proportion."""
    runs = []
    for number, stage in enumerate(stages):
        # the fewest copies that fill whole IMAs
        size = per_ima // gcd(stage.crossbars, per_ima)
        count = ceil(stage.copies / size)
        for place in range(count):
            run = Run(number, orders[number][place * size : (place + 1) * size])
            runs.append(((groups[number], (2 * place + 1) / (2 * count), number), run))
    return tuple(run for _, run in sorted(runs, key=lambda item: item[0]))


def neighbour_order(stage: Footprint) -> Lanes:
    """Copies in an order in which neighbouring windows stand close together.

    Window w is done by copy w mod n, so horizontal neighbours are copies 1 apart and vertical neighbours `columns`
    apart, both on a ring of n: a circulant graph. Counting the ring in steps of u, prime to n, puts them u^-1 and
    columns u^-1 apart; the multiplier that keeps the larger of the two least is taken.
    """
    n = stage.copies
    multipliers = np.array([u for u in range(1, n // 2 + 1) if gcd(u, n) == 1] or [1], np.int64)
    across, down = multipliers % n, multipliers * stage.columns % n
    reach = np.maximum(np.minimum(across, n - across), np.minimum(down, n - down))
    best = int(multipliers[np.argmin(reach)])
    return np.argsort(np.arange(n) * best % n, kind="stable").astype(np.int64)


POLICIES: dict[str, Policy] = {
    "snake": Policy(propose=in_turn, band_rows=1),
    "banded": Policy(propose=in_turn, band_rows=3),
    "interleaved": Policy(propose=interleaved, band_rows=3),
}
