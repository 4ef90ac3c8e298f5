"""Accuracy when cells are written with errors: levels as conductances on the analog engine, converters ideal.

The error of a cell is normal with a standard deviation that is a share of the conductance window, the same for all
levels. Every point is several chips, which draw the same numbers at every point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from math import fsum
from typing import Any

import archsim.studies.yan2017.measure as measuring
from archsim.config import Hardware, load_hardware
from archsim.function.crossbars.converter import Transfer
from archsim.function.crossbars.devices import window_of
from archsim.function.crossbars.devices.gaps import gaps_over_sigma
from archsim.function.crossbars.select import Machine, select
from archsim.function.inference.compare import Interval, wilson
from archsim.function.inference.infer import infer
from archsim.function.quantization.network import QuantizedNetwork
from archsim.mapper import map_network
from archsim.studies.claims import Claim, Table
from archsim.studies.request import Request
from archsim.studies.yan2017.cases import Case
from archsim.studies.yan2017.measure import Bench
from archsim.studies.yan2017.plan import REFERENCE, Setting

HARDWARE = "mlc-rram-16"
BITS = 4
SIGMAS = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05)
QUICK_SIGMAS = (0.0, 0.02, 0.05)
QUANTIZERS = (REFERENCE, "mse_affine", "lloyd")
CHIPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One quantizer at one error. `sigma` is a share of the window; `gap` the smallest gap between levels over the
    standard deviation of writing in the layer where it is smallest (None without errors); `accuracy` the mean over
    chips, its interval Wilson's for the number of pictures."""

    network: str
    bits: int
    granularity: str
    quantizer: str
    encoding: str
    sigma: float
    gap: float | None
    middle_gap: float | None
    accuracy: float
    interval: Interval
    worst: float
    images: int
    chips: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def error_points(bench: Bench, request: Request) -> list[Point]:
    """Every quantizer at every error, in the offset encoding; Lloyd-Max also in differential pairs."""
    points = []
    for encoding in ("offset", "differential"):
        for quantizer in QUANTIZERS if encoding == "offset" else QUANTIZERS[-1:]:
            setting = Setting(bits=BITS, granularity="layer", quantizer=quantizer)
            network = measuring.quantized(bench, setting)
            for sigma in QUICK_SIGMAS if request.quick else SIGMAS:
                request.told(f"{bench.case.name}, {setting.label}, {encoding}, error {sigma:.1%}")
                chips = 1 if request.quick or sigma == 0 else CHIPS
                points.append(_point(bench, network, setting, encoding, sigma, chips))
    return points


def _hardware(encoding: str, sigma: float) -> Hardware:
    """The 16-level machine with an error that is a share of its window."""
    plain = load_hardware(HARDWARE, {"precision.encoding": encoding})
    window = window_of(plain.model.ima.cell)
    error = f"{sigma * (window.on - window.off) * 1e6:.9g} uS"
    return plain.replace({"device.programming.model": "gaussian", "device.programming.absolute": error})


def _point(bench: Bench, network: QuantizedNetwork, setting: Setting, encoding: str, sigma: float, chips: int) -> Point:
    plan = map_network(bench.case.graph, _hardware(encoding, sigma))
    chosen = measuring.evenly(bench.case.errors, len(bench.images))
    images = len(chosen)
    pictures = (bench.images if network.pixels is None else bench.pixels)[chosen]
    shares = []
    for seed in range(chips):
        machine = replace(Machine.of(plan, seed), transfer=Transfer(kind="ideal"))
        engine = select(network, machine, lambda: pictures).engine
        report = measuring.reported(bench, infer(network, pictures, engine=engine).logits, chosen)
        assert report.accuracy is not None
        shares.append(report.accuracy)
    gaps = _gaps(network, plan.hardware, encoding) if sigma > 0 else []
    mean = fsum(shares) / chips
    return Point(
        network=bench.case.name,
        bits=setting.bits,
        granularity=setting.granularity,
        quantizer=setting.quantizer,
        encoding=encoding,
        sigma=sigma,
        gap=min(gaps) if gaps else None,
        middle_gap=sorted(gaps)[len(gaps) // 2] if gaps else None,
        accuracy=mean,
        interval=wilson(round(mean * images), images),
        worst=min(shares),
        images=images,
        chips=chips,
    )


def _gaps(network: QuantizedNetwork, hardware: Hardware, encoding: str) -> list[float]:
    """Smallest gap over standard deviation of each layer."""
    device = hardware.model.device
    assert device is not None
    assert device.programming is not None
    window = window_of(hardware.model.ima.cell)
    return [
        float(gaps_over_sigma(layer.levels, encoding, window, device.programming).min())
        for layer in network.matrices
        if layer.levels is not None
    ]


def error_table(case: Case, points: Sequence[Point]) -> Table:
    """Accuracy and level gaps against the error."""
    columns = (
        ("encoding", "encoding", ""),
        ("quantizer", "quantizer", ""),
        ("sigma", "error/window", ".1%"),
        ("gap", "smallest gap/sigma", ".2f"),
        ("middle_gap", "middle layer", ".2f"),
        ("accuracy", "accuracy", ".4f"),
        ("interval_95", "95 %", ""),
        ("worst", "worst chip", ".4f"),
    )
    first = points[0]
    title = (
        f"{case.name}, {first.images} pictures, {first.bits} bits, a level set for each layer: accuracy when cells of "
        f"{HARDWARE} are written with errors (converters ideal, up to {max(point.chips for point in points)} chips)"
    )
    rows = tuple({**p.to_dict(), "interval_95": f"{p.interval[0]:.3f}-{p.interval[1]:.3f}"} for p in points)
    return Table(title=title, rows=rows, columns=columns)


def error_claims(case: Case, points: Sequence[Point]) -> Iterator[Claim]:
    """Properties that hold whatever the network: without errors the analog machine is the integer one (shown by the
    engines' tests), and accuracy does not rise with the error beyond its interval."""
    for encoding, quantizer in dict.fromkeys((point.encoding, point.quantizer) for point in points):
        line = [point for point in points if (point.encoding, point.quantizer) == (encoding, quantizer)]
        ends = line[0], line[-1]
        yield Claim(
            id=f"error.{encoding}.{quantizer}.{case.name}",
            paper=None,
            measured=100 * (ends[0].accuracy - ends[1].accuracy),
            low=-100 * (ends[0].interval[1] - ends[0].interval[0]),
            high=100,
            status="derived",
            note=f"top-1 points lost to an error of {ends[1].sigma:.0%} of the window; accuracy must not rise with it",
        )
