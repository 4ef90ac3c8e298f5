"""A data set through the quantized network and through the float one: predictions, agreement, accuracy and measured
activity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.meter import Conversions
from archsim.function.crossbars.noise import from_image
from archsim.function.crossbars.observe import MOST_PICTURES
from archsim.function.crossbars.select import Machine, Selection, exact_selection, select
from archsim.function.inference.activity import Counting, LayerActivity, first_images, merge
from archsim.function.inference.compare import FunctionReport, compare
from archsim.function.inference.fidelity import layer_snr
from archsim.function.inference.infer import default_batch, infer
from archsim.function.precision.stream import Streaming
from archsim.function.quantization.calibrate import Ranges, calibrate
from archsim.function.quantization.network import Pixels, Precision, QuantizedNetwork
from archsim.function.quantization.quantize import quantize
from archsim.function.quantization.weights import WeightQuantizer
from archsim.function.reference.run import run_float
from archsim.keeping import Keep, anew
from archsim.workload import Batch, Dataset, Graph, Preprocessing

Progress = Callable[[int, int], None]
"""Called with pictures done and pictures in all."""
Array = NDArray[Any]

LARGEST_BATCH = 256
"""Pictures decoded at a time; a small network's tensors would allow far more, its pictures would not."""

SNR_PICTURES = 2
"""Pictures that layer-by-layer signal-to-noise ratios are taken on: each is computed once more, in float and on the
machine, with every tensor held."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Evaluation:
    """What a data set showed. `predictions` and `float_predictions` are int64 [N], None where the judged output names
    no class; `activity` is by matrix layer,
    over all N pictures. `engines` names the engine of each matrix layer, `conversions` what its converters did (layers
    of an engine that counts them); `snr_db` has the ratio of each stored tensor over the first `snr_pictures`;
    `observed` names the data set that converters were calibrated on, where they are."""

    report: FunctionReport
    predictions: NDArray[np.int64] | None
    float_predictions: NDArray[np.int64] | None
    activity: Mapping[str, LayerActivity]
    calibration: str
    engines: Mapping[str, str]
    conversions: Mapping[str, Conversions]
    snr_db: Mapping[str, float]
    snr_pictures: int
    observed: str


def evaluate(
    graph: Graph,
    data: Dataset,
    *,
    precision: Precision,
    counting: Counting,
    calibration: Dataset | Ranges | None = None,
    streaming: Streaming | None = None,
    streamed_images: int = 1,
    machine: Machine | None = None,
    weights: str | WeightQuantizer = "per_channel",
    progress: Progress | None = None,
    keep: Keep = anew,
) -> Evaluation:
    """Quantize `graph` and run `data` through it and through the float network, a batch at a time.

    Activation ranges come from `calibration` if given, else from the network's preprocessing file, else from `data`
    itself (`Evaluation.calibration` says which). `weights` is how weights are quantized. `machine` decides the
    arithmetic of every layer; None is exact integer
    arithmetic. Converters that need observed sums see the first pictures of `calibration`, else of `data`. With
    `streaming` the precision of activations is decided on the fly; the bits of every window are kept of the first
    `streamed_images` pictures. `keep` gives what other evaluations may share: ranges, the quantized network and the
    float network's logits.
    """
    ranges, pixels = ranges_of(graph, data, calibration, keep), _pixels(data.preprocessing)
    network = keep(
        "quantized network",
        (graph, ranges, precision, pixels, weights),
        lambda: quantize(graph, ranges, precision=precision, pixels=pixels, weights=weights),
    )
    pictures = calibration if isinstance(calibration, Dataset) else data
    selection = exact_selection() if machine is None else select(network, machine, partial(_first, network, pictures))
    logits, wanted, activity = _through(
        graph, network, data, selection, counting, streaming, streamed_images, progress, keep
    )
    conversions = selection.conversions()
    logits, wanted = (values.reshape(len(values), *graph.judged.shape) for values in (logits, wanted))
    few = _first(network, data)[:SNR_PICTURES]
    return Evaluation(
        report=compare(wanted, logits, data.labels, weights=graph.weights),
        predictions=_predictions(graph, logits),
        float_predictions=_predictions(graph, wanted),
        activity=MappingProxyType(activity),
        calibration=ranges.origin,
        engines=selection.served,
        conversions=conversions,
        snr_db=layer_snr(graph, network, few, engine=selection.engine, streaming=streaming),
        snr_pictures=len(few),
        observed=pictures.name,
    )


def _predictions(graph: Graph, logits: Array) -> NDArray[np.int64] | None:
    """Class of the largest logit of each picture."""
    return None if graph.classes is None else logits.reshape(len(logits), -1).argmax(axis=1)


def _through(
    graph: Graph,
    network: QuantizedNetwork,
    data: Dataset,
    selection: Selection,
    counting: Counting,
    streaming: Streaming | None,
    streamed_images: int,
    progress: Progress | None,
    keep: Keep,
) -> tuple[Array, Array, dict[str, LayerActivity]]:
    """Logits of the machine and of the float network, and activity, over all pictures."""
    size = min(default_batch(network), LARGEST_BATCH)
    measured: list[Array] = []
    reference: list[Array] = []
    activity: dict[str, LayerActivity] = {}
    done = 0
    for batch in data.batches(size):
        engine = from_image(selection.engine, done)
        found = infer(
            network, _network_input(network, batch), engine=engine, counting=counting, streaming=streaming,
            searching=selection.searching, opening=selection.opening,
        )  # fmt: skip
        measured.append(found.logits)
        reference.append(_float_logits(graph, batch, network.logits, keep))
        for layer in found.activity:
            whole = merge([activity[layer.name], layer]) if layer.name in activity else layer
            activity[layer.name] = first_images(whole, streamed_images)
        done += len(batch.images)
        if progress is not None:
            progress(done, len(data))
    return np.concatenate(measured), np.concatenate(reference), activity


def _float_logits(graph: Graph, batch: Batch, name: str, keep: Keep) -> Array:
    """Logits of the float network, by the layer that gives them."""
    parts = graph, batch.images, name
    return keep("float logits", parts, lambda: run_float(graph, batch.images, keep=[name])[name])


def _first(network: QuantizedNetwork, data: Dataset) -> Array:
    """The first few pictures of a data set as the network takes them."""
    return _network_input(network, next(iter(data.batches(MOST_PICTURES))))


def ranges_of(graph: Graph, data: Dataset, calibration: Dataset | Ranges | None = None, keep: Keep = anew) -> Ranges:
    """Activation ranges as `evaluate` chooses them."""
    if isinstance(calibration, Ranges):
        return calibration
    if calibration is None and data.preprocessing.ranges:
        shipped = data.preprocessing
        means = {name: np.asarray(values) for name, values in shipped.means.items()}
        return Ranges(values=shipped.ranges, means=means, origin="shipped")
    pictures, origin = (data, "self") if calibration is None else (calibration, calibration.name)
    return keep(
        "activation ranges", (graph, pictures, origin), lambda: calibrate(graph, _inputs(pictures), origin=origin)
    )


def _inputs(data: Dataset) -> Iterator[Array]:
    for batch in data.batches(LARGEST_BATCH):
        yield batch.images


def _pixels(preprocessing: Preprocessing) -> Pixels:
    return Pixels(mean=preprocessing.mean, scale=preprocessing.scale)


def _network_input(network: QuantizedNetwork, batch: Batch) -> Array:
    """Raw pixels [N, C, H, W] where they drive the crossbars, else the normalised pictures."""
    if network.pixels is None:
        return batch.images
    return np.ascontiguousarray(batch.pixels.transpose(0, 3, 1, 2))
