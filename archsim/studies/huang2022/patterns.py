"""What the accuracy part measures: rules against nonlinearity, converters, devices; each a table of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from archsim.studies.charts import Chart, Series
from archsim.studies.claims import Claim, Table
from archsim.studies.huang2022.learning import DEVICE, RULES, Sample, Task, sample
from archsim.studies.request import Request
from archsim.training.insitu.devices import SynapticDevice, asymmetric, symmetric
from archsim.training.insitu.recipe import Converters
from archsim.training.insitu.settings import PulseScale, UpdateSettings

Order = Literal["device", "v21"]
Kind = tuple[str, int]
"""asym or sym, and the label."""

ASYMMETRIC: tuple[Kind, ...] = (("asym", 0), ("asym", 1), ("asym", 3), ("asym", 6))
SYMMETRIC: tuple[Kind, ...] = (("sym", 1), ("sym", 3), ("sym", 6))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pattern:
    """Samples by rule and kind of device, on one task in one order of updates."""

    task: str
    order: Order
    samples: Mapping[tuple[str, Kind], Sample]

    def mean(self, rule: str, kind: str, label: int) -> float:
        """Mean accuracy [%]; label 0 is one device, whatever the kind."""
        return self.samples[rule, (kind if label else "asym", label)].mean

    def loss(self, rule: str, kind: str, label: int) -> float:
        """Points below the linear device under the same rule."""
        return self.mean(rule, "asym", 0) - self.mean(rule, kind, label)

    def gain(self, rule: str, kind: str, label: int) -> float:
        """Points above no momentum on the same device."""
        return self.mean(rule, kind, label) - self.mean("none", kind, label)

    def recovered(self, rule: str, label: int) -> float:
        """Share of what the asymmetric device loses without momentum that a rule wins back."""
        return self.gain(rule, "asym", label) / self.loss("none", "asym", label)


def device_of(kind: Kind, base: SynapticDevice = DEVICE) -> SynapticDevice:
    """The study's device with this nonlinearity."""
    build = asymmetric if kind[0] == "asym" else symmetric
    bent = build(kind[1])
    return replace(base, ltp=bent.ltp, ltd=bent.ltd)


def pattern(
    request: Request,
    name: str,
    task: Task,
    order: Order,
    rules: Mapping[str, UpdateSettings],
    kinds: Sequence[Kind],
    seeds: Sequence[int],
) -> Pattern:
    """Every rule on every kind of device."""
    samples: dict[tuple[str, Kind], Sample] = {}
    for rule, update in rules.items():
        for kind in kinds:
            request.told(f"{name}, order {order}: {rule}, NL {kind[1]} {kind[0]}metric, {len(seeds)} seeds")
            samples[rule, kind] = sample(task, device_of(kind), replace(update, order=order), seeds)
    return Pattern(task=name, order=order, samples=samples)


def pattern_table(found: Pattern) -> Table:
    """Accuracy by rule and device."""
    rules = dict.fromkeys(rule for rule, _ in found.samples)
    kinds = dict.fromkeys(kind for _, kind in found.samples)
    rows = []
    for rule in rules:
        row: dict[str, object] = {"rule": rule}
        for kind in kinds:
            chosen = found.samples[rule, kind]
            key = f"{kind[0]}{kind[1]}"
            row |= {key: chosen.mean, f"{key}_error": chosen.error, f"{key}_pulses": chosen.pulses}
        rows.append(row)
    columns = [("rule", "rule", "")]
    columns += [(f"{kind}{label}", "NL 0" if not label else f"NL {label} {kind}.", ".1f") for kind, label in kinds]
    seeds = len(next(iter(found.samples.values())).runs)
    title = f"{found.task}, order {found.order}: test accuracy [%], mean of {seeds} seeds"
    return Table(title=title, rows=tuple(rows), columns=tuple(columns))


def pattern_chart(found: Pattern, name: str) -> Chart:
    """Accuracy against asymmetric nonlinearity, one line a rule, bars of one standard error."""
    labels = [label for kind, label in dict.fromkeys(kind for _, kind in found.samples) if kind == "asym"]
    series = []
    for rule in dict.fromkeys(rule for rule, _ in found.samples):
        chosen = [found.samples[rule, ("asym", label)] for label in labels]
        series.append(
            Series(
                name=rule,
                x=[float(label) for label in labels],
                y=[item.mean for item in chosen],
                low=[item.mean - item.error for item in chosen],
                high=[item.mean + item.error for item in chosen],
            )
        )
    return Chart(
        name=name,
        title=f"{found.task}, order {found.order}",
        x="nonlinearity label, asymmetric",
        y="test accuracy [%]",
        series=tuple(series),
    )


def histogram_chart(found: Pattern, label: int) -> Chart:
    """Where the cells of the first layer stand after training, for each rule."""
    series = []
    for rule in dict.fromkeys(rule for rule, _ in found.samples):
        layer = found.samples[rule, ("asym", label)].runs[0].record.layers[0]
        count, parts = sum(layer.after), len(layer.after)
        middles = [(part + 0.5) / parts for part in range(parts)]
        series.append(Series(name=rule, x=middles, y=[100 * cells / count for cells in layer.after]))
    return Chart(
        name=f"conductances-nl{label}",
        title=f"{found.task}, NL {label} asymmetric: conductances of the first layer, seed 0",
        x="conductance, share of the window",
        y="cells [%]",
        series=tuple(series),
    )


def pattern_claims(found: Pattern, prefix: str) -> list[Claim]:
    """What the issue of asymmetry is about: loss without momentum, and what momentum wins back."""
    steps = [found.mean("none", "asym", a) - found.mean("none", "asym", b) for a, b in ((0, 1), (1, 3), (3, 6))]
    loss = found.loss("none", "asym", 3)
    return [
        _claim(f"{prefix}-loss-nl3", loss, 1.5, 100, "points lost without momentum, NL 3 asymmetric"),
        _claim(f"{prefix}-monotone", min(steps), 0, 100, "smallest fall between NL 0, 1, 3, 6 asymmetric, no momentum"),
        _claim(
            f"{prefix}-symmetric-less", loss - found.loss("none", "sym", 3), 0, 100,
            "points lost without momentum at NL 3, asymmetric minus symmetric",
        ),
        _claim(f"{prefix}-recovered", found.recovered("momentum", 3), 0.8, 10, "share of the NL 3 loss won back"),
        _claim(
            f"{prefix}-gain-difference", found.gain("momentum", "asym", 3) - found.gain("momentum", "sym", 3), 1, 100,
            "points momentum gains at NL 3, asymmetric minus symmetric",
        ),
    ]  # fmt: skip


def accumulator_claims(found: Pattern, prefix: str) -> list[Claim]:
    """Beyond the paper: fewer pulses late, and a residual, recover the ideal device."""
    claims = []
    for label in (3, 6):
        gap = found.loss("accumulate+decay", "asym", label)
        claims.append(
            _claim(f"{prefix}-accumulate-nl{label}", gap, -100, 0.7, f"points below its own NL 0 at NL {label}")
        )
    pulses = [found.samples[rule, ("asym", 6)].pulses for rule in ("accumulate+decay", "momentum+decay")]
    note = "pulses of accumulate-and-fire over those of momentum, both with decay, NL 6"
    return [*claims, _claim(f"{prefix}-pulses", pulses[0] / pulses[1], 0, 0.35, note)]


def _claim(id_: str, measured: float, low: float, high: float, note: str, reason: str = "") -> Claim:
    return Claim(id=id_, paper=None, measured=measured, low=low, high=high, status="inferred", note=note, reason=reason)


def sweep_table(request: Request, task: Task, seeds: Sequence[int]) -> Table:
    """Cycle-to-cycle, device-to-device, levels and pulse scale, one at a time, at NL 0, 3 and 6 asymmetric."""
    changed: list[tuple[str, SynapticDevice, float]] = [("reference", DEVICE, 1.0)]
    changed += [(f"c2c {share:.0%}", replace(DEVICE, c2c=share), 1.0) for share in (0.0, 0.01, 0.03, 0.05)]
    changed += [(f"d2d {spread}", replace(DEVICE, d2d=spread), 1.0) for spread in (0.5, 1.0)]
    changed += [("32 levels", replace(DEVICE, levels=32), 1.0)]
    changed += [(f"pulse scale {scale:g}", DEVICE, scale) for scale in (0.25, 4.0)]
    rows = []
    for name, device, scale in changed:
        request.told(f"8x8 digits, sweep: {name}, {len(seeds)} seeds")
        row: dict[str, object] = {"change": name}
        for rule in ("none", "momentum"):
            update = replace(RULES[rule], pulse_scale=PulseScale(value=scale))
            for label in (0, 3, 6):
                chosen = sample(task, device_of(("asym", label), device), update, seeds)
                row |= {f"{rule}{label}": chosen.mean, f"{rule}{label}_error": chosen.error}
        rows.append(row)
    columns = [("change", "change", "")]
    columns += [
        (f"{rule}{label}", f"{rule}, NL {label}", ".1f") for rule in ("none", "momentum") for label in (0, 3, 6)
    ]
    title = f"8x8 digits, device sweeps: test accuracy [%], {len(seeds)} seeds, constant pulse scale"
    return Table(title=title, rows=tuple(rows), columns=tuple(columns))


READS: tuple[tuple[str, Converters], ...] = (
    *((f"forward, {bits} bits", Converters(forward=bits)) for bits in (4, 5, 6, 8)),
    *((f"forward and backward, {bits} bits", Converters(forward=bits, backward=bits)) for bits in (4, 5, 6, 8)),
    *(
        (f"both, {bits} bits, nonlinear", Converters(forward=bits, backward=bits, references="nonlinear"))
        for bits in (4, 5, 6)
    ),
    ("both, 6 bits, gradient in SRAM, 4 bits", Converters(forward=6, backward=6, gradient=4)),
)
SERIAL: tuple[tuple[str, Converters], ...] = tuple(
    (f"both, {bits} bits, bit-serial", Converters(forward=bits, backward=bits, reading="bit_serial"))
    for bits in (4, 5, 6, 8)
)


RANGES = (
    "converters' ranges follow the 32 pictures computed together, in the run that the band is from 100; made to follow "
    "100, losses here were 1.6 (4 bits), 0.27 (5 bits) and 1.2 points (6 bits, bit-serial, five seeds)"
)
"""Why converters cost less here than in the bands: a narrower range has finer steps."""


def converter_samples(
    request: Request, task: Task, seeds: Sequence[int], serial_seeds: Sequence[int]
) -> dict[str, Sample]:
    """Momentum with decay at NL 3 under every reading; the first is without converters."""
    device, found = device_of(("asym", 3)), dict[str, Sample]()
    cases = [("no conversion", Converters(), seeds), *((name, how, seeds) for name, how in READS)]
    for name, how, chosen in [*cases, *((name, how, serial_seeds) for name, how in SERIAL)]:
        request.told(f"MNIST, converters: {name}, {len(chosen)} seeds")
        found[name] = sample(task, device, RULES["momentum+decay"], chosen, how)
    return found


def converter_table(samples: Mapping[str, Sample]) -> Table:
    """Accuracy by reading."""
    base = samples["no conversion"].mean
    rows = [
        {"reads": name, "accuracy": item.mean, "error": item.error, "loss": base - item.mean, "seeds": len(item.runs)}
        for name, item in samples.items()
    ]
    columns = (
        ("reads", "reads", ""),
        ("accuracy", "accuracy [%]", ".2f"),
        ("error", "+-", ".2f"),
        ("loss", "loss", ".2f"),
        ("seeds", "seeds", ""),
    )
    title = "MNIST 784-100-10, NL 3 asymmetric, momentum with decay: converters (of whole sums but where bit-serial)"
    return Table(title=title, rows=tuple(rows), columns=columns)


def converter_claims(samples: Mapping[str, Sample]) -> list[Claim]:
    """Bands of an independent run made before this code, whole sums and bit-serial."""
    base = samples["no conversion"].mean

    def loss(name: str) -> float:
        return base - samples[name].mean

    serial = [samples[name].mean for name, _ in SERIAL]
    rises = min(b - a for a, b in pairwise(serial))
    return [
        _claim("adc-6", loss("forward and backward, 6 bits"), -0.7, 0.7, "points lost to 6-bit converters, whole sums"),
        _claim("adc-5", loss("forward and backward, 5 bits"), 0.3, 2, "the same, 5 bits", RANGES),
        _claim("adc-4", loss("forward and backward, 4 bits"), 1.5, 100, "the same, 4 bits", RANGES),
        _claim("adc-serial-6", loss("both, 6 bits, bit-serial"), 0.5, 2.5, "the same, 6 bits, bit-serial", RANGES),
        _claim("adc-serial-monotone", rises, -0.3, 100, "smallest gain of a bit or two, bit-serial, 4 to 8 bits"),
    ]
