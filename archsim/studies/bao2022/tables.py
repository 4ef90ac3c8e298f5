"""What was measured as tables, with the paper's figures shown beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archsim.studies.bao2022.judge import ACCURACY, FULL, GAIN, LAW, SAVED, TWO, calibrated_share, pick
from archsim.studies.bao2022.nets import W4A3, Point, Score
from archsim.studies.bao2022.requirement import FLAWS, RANGES, FlawPoint, Resolution, practical
from archsim.studies.bao2022.saving import Saving
from archsim.studies.claims import Table


def accuracy_table(found: Sequence[Score]) -> Table:
    """Accuracy of every design point, mean over seeds."""
    rows = tuple(
        {
            "set": score.set,
            "point": "float" if score.point is None else score.point.name,
            "accuracy": score.mean,
            "low": score.interval[0],
            "high": score.interval[1],
            "seeds": ", ".join(f"{share:.4f}" for share in score.seeds),
            "images": score.images,
            "paper": ACCURACY / 100 if (score.set, score.point) == ("digits", W4A3) else None,
        }
        for score in found
    )
    columns = (
        ("set", "set", ""), ("point", "point", ""), ("accuracy", "accuracy", ".4f"), ("low", "95 % from", ".4f"),
        ("high", "to", ".4f"), ("seeds", "seeds", ""), ("images", "test pictures", ""),
        ("paper", "paper (MNIST)", ".4f"),
    )  # fmt: skip
    return Table(title="Accuracy, every layer and the input quantized", rows=rows, columns=columns)


def resolution_table(found: Sequence[Resolution]) -> Table:
    """Accuracy against converter bits."""
    rows = tuple(
        {
            "point": row.point.name,
            "kind": row.kind,
            "bits": row.bits,
            "accuracy": row.accuracy,
            "low": row.interval[0],
            "high": row.interval[1],
            "agreement": row.agreement,
            "practical": "*" if row.bits == practical(found, row.point, row.kind) else "",
        }
        for row in found
    )
    columns = (
        ("point", "point", ""), ("kind", "converter", ""), ("bits", "bits", ""), ("accuracy", "accuracy", ".4f"),
        ("low", "95 % from", ".4f"), ("high", "to", ".4f"), ("agreement", "agrees with lossless", ".3f"),
        ("practical", "practical", ""),
    )  # fmt: skip
    title = "Accuracy against ADC bits, first seed (* the fewest bits that cost at most 0.1 point)"
    return Table(title=title, rows=rows, columns=columns)


def practical_table(found: Sequence[Resolution], limits: Mapping[tuple[Point, str], float | None]) -> Table:
    """What each design point asks for: converter bits, and the flaws that cost one point."""
    rows = []
    for point in dict.fromkeys(row.point for row in found):
        row: dict[str, object] = {"point": point.name, "full": point.full_bits}
        row |= {kind: practical(found, point, kind) for kind in RANGES}
        row |= {flaw.name: limits.get((point, flaw.name)) for flaw in FLAWS}
        rows.append(row)
    columns = (
        ("point", "point", ""), ("full", "lossless bits", ""), ("saturating", "practical, saturating", ""),
        ("truncating", "practical, truncating", ""), ("cell sigma", "cell sigma [% of G]", ".1f"),
        ("ADC INL", "INL [LSB]", ".2f"), ("ADC DNL", "DNL [LSB]", ".2f"),
    )  # fmt: skip
    title = (
        "Requirements: bits that cost at most 0.1 point, flaws that cost 1 point alone on the practical saturating "
        "converter (- not within what was tried)"
    )
    return Table(title=title, rows=tuple(rows), columns=columns)


def flaw_table(found: Sequence[FlawPoint]) -> Table:
    """Accuracy against flaws."""
    rows = tuple(
        {
            "point": row.point.name,
            "flaw": f"{row.flaw} [{row.unit}]",
            "value": row.value,
            "bits": row.bits,
            "accuracy": row.accuracy,
            "worst": min(row.chips),
            "best": max(row.chips),
        }
        for row in found
    )
    columns = (
        ("point", "point", ""), ("flaw", "flaw", ""), ("value", "size", "g"), ("bits", "ADC bits", ""),
        ("accuracy", "accuracy", ".4f"), ("worst", "worst chip", ".4f"), ("best", "best chip", ".4f"),
    )  # fmt: skip
    return Table(title="Accuracy against flaws, first seed, mean over chips", rows=rows, columns=columns)


def saving_table(found: Sequence[Saving]) -> Table:
    """Converter energy saved by every policy, law and reading."""
    rows = tuple(
        {
            "set": row.set,
            "point": row.point.name,
            "reading": row.reading.name,
            "bits": row.reading.bits,
            "law": row.law,
            "policy": row.policy,
            "saved": row.saved,
            "least": min(row.seeds),
            "most": max(row.seeds),
            "paper": SAVED[row.point] / 100,
            "sensing": row.sensing,
            "skipped": row.skipped,
            "decisions": row.decisions_mean,
            "share": row.share,
            "gain": row.gain,
            "paper_gain": GAIN[row.point],
        }
        for row in found
    )
    columns = (
        ("set", "set", ""), ("point", "point", ""), ("reading", "converter", ""), ("bits", "bits", ""),
        ("law", "law", ""), ("policy", "policy", ""), ("saved", "ADC energy saved", ".1%"),
        ("least", "least seed", ".1%"),
        ("most", "most", ".1%"), ("paper", "paper", ".0%"), ("sensing", "sensing circuits", ".1%"),
        ("skipped", "skipped", ".1%"), ("decisions", "decisions", ".2f"), ("share", "ADC share", ".1%"),
        ("gain", "efficiency", ".2f"), ("paper_gain", "paper", ".2f"),
    )  # fmt: skip
    title = (
        "ADC energy saved on real activations, mean over seeds; sensing circuits as a part of ADC energy without a "
        "policy; efficiency: dynamic energy without over with the policy, not calibrated"
    )
    return Table(title=title, rows=rows, columns=columns)


def calibration_table(found: Sequence[Saving]) -> Table:
    """Arithmetic, not a result: the ADC share that the paper's two figures imply, and what efficiency our saving would
    give with it."""
    rows = []
    for point in TWO:
        row = pick(found, "digits", point, FULL, LAW, "bound")
        share = calibrated_share(SAVED[point] / 100, GAIN[point])
        rows.append(
            {
                "point": point.name,
                "paper_saved": SAVED[point] / 100,
                "paper_gain": GAIN[point],
                "implied": share,
                "share": row.share,
                "saved": row.saved,
                "calibrated": 1 / (1 - share * row.saved),
                "uncalibrated": row.gain,
                "with_links": row.gain_all,
            }
        )
    columns = (
        ("point", "point", ""), ("paper_saved", "paper saves", ".0%"), ("paper_gain", "paper efficiency", ".2f"),
        ("implied", "implied ADC share", ".1%"), ("share", "ADC share here", ".1%"), ("saved", "saved here", ".1%"),
        ("calibrated", "efficiency at implied share", ".2f"), ("uncalibrated", "efficiency here", ".2f"),
        ("with_links", "with ISAAC's links", ".3f"),
    )  # fmt: skip
    title = (
        "Arithmetic on g = 1 / (1 - s r), not a result: the ADC share s that the paper's pair implies "
        f"(bound, law {LAW}, {FULL}); efficiency here is not calibrated"
    )
    return Table(title=title, rows=tuple(rows), columns=columns)
