"""Level sets on textbook densities: normal and Laplace samples of variance 1, with the published errors beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from archsim.function.quantization.levels import LEVEL_QUANTIZERS, kernels
from archsim.function.quantization.levels.samples import samples_of
from archsim.studies.claims import Claim, Table
from archsim.studies.request import Request

SAMPLES = 1_000_000
TEXTBOOK = {
    ("normal", 3): 0.0346, ("normal", 4): 0.00950, ("normal", 5): 0.00250,
    ("laplace", 3): 0.0545, ("laplace", 4): 0.01537, ("laplace", 5): 0.00410,
}  # fmt: skip
"""Least squared error of 2**bits levels over the variance (Lloyd-Max quantizers; Jayant and Noll, Digital Coding of
Waveforms, 1984)."""

NAMES = ("minmax", "mse_affine", "merge", "lloyd")
MERGE, LLOYD = 0.10, 0.02
"""How far above the textbook error the importance merge and Lloyd-Max may lie."""


def density_rows(request: Request) -> list[dict[str, Any]]:
    """Error of each quantizer on each density."""
    rows = []
    for density in ("normal", "laplace"):
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(0)))
        drawn = rng.standard_normal(SAMPLES) if density == "normal" else rng.laplace(size=SAMPLES) / np.sqrt(2)
        samples = samples_of(drawn)
        for bits in (4,) if request.quick else (3, 4, 5):
            request.told(f"{density} samples, {bits} bits")
            found = {name: LEVEL_QUANTIZERS[name](samples, 2**bits) for name in NAMES}
            errors = {
                name: kernels.error_of(samples.values, samples.sums, levels) / samples.spread
                for name, levels in found.items()
            }
            rows.append({"density": density, "bits": bits, "textbook": TEXTBOOK[density, bits], **errors})
    return rows


def density_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Errors over the variance."""
    columns = (("density", "density", ""), ("bits", "bits", ""), ("textbook", "least (textbook)", ".5f"))
    return Table(
        title=f"squared error over variance, {SAMPLES:,} samples",
        rows=tuple(rows),
        columns=(*columns, *((name, name, ".5f") for name in NAMES)),
    )


def density_claims(rows: Sequence[Mapping[str, Any]]) -> Iterator[Claim]:
    """At 4 bits: merge within 10 %, Lloyd-Max within 2 % of the textbook error; less than half of min-max."""
    for row in rows:
        if row["bits"] != 4:
            continue
        for name, slack in (("merge", MERGE), ("lloyd", LLOYD)):
            yield Claim(
                id=f"{name}.{row['density']}", paper=None, measured=row[name] / row["textbook"], low=1 - LLOYD,
                high=1 + slack, status="derived", note="squared error at 4 bits over the least one of the textbook",
            )  # fmt: skip
        yield Claim(
            id=f"minmax.{row['density']}", paper=None, measured=row["lloyd"] / row["minmax"], low=0, high=0.5,
            status="derived", note="squared error at 4 bits over that of min-max uniform levels",
        )  # fmt: skip
