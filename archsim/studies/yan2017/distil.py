"""Brief distillation with fixed levels: two epochs on unlabelled pictures, the float network as teacher. Weights move
between levels that stay where they were found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from archsim.studies.claims import Claim, Table
from archsim.studies.request import Request
from archsim.studies.yan2017.cases import Case
from archsim.studies.yan2017.measure import ACTIVATION_BITS, Bench, measure
from archsim.studies.yan2017.plan import Setting
from archsim.training.optimizers import Optimizer, Schedule
from archsim.training.pictures import Pictures, decode
from archsim.training.quantizers import Quantization
from archsim.training.recipe import Distillation, Recipe
from archsim.training.session import train_network

EPOCHS = 2
RATE = 3e-4
TEMPERATURE = 4.0
SETTINGS = (
    Setting(bits=4, granularity="layer", quantizer="lloyd"),
    Setting(bits=4, granularity="layer", quantizer="mse_affine"),
)
LOST = 1.5
"""Most top-1 points that 4-bit levels for each layer may lose after the distillation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distilled:
    """A setting before and after; `lost` are top-1 points against the float network after the distillation."""

    quantizer: str
    bits: int
    granularity: str
    pictures: int
    before: float
    after: float
    lost: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def distilled(bench: Bench, request: Request) -> list[Distilled]:
    """Each setting distilled."""
    case = bench.case
    assert case.unlabelled is not None
    training = replace(decode(case.unlabelled, labelled=False), labels=None)
    test = Pictures(pixels=bench.pixels, labels=case.evaluation.labels, preprocessing=case.evaluation.preprocessing)
    found = []
    for setting in SETTINGS:
        request.told(f"{case.name}, {setting.label}, distillation")
        before = measure(bench, setting)
        trained = train_network(case.graph, training, recipe(setting), test=test, teacher=case.graph)
        after = trained.test_accuracy
        assert before.accuracy is not None
        assert before.float_accuracy is not None
        assert after is not None
        found.append(
            Distilled(
                quantizer=setting.name,
                bits=setting.bits,
                granularity=setting.granularity,
                pictures=len(training),
                before=before.accuracy,
                after=after,
                lost=100 * (before.float_accuracy - after),
            )
        )
    return found


def recipe(setting: Setting) -> Recipe:
    """Two epochs of Adam on the teacher's softened answers alone."""
    return Recipe(
        epochs=EPOCHS,
        optimizer=Optimizer(name="adam", learning_rate=RATE),
        schedule=Schedule(name="cosine"),
        quantization=Quantization(weight_bits=setting.bits, activation_bits=ACTIVATION_BITS, levels=setting.rule),
        distillation=Distillation(temperature=TEMPERATURE, share=1.0),
    )


def distillation_table(case: Case, rows: Sequence[Distilled]) -> Table:
    """Accuracy before and after."""
    columns = (
        ("bits", "bits", ""),
        ("granularity", "levels for each", ""),
        ("quantizer", "quantizer", ""),
        ("before", "before", ".4f"),
        ("after", "after", ".4f"),
        ("lost", "points lost", ".2f"),
    )
    title = f"{case.name}: {EPOCHS} epochs on {rows[0].pictures:,} unlabelled pictures, levels fixed, float teacher"
    return Table(title=title, rows=tuple(row.to_dict() for row in rows), columns=columns)


def distillation_claims(bench: Bench, rows: Sequence[Distilled]) -> Iterator[Claim]:
    """Non-uniform levels for each layer, after the distillation."""
    uniform = next(row for row in rows if row.quantizer == "mse_affine")
    for row in rows:
        if row.quantizer == "lloyd":
            yield Claim(
                id=f"distilled.{row.bits}b.{row.granularity}.{bench.case.name}",
                paper=None,
                measured=row.lost,
                low=-100,
                high=LOST,
                status="inferred",
                note=f"top-1 points lost after brief label-free distillation; clipped uniform {uniform.lost:.2f}",
            )
