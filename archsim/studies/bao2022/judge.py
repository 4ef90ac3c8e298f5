"""Claims of the study, from what was measured in the same call.

Found in the abstract: 98.82 % for W4A3 on MNIST, 79 % and 53 % of the converters' energy saved at W8A8 and W4A3, and
efficiencies 2.98 and 1.15 times as high. Bands are those of the reconstruction, fixed with law and resolution before
anything here was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

from archsim.studies.bao2022.nets import W2A2, W4A3, W4A4, W8A8, Point, Score
from archsim.studies.bao2022.saving import Reading, Saving
from archsim.studies.claims import Claim

SAVED: Mapping[Point, float] = MappingProxyType({W8A8: 79.0, W4A3: 53.0})
"""Part of the converters' energy that the paper saves [%] (Bao et al., abstract)."""

GAIN: Mapping[Point, float] = MappingProxyType({W8A8: 2.98, W4A3: 1.15})
"""Energy efficiency over that without sparsity-aware processing (Bao et al., abstract)."""

ACCURACY = 98.82
"""MNIST accuracy of W4A3 [%] (Bao et al., abstract)."""

FULL, ONE_LESS = "W + 7 bits", "W + 6 bits, saturating"
BANDS: Mapping[str, Mapping[Point, tuple[float, float]]] = MappingProxyType(
    {FULL: {W8A8: (84.0, 6.0), W4A3: (65.0, 6.0)}, ONE_LESS: {W8A8: (73.0, 7.0), W4A3: (56.0, 7.0)}}
)
"""Saving of policy bound under law sar [%] and half-width of its band, by reading and point."""

LAW = "sar"
TWO = (W8A8, W4A3)


def fixed_readings(point: Point) -> tuple[Reading, ...]:
    """The readings whose bands were fixed beforehand."""
    return (Reading(name=FULL, bits=point.full_bits), Reading(name=ONE_LESS, bits=point.full_bits - 1))


def calibrated_share(saved: float, gain: float) -> float:
    """The converters' part s of all energy for which saving r of it gives the gain g = 1 / (1 - s r)."""
    return (1 - 1 / gain) / saved


def _claim(
    name: str,
    measured: float,
    low: float,
    high: float,
    note: str,
    status: Literal["found", "inferred", "derived"] = "inferred",
    paper: float | None = None,
    reason: str = "",
) -> Claim:
    return Claim(id=name, paper=paper, measured=measured, low=low, high=high, status=status, note=note, reason=reason)


def accuracy_claims(found: Sequence[Score]) -> Iterator[Claim]:
    """W4A3 against the band, against W8A8 and against W2A2, for every set that was trained in full."""
    for name in dict.fromkeys(score.set for score in found):
        by_point = {score.point: score for score in found if score.set == name}
        narrow, wide, least = (by_point[point] for point in (W4A3, W8A8, W2A2))
        low, high = (100 * end for end in narrow.interval)
        about = f"{len(narrow.seeds)} seeds, {narrow.images} test pictures: 95 % from {low:.2f} to {high:.2f}"
        if name == "digits":
            note = f"accuracy of W4A3 [%], at least 98.3 wanted; {about}"
            yield _claim("accuracy.w4a3.digits", 100 * narrow.mean, 98.3, 100, note, "found", ACCURACY)
        lost = 100 * (wide.mean - narrow.mean)
        note = f"points lost from W8A8 to W4A3; {about}"
        reason = ""
        if name == "fashion" and W4A4 in by_point:
            first = 100 * (wide.mean - by_point[W4A4].mean)
            reason = (
                f"the band comes from digits; of {lost:.1f} points on clothes W4A4 loses {first:.1f}, the fourth bit "
                f"of activations the other {lost - first:.1f} (presumably gray levels, which digits hardly need)"
            )
        yield _claim(f"accuracy.w8a8-w4a3.{name}", lost, -100, 0.5, note, reason=reason)
        worse = 100 * (narrow.mean - least.mean)
        yield _claim(f"accuracy.w4a3-w2a2.{name}", worse, 2, 100, "points lost from W4A3 to W2A2")


def saving_claims(found: Sequence[Saving]) -> Iterator[Claim]:
    """The bands of the two fixed readings, on the digits. They lie around what the reconstruction was expected to save,
    not around the paper's figures, which are named beside and not claimed."""
    for reading, points in BANDS.items():
        for point, (middle, half) in points.items():
            row = pick(found, "digits", point, reading, LAW, "bound")
            note = (
                f"converter energy saved [%] by bound, law {LAW}, {row.reading.bits} bits ({reading}); seeds "
                f"{', '.join(f'{100 * part:.1f}' for part in row.seeds)}; the paper's {SAVED[point]:g} is not claimed"
            )
            name = f"saved.{'full' if reading == FULL else 'saturating'}.{point.name.lower()}"
            yield _claim(name, 100 * row.saved, middle - half, middle + half, note)


def order_claims(found: Sequence[Saving]) -> Iterator[Claim]:
    """skip_zero < bound < column_bound < oracle, everywhere."""
    ladder = ("skip_zero", "bound", "column_bound", "oracle")
    keys = dict.fromkeys((row.set, row.point, row.reading, row.law) for row in found)
    by_row = {(row.set, row.point, row.reading, row.law, row.policy): row.saved for row in found}
    steps = [100 * (by_row[(*key, more)] - by_row[(*key, less)]) for key in keys for less, more in pairwise(ladder)]
    note = f"smallest step of skip_zero < bound < column_bound < oracle over {len(steps)} steps [points]"
    yield _claim("order.policies", min(steps), 1e-9, 100, note)


def law_claims(found: Sequence[Saving]) -> Iterator[Claim]:
    """A law that is all linear or all exponential saves the same part at both points, unlike the paper's figures."""
    for law in ("linear", "exponential"):
        wide, narrow = (pick(found, "digits", point, FULL, law, "bound") for point in TWO)
        both = f"{wide.saved:.1%} and {narrow.saved:.1%}"
        note = f"points between W8A8 and W4A3, bound, law {law}, {FULL}: {both}"
        apart = 100 * abs(wide.saved - narrow.saved)
        yield _claim(f"law.{law}.alike", apart, 0, 4, note, reason=_apart(wide, narrow) if law == "linear" else "")


def _apart(wide: Saving, narrow: Saving) -> str:
    """Why a linear law tells the points apart: it saves s + (1 - s) d / N with skipped share s, dropped decisions d."""
    dropped = [row.reading.bits - row.decisions_mean for row in (wide, narrow)]
    return (
        f"active rows drop {dropped[0]:.1f} decisions of {wide.reading.bits} at W8A8 and {dropped[1]:.1f} of "
        f"{narrow.reading.bits} at W4A3: a linear law saves alike only where W8A8 leaves out so many more conversions "
        f"that this evens out; here it leaves out {wide.skipped:.1%}, W4A3 {narrow.skipped:.1%}"
    )


def identity_claims(found: Sequence[Saving]) -> Iterator[Claim]:
    """Efficiency follows from the converters' share and saving: g = 1 / (1 - s r). The circuits that sense active rows
    are in the measured gain and not in the formula."""
    for point in TWO:
        row = pick(found, "digits", point, FULL, LAW, "bound")
        formula = 1 / (1 - row.share * row.saved)
        note = (
            f"|gain / formula - 1| [%]: measured {row.gain:.3f}, 1 / (1 - s r) = {formula:.3f} with "
            f"s = {row.share:.1%}, r = {row.saved:.1%}"
        )
        measured = 100 * abs(row.gain / formula - 1)
        yield _claim(f"identity.{point.name.lower()}", measured, 0, 1, note, "derived")


def limit_claims(limits: Mapping[tuple[Point, str], float | None]) -> Iterator[Claim]:
    """More bits ask for better cells (abstract: higher precision asks for more of devices and converters)."""
    wide, narrow = (limits.get((point, "cell sigma")) for point in TWO)
    if wide is not None and narrow is not None:
        note = f"cell sigma that costs a point, W4A3 less W8A8 [% of G]: {narrow:.1f} and {wide:.1f}"
        yield _claim("limits.sigma", narrow - wide, 1e-9, 100, note)


def pick(found: Sequence[Saving], name: str, point: Point, reading: str, law: str, policy: str) -> Saving:
    """The row of a set, point, reading, law and policy."""
    wanted = (name, point, reading, law, policy)
    return next(row for row in found if (row.set, row.point, row.reading.name, row.law, row.policy) == wanted)
