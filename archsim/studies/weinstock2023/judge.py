"""Claims, from what was measured in this call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import mean
from typing import Literal

from archsim.studies.claims import Claim
from archsim.studies.weinstock2023.nets import Net
from archsim.studies.weinstock2023.orders import Noiseless, OrderRow
from archsim.studies.weinstock2023.plan import LOSSES, ROWS_LEFT, STRENGTH
from archsim.studies.weinstock2023.shared import SharedRow, random_control, renamed_difference

PAPER_ACCURACY = 96.66
PAPER_GAIN = 5.6
PAPER_ROWS = 84 - 38


def accuracy_claims(nets: Sequence[Net]) -> Iterator[Claim]:
    """1-bit weights and 2-bit activations on the held-out digits."""
    for loss, short in LOSSES.items():
        found = [100 * net.accuracy for net in nets if net.loss == loss and not net.strength]
        note = f"% of the test digits, mean of {len(found)} seeds ({_listed(found)}), integer training with {short}"
        yield Claim(
            id=f"accuracy.{loss}",
            paper=PAPER_ACCURACY,
            measured=mean(found),
            low=95.7,
            high=100,
            status="found",
            note=note,
        )


def exact_claims(nets: Sequence[Net]) -> Iterator[Claim]:
    """What must hold to the last integer, whatever was trained."""
    off = max(abs(net.accuracy - net.trained_accuracy) for net in nets)
    note = "largest difference in accuracy between training and the integer engine on the exported networks"
    yield Claim(id="exact.integers", paper=None, measured=off, low=0, high=0, status="derived", note=note)
    note = "mean distinct rows of random 84 x 10 sign matrices (80.7 expected): alikeness must come from training"
    control = random_control(nets[0].signs.shape)
    yield Claim(id="rows.random", paper=None, measured=control, low=78, high=84, status="derived", note=note)
    off = max(renamed_difference(net) for net in nets)
    note = "largest difference of an output, exact renaming (with and without complements) on the integer engine"
    yield Claim(id="exact.renamed", paper=None, measured=off, low=0, high=0, status="derived", note=note)


def rows_claims(nets: Sequence[Net], rows: Sequence[SharedRow]) -> Iterator[Claim]:
    """Row renaming."""
    plain = [net for net in nets if net.loss == "cross_entropy" and not net.strength]
    drawn = [net for net in nets if net.strength == STRENGTH]
    exact = {(row.net, row.seed): row for row in rows if row.stored == "renamed, exact"}
    left = [float(exact[label(net), net.seed].rows) for net in drawn]
    note = (
        f"distinct rows of 84, mean of {len(left)} seeds ({_listed(left, 0)}), penalty of {STRENGTH:g}, a fit on "
        "other seeds; training without it leaves far more (table)"
    )
    yield Claim(id="rows.sign_bias", paper=PAPER_ROWS, measured=mean(left), low=38, high=52, status="found", note=note)
    lost = 100 * (mean(net.accuracy for net in plain) - mean(net.accuracy for net in drawn))
    note = "points that the penalty costs, mean over the same seeds"
    yield Claim(id="rows.sign_bias.points", paper=None, measured=lost, low=-100, high=1.0, status="inferred", note=note)
    merged = [row for row in rows if row.stored == f"merged to {ROWS_LEFT}" and row.net == label(plain[0])]
    lost = 100 * (mean(net.accuracy for net in plain) - mean(row.accuracy for row in merged))
    note = f"points that merging the plain networks' rows to {ROWS_LEFT} costs, without retraining, mean over seeds"
    yield Claim(id="rows.merged.points", paper=None, measured=lost, low=-100, high=0.7, status="inferred", note=note)


def order_claims(rows: Sequence[OrderRow]) -> Iterator[Claim]:
    """Row reordering under noise."""
    bands: Mapping[tuple[str, str], tuple[str, float | None, float, float, str]] = {
        ("windowed", "constant"): ("gain", PAPER_GAIN, 3, 6, "constant noise per conversion, spatial windows"),
        ("windowed", "sqrt_rows"): ("gain.sqrt_rows", None, 0, 2, "noise growing as the root of the rows opened"),
        ("compacting", "constant"): ("gain.compacting", None, -1, 1, "compaction: the number of openings is fixed"),
    }
    for (policy, law), (name, paper, low, high, what) in bands.items():
        chosen = [row for row in rows if (row.policy, row.law) == (policy, law)]
        gains = [row.gain for row in chosen]
        note = f"points over the median of random orders, mean of {len(gains)} seeds ({_listed(gains)}); {what}"
        status: Literal["found", "inferred"] = "inferred" if paper is None else "found"
        yield Claim(
            id=f"reorder.{name}", paper=paper, measured=mean(gains), low=low, high=high, status=status, note=note
        )
        drops = [row.drop for row in chosen]
        note = f"points lost at the median order ({_listed(drops)}); the noise was set for 10 on {what}"
        yield Claim(
            id=f"reorder.drop.{policy}.{law}", paper=None, measured=mean(drops), low=9, high=11, status="inferred",
            note=note,
        )  # fmt: skip


def noiseless_claims(found: Sequence[Noiseless]) -> Iterator[Claim]:
    """Without noise nothing changes, and fewer conversions are made."""
    off = max(item.difference for item in found)
    note = "largest difference of an output without noise, all policies and orders"
    yield Claim(id="exact.noiseless", paper=None, measured=off, low=0, high=0, status="derived", note=note)
    for policy in ("windowed", "compacting"):
        share = max(item.openings[policy] for item in found)
        note = f"conversions over those of dense opening, {policy}, largest over seeds and orders"
        yield Claim(id=f"conversions.{policy}", paper=None, measured=share, low=0, high=1, status="inferred", note=note)


def label(net: Net) -> str:
    """What tables call a network."""
    return LOSSES[net.loss] + (f", penalty {net.strength:g}" if net.strength else "")


def _listed(values: Sequence[float], places: int = 2) -> str:
    return ", ".join(f"{value:.{places}f}" for value in values)
