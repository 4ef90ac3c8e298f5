"""What a network's weights leave in the cells: how many are written, and how conductive they are on average.

Weights are rounded as `archsim.function.quantize` rounds them (symmetric, one scale for each output channel) and
encoded as on the machine, unit columns included. No activation is needed, so this works before any input is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from archsim.components import Chip
from archsim.function.encodings import Encoded, encode, row_groups
from archsim.function.network import MatrixLayer, TensorFormat
from archsim.function.unroll import geometry_of, weight_matrix
from archsim.mapping.plan import Plan
from archsim.mapping.slicing import Slicing
from archsim.workload.graph import Conv, Graph, Layer, Linear


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCells:
    """Cells of one copy of a layer: those that hold weights (the zero blocks between packed convolution groups too),
    those
    of unit columns, and the mean level of each kind."""

    cells: int
    mean_level: float
    unit_cells: int
    unit_level: float

    @property
    def written(self) -> int:
        """All cells."""
        return self.cells + self.unit_cells

    @property
    def level(self) -> float:
        """Mean level of all cells."""
        return (self.cells * self.mean_level + self.unit_cells * self.unit_level) / self.written


def stored_cells(plan: Plan) -> Mapping[str, StoredCells] | None:
    """Cells of each crossbar layer, None for a network without weights."""
    if plan.graph.weights == "none":
        return None
    layers = {layer.name: layer for layer in plan.graph.layers}
    found = {
        mapped.name: layer_cells(plan.graph, layers[mapped.stage.layer.name], plan.chip, plan.slicing)
        for mapped in plan.stages
        if mapped.grid is not None
    }
    return MappingProxyType(found)


def layer_cells(graph: Graph, layer: Layer, chip: Chip, slicing: Slicing) -> StoredCells:
    """Cells of one convolution or fully connected layer."""
    unit_column = chip.tile.ima.crossbar.unit_column
    cells = units = 0
    total = unit_total = 0
    for group in row_groups(_integers(graph, layer, slicing), slicing):
        encoded = encode(group.weight, slicing, unit_column=unit_column)
        cells += encoded.cells.size
        total += int(encoded.cells.sum(dtype=np.int64))
        copies = _arrays(encoded, slicing) if encoded.analog_unit else 0
        units += copies * encoded.unit_cells.size
        unit_total += copies * int(encoded.unit_cells.sum(dtype=np.int64))
    return StoredCells(
        cells=cells,
        mean_level=total / cells,
        unit_cells=units,
        unit_level=unit_total / units if units else 0.0,
    )


def _arrays(encoded: Encoded, slicing: Slicing) -> int:
    """Arrays of a row group; each has its own unit column."""
    return -(-encoded.outputs // slicing.weights_per_array) * slicing.arrays_per_weight


def _integers(graph: Graph, layer: Layer, slicing: Slicing) -> MatrixLayer:
    """The layer with integer weights; its biases and scales are not needed and left at 0 and 1."""
    assert isinstance(layer.op, Conv | Linear)
    weight = graph.parameters[layer.name].weight
    geometry = geometry_of(layer, graph[layer.inputs[0]].shape)
    top = 2 ** (slicing.weight_bits - 1) - 1
    flat = weight.reshape(len(weight), -1)
    largest = np.abs(flat).max(axis=1, keepdims=True)
    whole = np.rint(flat / np.where(largest > 0, largest, 1) * top).astype(np.int8 if top < 128 else np.int16)
    return MatrixLayer(
        name=layer.name,
        geometry=geometry,
        weight=np.ascontiguousarray(weight_matrix(whole.reshape(weight.shape), geometry.groups)),
        weight_bits=slicing.weight_bits,
        bias=np.zeros(geometry.outputs, np.int64),
        scale=np.ones(geometry.outputs),
        pad=np.zeros(geometry.channels, np.uint8),
        format=TensorFormat(bits=slicing.input_bits, signed=False, scale=1.0),
    )
