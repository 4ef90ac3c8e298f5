"""One network under many weight quantizers: error of the weights, accuracy and agreement, all from integer inference
with 8-bit activations (what ideal cells and converters compute)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.inference.compare import FunctionReport, compare
from archsim.function.inference.infer import infer
from archsim.function.quantization.calibrate import Ranges, calibrate
from archsim.function.quantization.levels.measured import measured_loss
from archsim.function.quantization.levels.seam import level_quantizer
from archsim.function.quantization.network import Pixels, Precision, QuantizedNetwork
from archsim.function.quantization.quantize import logit_layer, quantize
from archsim.function.reference.run import run_float
from archsim.studies.yan2017.cases import Case
from archsim.studies.yan2017.plan import Setting
from archsim.training.fisher import fisher_information
from archsim.training.pictures import decode

Array = NDArray[Any]
BATCH = 250
LOSS_PICTURES = 64
"""Calibration pictures on which removing a level is measured."""

ACTIVATION_BITS = 8


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Bench:
    """A case made ready: its pictures' pixels and normalised form [N, C, H, W], what the float network says [N,
    classes], ranges of activations, and Fisher's information by layer (empty where no setting needs it)."""

    case: Case
    pixels: NDArray[np.uint8]
    images: NDArray[np.float32]
    logits: Array
    ranges: Ranges
    importance: Mapping[str, Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting on one network. `error` is the squared error of all weights over their variance (layer by layer,
    then the mean over weights); accuracies are None without labels, intervals are Wilson's, 95 %."""

    network: str
    bits: int
    granularity: str
    quantizer: str
    error: float
    accuracy: float | None
    accuracy_interval: tuple[float, float] | None
    float_accuracy: float | None
    agreement: float
    agreement_interval: tuple[float, float]
    snr_db: float
    level_sets: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @property
    def lost(self) -> float:
        """Top-1 points lost against the float network."""
        assert self.accuracy is not None
        assert self.float_accuracy is not None
        return 100 * (self.float_accuracy - self.accuracy)


def prepare(case: Case) -> Bench:
    """Everything about a case that does not depend on the weights' quantizer."""
    data, graph = case.evaluation, case.graph
    pixels = np.ascontiguousarray(data.pixels().transpose(0, 3, 1, 2))
    images = data.images()
    name = logit_layer(graph)
    parts = [run_float(graph, images[start : start + BATCH], keep=[name])[name] for start in range(0, len(data), BATCH)]
    shipped = data.preprocessing
    if shipped.ranges:
        means = {tensor: np.asarray(values) for tensor, values in shipped.means.items()}
        ranges = Ranges(values=shipped.ranges, means=means, origin="shipped")
    else:
        ranges = calibrate(graph, [images], origin="self")
    importance = {} if case.calibration is None else fisher_information(graph, decode(case.calibration, labelled=False))
    return Bench(
        case=case, pixels=pixels, images=images, logits=np.concatenate(parts), ranges=ranges, importance=importance
    )


def quantized(bench: Bench, setting: Setting) -> QuantizedNetwork:
    """The network in integers, its weights on level sets."""
    case, shipped = bench.case, bench.case.evaluation.preprocessing
    loss = None
    if setting.quantizer == "removal" and case.calibration is not None:
        loss = measured_loss(case.graph, case.calibration.images()[evenly(LOSS_PICTURES, len(case.calibration))])
    weights = level_quantizer(setting.rule, importance=bench.importance if setting.importance else {}, loss=loss)
    return quantize(
        case.graph,
        bench.ranges,
        precision=Precision(input_bits=ACTIVATION_BITS, weight_bits=setting.bits),
        pixels=Pixels(mean=shipped.mean, scale=shipped.scale),
        weights=weights,
    )


def measure(bench: Bench, setting: Setting) -> Row:
    """Run a setting."""
    network = quantized(bench, setting)
    pictures = bench.images if network.pixels is None else bench.pixels
    report = reported(bench, infer(network, pictures).logits)
    assert report.top1_agreement is not None, "the networks of the study tell classes apart"
    assert report.agreement_interval is not None
    sets = sum(len(layer.levels.values) for layer in network.matrices if layer.levels is not None)
    return Row(
        network=bench.case.name,
        bits=setting.bits,
        granularity=setting.granularity,
        quantizer=setting.name,
        error=weight_error(bench, network),
        accuracy=report.accuracy,
        accuracy_interval=report.accuracy_interval,
        float_accuracy=report.float_accuracy,
        agreement=report.top1_agreement,
        agreement_interval=report.agreement_interval,
        snr_db=report.logit_snr_db,
        level_sets=sets,
    )


def reported(bench: Bench, logits: Array, chosen: Array | None = None) -> FunctionReport:
    """Logits [N, classes] of all pictures, or of those chosen, against the float network."""
    labels, which = bench.case.evaluation.labels, np.arange(len(bench.logits)) if chosen is None else chosen
    return compare(bench.logits[which], logits, None if labels is None else labels[which])


def evenly(count: int, total: int) -> NDArray[np.int64]:
    """`count` of `total` pictures (all, if fewer), spread evenly: sets are often sorted by class."""
    count = min(count, total)
    return np.arange(count) * total // count


def weight_error(bench: Bench, network: QuantizedNetwork) -> float:
    """Squared error of the rounded weights over the weights' variance, mean over weights; folded pixels undone."""
    wrong = held = 0.0
    folded = None if network.pixels is None else network.pixels
    for layer in network.matrices:
        exact = bench.case.graph.parameters[layer.name].weight.astype(np.float64)
        flat = exact.reshape(len(exact), -1)
        geometry, size = layer.geometry, layer.scale / layer.format.scale
        rows = layer.weight.reshape(geometry.groups, *geometry.kernel, -1, geometry.columns)
        rounded = rows.transpose(0, 4, 3, 1, 2).reshape(flat.shape) * size[:, None]
        if folded is not None and layer.format.scale == 1.0:  # reads raw pixels, no other tensor has this unit
            gain = folded.per_channel(geometry.channels)[1]
            rounded = rounded / np.repeat(gain, flat.shape[1] // geometry.channels)
        wrong += float(((rounded - flat) ** 2).sum())
        held += float(((flat - flat.mean()) ** 2).sum())
    return wrong / held
