"""The accuracy part: what nonlinearity, converters and devices do to training in place, and what repairs it.

The paper's accuracies are not known (its abstract has none); the pattern that asymmetry costs accuracy and momentum
wins it back is claimed here on networks small enough for many seeds. Bands are those of an independent numpy run of the
same physics on other seeds. Label 0 is always the control: momentum helps an ideal device too, so that a repair is the
difference of gains. Decay of the pulse scale and accumulate-and-fire are archsim's additions.
"""

from __future__ import annotations

from pathlib import Path

from archsim.studies.charts import Chart
from archsim.studies.claims import Claim, Findings, Table
from archsim.studies.huang2022.bench import Bench
from archsim.studies.huang2022.learning import RULES, Task, shipped, small_digits
from archsim.studies.huang2022.patterns import (
    ASYMMETRIC,
    SYMMETRIC,
    accumulator_claims,
    converter_claims,
    converter_samples,
    converter_table,
    histogram_chart,
    pattern,
    pattern_chart,
    pattern_claims,
    pattern_table,
    sweep_table,
)
from archsim.studies.huang2022.rivals import rival_tables
from archsim.studies.request import Request
from archsim.training.insitu.settings import PulseScale, UpdateSettings
from archsim.training.pictures import Augmentation, decode
from archsim.workload import load_data, load_workload, preprocessing_for

CIFAR = "cifar10_jpg.zip"
HALVING = PulseScale(factors=(1.0, 0.5, 0.25, 0.125))
CIFAR_RULES = {
    name: UpdateSettings(rule=rule, pulse_scale=HALVING)
    for name, rule in (("none", "sgd"), ("momentum", "momentum"), ("accumulate", "accumulate"))
}
"""Of a run of three epochs: without decay momentum does not win at all there."""
ROUNDED = ("none", "momentum", "momentum+decay")
"""Rules that the order of DNN+NeuroSim V2.1 can round."""
SEEDS, FEW = range(10, 15), range(10, 13)
QUICK = (("asym", 0), ("asym", 3), ("asym", 6), ("sym", 3))
UNSEEN = "CIFAR-10 left out (about 45 minutes of one core)"
LOST = ("pattern of 8x8 digits, sweeps and rivals left out: scikit-learn is not installed; pip install "
        "'archsim[studies]'")  # fmt: skip


def findings(request: Request) -> Findings:
    """The part of the study; the quick form trains the 8x8 digits for a few epochs, one seed, and claims little."""
    if request.quick:
        return _quick(request)
    parts = [_digits(request), _converters(request), _fashion(request), _cifar(request)]
    return Findings(
        claims=tuple(claim for part in parts for claim in part.claims),
        tables=tuple(table for part in parts for table in part.tables),
        charts=tuple(chart for part in parts for chart in part.charts),
        notes=tuple(note for part in parts for note in part.notes),
    )


def _quick(request: Request) -> Findings:
    task = small_digits(12)
    if task is None:
        return Findings(claims=(), notes=(LOST,))
    found = pattern(request, "8x8 digits, 12 epochs", task, "device", RULES, QUICK, (10,))
    loss = found.loss("none", "asym", 6)
    note = "points lost without momentum, NL 6 asymmetric, one seed"
    claim = Claim(id="digits-loss-nl6", paper=None, measured=loss, low=3, high=100, status="inferred", note=note)
    return Findings(
        claims=(claim,),
        tables=(pattern_table(found),),
        charts=(pattern_chart(found, "accuracy-quick"), histogram_chart(found, 6)),
        notes=("accuracy: one seed and few epochs; the full form has the claims, converters, Fashion and CIFAR-10",),
    )


def _digits(request: Request) -> Findings:
    task = small_digits(60)
    if task is None:
        return Findings(claims=(), notes=(LOST,))
    claims: list[Claim] = []
    tables: list[Table] = []
    charts: list[Chart] = []
    kinds = (*ASYMMETRIC, *SYMMETRIC)
    device = pattern(request, "8x8 digits", task, "device", RULES, kinds, SEEDS)
    mapped = pattern(request, "8x8 digits", task, "v21", {name: RULES[name] for name in ROUNDED}, kinds, SEEDS)
    for found in (device, mapped):
        claims += pattern_claims(found, f"digits-{found.order}")
        tables.append(pattern_table(found))
        charts.append(pattern_chart(found, f"accuracy-digits-{found.order}"))
    claims += accumulator_claims(device, "digits")
    charts.append(histogram_chart(device, 6))
    tables.append(sweep_table(request, task, FEW))
    tables += rival_tables(request, task, Bench(), SEEDS)
    return Findings(claims=tuple(claims), tables=tuple(tables), charts=tuple(charts))


def _converters(request: Request) -> Findings:
    samples = converter_samples(request, shipped("digits", 8000, 8), FEW, FEW[:2])
    return Findings(claims=tuple(converter_claims(samples)), tables=(converter_table(samples),))


def _fashion(request: Request) -> Findings:
    kinds = (("asym", 0), ("asym", 3), ("asym", 6))
    found = pattern(request, "Fashion", shipped("fashion", 6000, 10), "device", RULES, kinds, FEW)
    share = found.recovered("momentum+decay", 3)
    note = "share of the NL 3 loss won back by momentum with decay"
    claim = Claim(id="fashion-recovered", paper=None, measured=share, low=0.8, high=10, status="inferred", note=note)
    return Findings(
        claims=(claim, *accumulator_claims(found, "fashion")),
        tables=(pattern_table(found),),
        charts=(pattern_chart(found, "accuracy-fashion"),),
    )


def _cifar(request: Request) -> Findings:
    """The narrow VGG-8 on CIFAR-10: 27 trainings of about 1.6 CPU minutes each."""
    path = request.find(CIFAR)
    if path is None:
        return Findings(claims=(), notes=(f"{UNSEEN}: {request.missing(CIFAR)}",))
    kinds = (("asym", 0), ("asym", 3), ("asym", 6))
    found = pattern(request, "CIFAR-10, narrow VGG-8", cifar_task(path), "device", CIFAR_RULES, kinds, FEW)
    gain = found.gain("momentum", "asym", 6)
    over = found.mean("accumulate", "asym", 6) - found.mean("momentum", "asym", 6)
    control = gain - found.gain("momentum", "asym", 0)
    values = (
        ("cifar-momentum-nl6", gain, 4.0, "points momentum gains at NL 6"),
        ("cifar-momentum-nl6-control", control, 0.0, "the same above what it gains at NL 0"),
        ("cifar-accumulate-nl6", over, 0.0, "points of accumulate-and-fire above momentum at NL 6"),
    )
    claims = tuple(
        Claim(id=id_, paper=None, measured=measured, low=low, high=100, status="inferred", note=note)
        for id_, measured, low, note in values
    )
    return Findings(claims=claims, tables=(pattern_table(found),), charts=(pattern_chart(found, "accuracy-cifar10"),))


def cifar_task(path: Path, training: int = 15_000, test: int = 10_000, epochs: int = 3) -> Task:
    """The narrow VGG-8 with batch norms, pictures mirrored at random."""
    graph = load_workload("vgg8-narrow")
    preprocessing = preprocessing_for("vgg8-narrow", graph)
    both = (
        decode(load_data(path / "train", preprocessing, limit=training, classes=10), labelled=True),
        decode(load_data(path / "test", preprocessing, limit=test, classes=10), labelled=True),
    )
    return Task(
        graph=graph,
        parts=lambda _: both,
        epochs=epochs,
        batch=50,
        averaged=1,
        batch_norm=True,
        augmentation=Augmentation(mirror=True),
    )
