"""Claims on one network, from rows measured in the same call. Bands are those of archsim's reconstruction: of the paper
"as low as only 4 bits" is known, and no table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archsim.studies.claims import Claim
from archsim.studies.yan2017.measure import Bench, Row
from archsim.studies.yan2017.plan import CLIPPED, REFERENCE

LOST: dict[str, tuple[tuple[int, str, float], ...]] = {
    "lenet5-mnist": ((4, "layer", 0.5),),
    "resnet8-cifar10": ((4, "channel", 2.5), (5, "channel", 1.5)),
}
"""Most top-1 points that Lloyd-Max levels may lose without retraining: (bits, granularity, points)."""

AGREES = ((4, "channel", 0.78), (5, "channel", 0.88))
"""Least agreement of SqueezeNet with its float self."""


def pick(rows: Sequence[Row], bits: int, granularity: str, quantizer: str) -> Row | None:
    """The row of a setting, if it was run."""
    wanted = (bits, granularity, quantizer)
    return next((row for row in rows if (row.bits, row.granularity, row.quantizer) == wanted), None)


def network_claims(bench: Bench, rows: Sequence[Row]) -> list[Claim]:
    """Everything claimed of one network; nothing where pictures are too few to say anything."""
    if not bench.case.judged:
        return []
    return [*_lost(bench, rows), *_agreement(bench, rows), *_gains(rows)]


def _lost(bench: Bench, rows: Sequence[Row]) -> Iterator[Claim]:
    name = bench.case.name
    for bits, granularity, points in LOST.get(name, ()):
        row = pick(rows, bits, granularity, "lloyd")
        if row is None:
            continue
        best = [other for other in (pick(rows, bits, granularity, clipped) for clipped in CLIPPED) if other is not None]
        beside = min(best, key=lambda other: other.lost) if best else None
        uniform = "" if beside is None else f"; best clipped uniform loses {beside.lost:.2f}"
        yield Claim(
            id=f"lost.{bits}b.{granularity}.{name}",
            paper=None,
            measured=row.lost,
            low=-100,
            high=points,
            status="inferred",
            note=f"top-1 points lost without retraining ({_shown(row)}){uniform}",
        )


def _agreement(bench: Bench, rows: Sequence[Row]) -> Iterator[Claim]:
    if bench.case.name != "squeezenet1.1":
        return
    for bits, granularity, least in AGREES:
        row = pick(rows, bits, granularity, "lloyd")
        clipped = pick(rows, bits, granularity, "mse_affine")
        if row is not None and clipped is not None:
            low, high = row.agreement_interval
            yield Claim(
                id=f"agreement.{bits}b.{granularity}.{row.network}",
                paper=None,
                measured=row.agreement,
                low=least,
                high=1,
                status="inferred",
                note=f"agreement with float (95 %: {low:.3f} to {high:.3f}); clipped uniform {clipped.agreement:.3f}",
            )


def _gains(rows: Sequence[Row]) -> Iterator[Claim]:
    """Lloyd-Max above min-max at equal bits and granularity, in points of accuracy, or agreement without labels."""
    for bits in (3, 4):
        for granularity in ("layer", "channel"):
            row, reference = (pick(rows, bits, granularity, name) for name in ("lloyd", REFERENCE))
            if row is None or reference is None:
                continue
            scored = row.network != "squeezenet1.1" and row.accuracy is not None and reference.accuracy is not None
            gain = reference.lost - row.lost if scored else 100 * (row.agreement - reference.agreement)
            measured = "top-1 points" if scored else "points of agreement"
            yield Claim(
                id=f"gain.{bits}b.{granularity}.{row.network}",
                paper=None,
                measured=gain,
                low=1e-9,
                high=100,
                status="found",
                note=f"{measured} above min-max uniform levels; over the best clipped uniform {_over(rows, row):+.2f}",
                reason=_cannot_tell(row, gain) if gain <= 0 else "",
            )


def _cannot_tell(row: Row, gain: float) -> str:
    """Why a gain is not there, where the pictures are too few to see one."""
    low, high = row.agreement_interval if row.accuracy_interval is None else row.accuracy_interval
    if -gain > 50 * (high - low):
        return ""
    lost = "" if row.accuracy is None else f"; {row.lost:.2f} points are lost against float in all"
    return f"these pictures tell no less than {50 * (high - low):.2f} points apart (95 %){lost}"


def _over(rows: Sequence[Row], row: Row) -> float:
    """Points above the best clipped uniform quantizer of the same bits and granularity."""
    others = [found for name in CLIPPED if (found := pick(rows, row.bits, row.granularity, name)) is not None]
    if row.network != "squeezenet1.1" and row.accuracy is not None:
        return min(other.lost for other in others) - row.lost
    return 100 * (row.agreement - max(other.agreement for other in others))


def _shown(row: Row) -> str:
    assert row.accuracy is not None
    assert row.accuracy_interval is not None
    low, high = row.accuracy_interval
    return f"{100 * row.accuracy:.2f} %, 95 %: {100 * low:.2f} to {100 * high:.2f}"
