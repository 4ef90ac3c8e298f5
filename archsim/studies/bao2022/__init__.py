"""NvCNN (Bao et al., Frontiers in Electronics 3:954661, 2022): few-bit networks and sparsity-aware converters.

Found in the abstract: quantized networks on arrays of 128 x 128 nonvolatile cells, 4-bit weights and 3-bit activations
as the best compromise with 98.82 % on MNIST, in situ sparsity-aware processing that saves 79 % (W8A8) and 53 % (W4A3)
of the converters' energy and makes the whole 2.98 and 1.15 times as efficient, and that more bits ask for better cells
and converters. Network, cells, converters, their energy law and the sparsity mechanism are not known: LeNet-5, one cell
of 2^W levels on each side of a differential pair, bit-serial inputs, successive approximation that begins at the
highest bit which the number of active rows allows, and the laws here are a reconstruction. Law and resolutions that
bands are stated for were fixed beforehand; all other combinations are shown, and none is chosen for its outcome.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from archsim.studies.bao2022.data import Material, material
from archsim.studies.bao2022.judge import (
    TWO,
    accuracy_claims,
    fixed_readings,
    identity_claims,
    law_claims,
    limit_claims,
    order_claims,
    saving_claims,
)
from archsim.studies.bao2022.nets import FULL, QUICK, Net, Point, Score, epochs, scores, train_all
from archsim.studies.bao2022.pictures import flaw_chart, resolution_chart, saving_chart
from archsim.studies.bao2022.requirement import (
    FLAWS,
    RANGES,
    FlawPoint,
    Resolution,
    flaw_curve,
    limit,
    practical,
    practical_readings,
    resolutions,
)
from archsim.studies.bao2022.saving import Cost, costs, mapped, savings
from archsim.studies.bao2022.tables import (
    accuracy_table,
    calibration_table,
    flaw_table,
    practical_table,
    resolution_table,
    saving_table,
)
from archsim.studies.claims import Claim, Findings
from archsim.studies.request import Request
from archsim.workload import load_workload

__all__ = ["study"]

CHIPS = 3
"""Chips drawn for each size of a flaw."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Measured:
    """Everything the study measures."""

    scores: list[Score] = field(default_factory=list)
    resolutions: list[Resolution] = field(default_factory=list)
    flaws: list[FlawPoint] = field(default_factory=list)
    limits: dict[tuple[Point, str], float | None] = field(default_factory=dict)
    costs: list[Cost] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def study(request: Request) -> Findings:
    """Trains, measures and judges. The quick form trains one seed briefly on the digits and judges only what does not
    depend on how well a network was trained."""
    measured = Measured()
    graph = load_workload("lenet5")
    for name in ("digits",) if request.quick else ("digits", "fashion"):
        pictures = material(name, graph, request)
        plan = QUICK if request.quick else FULL[name]
        nets = train_all(pictures, graph, plan, request.told)
        measured.scores.extend(scores(pictures, nets))
        measured.notes.append(
            f"{name}: {len(pictures.train):,} training and {len(pictures.test):,} test pictures, {plan.seeds} seeds, "
            f"{epochs(plan.float_epochs, pictures)} epochs float and {epochs(plan.epochs, pictures)} for each point"
        )
        if name == "digits":
            _requirements(measured, nets, pictures, request)
        _costs(measured, nets, pictures, request)
    return _findings(measured, request.quick)


def _requirements(measured: Measured, nets: list[Net], pictures: Material, request: Request) -> None:
    """Converter bits and flaws of each design point, on its first seed's network."""
    most, few = (200, 100) if request.quick else (2000, 1000)
    for net in (net for net in nets if net.point is not None and net.seed == 0):
        assert net.point is not None
        if request.quick and net.point not in TWO:
            continue
        here = mapped(net)
        measured.resolutions.extend(resolutions(here, pictures, most, request.told))
        bits = practical(measured.resolutions, net.point, "saturating")
        for flaw in FLAWS[:1] if request.quick else FLAWS:
            curve = flaw_curve(here, flaw, bits, pictures, few, 1 if request.quick else CHIPS, request.told)
            measured.flaws.extend(curve)
            measured.limits[net.point, flaw.name] = limit(curve)


def _costs(measured: Measured, nets: list[Net], pictures: Material, request: Request) -> None:
    """Converter energy of W8A8 and W4A3 at the fixed readings, on the digits also at those found practical."""
    for net in nets:
        if net.point is None or net.point not in TWO:
            continue
        readings = fixed_readings(net.point)
        if pictures.name == "digits":
            readings += practical_readings(measured.resolutions, net.point)
        measured.costs.extend(costs(mapped(net), readings, pictures, request.told))


def _findings(measured: Measured, quick: bool) -> Findings:
    saved = savings(measured.costs)
    charts = [resolution_chart(measured.resolutions, kind) for kind in RANGES]
    charts += [flaw_chart(measured.flaws, flaw) for flaw in dict.fromkeys(row.flaw for row in measured.flaws)]
    return Findings(
        claims=tuple(_claims(measured, quick)),
        tables=(
            accuracy_table(measured.scores),
            practical_table(measured.resolutions, measured.limits),
            resolution_table(measured.resolutions),
            flaw_table(measured.flaws),
            saving_table(saved),
            calibration_table(saved),
        ),
        charts=(saving_chart(saved), *charts),
        notes=(*measured.notes, *NOTES, *([QUICK_NOTE] if quick else [])),
    )


def _claims(measured: Measured, quick: bool) -> Iterator[Claim]:
    saved = savings(measured.costs)
    if not quick:
        yield from accuracy_claims(measured.scores)
        yield from saving_claims(saved)
        yield from law_claims(saved)
        yield from limit_claims(measured.limits)
    yield from order_claims(saved)
    yield from identity_claims(saved)


NOTES = (
    "network, cells, converters, energy law and sparsity mechanism of the paper are not published where they could be "
    "read: all of them are a reconstruction",
    "law sar is fitted over 4 to 10 bits: energies of W8A8's 15 bits, and of decisions below 4, are extrapolated",
    "symmetric weights use half of the 2^W levels, so no sum sets the top bit: a saturating converter of W + 6 bits "
    "loses nothing",
    "efficiencies are of dynamic energy: ISAAC's chip-to-chip links draw constant power, which dwarfs a LeNet-5",
)
QUICK_NOTE = (
    "quick form: networks are trained too briefly for claims on accuracy and savings; run without --quick for them"
)
