"""Both passes as a mapping exercise on every layer of LeNet-5 (trained) and of ResNet-8 (binarised, not trained).

ResNet-8's signs are those of its shipped weights: as a network of signs it computes nothing useful, and no accuracy is
given. Its inputs are the activations of its 8-bit form on the shipped photographs, magnitudes where they have a sign.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.quantization.calibrate import Ranges
from archsim.function.quantization.network import MatrixLayer, Pixels, Precision, QuantizedNetwork
from archsim.function.quantization.quantize import quantize
from archsim.function.rows import layer_inputs
from archsim.mapping.rows import bit_planes, merge, order_cost, rename, reorder
from archsim.studies.weinstock2023.machine import circuit_of, openings_of
from archsim.studies.weinstock2023.nets import PRECISION, Net, digits, images
from archsim.studies.weinstock2023.plan import Plan
from archsim.workload import load_data, load_workload, preprocessing_for

Array = NDArray[Any]

SIGMA = 1.4
RANDOM_ORDERS = 20
LEFT = 46 / 84
PICTURES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One layer, summed over its row groups. `distinct` rows after exact renaming, `complement` after complements too;
    `disagreement` is the activity-weighted share of weights that change when as few rows are left as in the paper (46
    of 84); costs are of the order search, as shares of the median of random orders."""

    network: str
    layer: str
    rows: int
    columns: int
    distinct: int
    complement: int
    disagreement: float
    as_it_stands: float
    reordered: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def layer_rows(net: Net, plan: Plan) -> Iterator[LayerRow]:
    """LeNet-5's and ResNet-8's layers."""
    few = images(net.trained, digits(plan)[1])[: 4 * PICTURES]
    yield from _rows("lenet5", net.network, few, PRECISION.input_bits, plan)
    yield from _rows("resnet8-cifar10", *_resnet8(), Precision().input_bits, plan)


def _resnet8() -> tuple[QuantizedNetwork, Array]:
    name = "resnet8-cifar10"
    graph = load_workload(name)
    prepared = preprocessing_for(name, graph)
    data = load_data("cats", prepared)
    pixels = Pixels(mean=prepared.mean, scale=prepared.scale)
    network = quantize(graph, Ranges(values=prepared.ranges, origin="shipped"), pixels=pixels)
    pictures = data.images() if network.pixels is None else data.pixels().transpose(0, 3, 1, 2)
    return network, np.ascontiguousarray(pictures)


def _rows(name: str, network: QuantizedNetwork, pictures: Array, bits: int, plan: Plan) -> Iterator[LayerRow]:
    driven = layer_inputs(network, pictures)
    for layer in network.matrices:
        yield _row(name, layer, driven[layer.name], bits, plan)


def _row(name: str, layer: MatrixLayer, inputs: Array, bits: int, plan: Plan) -> LayerRow:
    signs = np.where(layer.weight[0] < 0, -1, 1).astype(np.int8)
    height = circuit_of("dense").slicing.rows  # longer layers are cut first: arrays share no rows
    parts = [slice(start, start + height) for start in range(0, len(signs), height)]
    found = [_group(signs[part], inputs[:, part], bits, plan) for part in parts]
    total = {key: sum(group[key] for group in found) for key in found[0]}
    return LayerRow(
        network=name,
        layer=layer.name,
        rows=len(signs),
        columns=signs.shape[1],
        distinct=int(total["distinct"]),
        complement=int(total["complement"]),
        disagreement=total["disagreeing"] / total["activity"] if total["activity"] else 0.0,
        as_it_stands=total["before"] / total["random"] if total["random"] else 1.0,
        reordered=total["after"] / total["random"] if total["random"] else 1.0,
    )


def _group(signs: Array, inputs: Array, bits: int, plan: Plan) -> Mapping[str, float]:
    """Both passes on one row group."""
    activity = inputs.mean(axis=0)
    merged = merge(signs, max(1, round(LEFT * len(signs))), activity)
    changed = (merged.weight[merged.plan.physical] != signs).sum(axis=1)
    planes = bit_planes(inputs, bits)
    openings, cells = openings_of("constant", SIGMA), ((signs + 1) // 2).astype(np.uint8)
    found = reorder(planes, cells, openings, evaluations=plan.evaluations)
    rng = np.random.default_rng(np.random.SeedSequence((0, 4)))
    random = [order_cost(planes, cells, rng.permutation(len(signs)), openings) for _ in range(RANDOM_ORDERS)]
    return {
        "distinct": rename(signs).plan.physical_rows,
        "complement": rename(signs, complement=True).plan.physical_rows,
        "disagreeing": float((changed * activity).sum()),
        "activity": float(activity.sum() * signs.shape[1]),
        "before": found.cost_before,
        "after": found.cost,
        "random": float(np.median(random)),
    }
