"""What a network's weights leave in the cells: how many are written, and how conductive they are.

Weights are rounded as `archsim.function.quantization.quantize` rounds them (per output channel, or to the level sets
of the hardware file) and encoded as on the machine, unit columns included. No activation is needed, so this works
before any input is seen; what folded pixels do to the first layer's weights is not seen either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from archsim.components import Chip
from archsim.function.crossbars.devices.compose import acts
from archsim.function.crossbars.devices.gaps import gaps_over_sigma
from archsim.function.crossbars.devices.window import window_of
from archsim.function.crossbars.encodings import encode, row_groups
from archsim.function.quantization.levels.fit import to_levels
from archsim.function.quantization.levels.seam import plan_weights
from archsim.function.quantization.network import MatrixLayer, TensorFormat
from archsim.function.quantization.weights import WEIGHT_QUANTIZERS, WeightQuantizer, WeightRequest
from archsim.function.unroll import geometry_of, weight_matrix
from archsim.mapping.plan import Plan
from archsim.mapping.slicing import Slicing
from archsim.workload.graph import Conv, Graph, Layer, Linear


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StoredCells:
    """Cells of one copy of a layer.

    Attributes
    ----------
    cells : those that hold weights, the zero blocks between packed convolution groups too.
    mean_level, mean_square : mean of their levels and of the squares of these.
    unit_cells, unit_level : cells of unit columns, and the level of each.
    row_cells, row_levels : int64 and float64 [unrolled inputs of all groups], cells that hold weights in each row, and
        the sum of their levels.
    gaps : float64 [sets], the smallest gap between levels of each set over the standard deviation of writing
        (`gaps.gaps_over_sigma`), where weights are levels and writing errs.
    """

    cells: int
    mean_level: float
    mean_square: float
    unit_cells: int
    unit_level: float
    row_cells: NDArray[np.int64]
    row_levels: NDArray[np.float64]
    gaps: NDArray[np.float64] | None = None

    @property
    def written(self) -> int:
        """All cells."""
        return self.cells + self.unit_cells

    @property
    def level(self) -> float:
        """Mean level of all cells."""
        return (self.cells * self.mean_level + self.unit_cells * self.unit_level) / self.written

    @property
    def square(self) -> float:
        """Mean of the squared levels of all cells."""
        return (self.cells * self.mean_square + self.unit_cells * self.unit_level**2) / self.written


def stored_cells(plan: Plan) -> Mapping[str, StoredCells] | None:
    """Cells of each crossbar layer, None for a network without weights."""
    if plan.graph.weights == "none":
        return None
    layers = {layer.name: layer for layer in plan.graph.layers}
    chosen = plan_weights(plan)
    quantizer = WEIGHT_QUANTIZERS[chosen] if isinstance(chosen, str) else chosen
    found = {
        mapped.name: layer_cells(plan.graph, layers[mapped.stage.layer.name], plan.chip, plan.slicing, quantizer)
        for mapped in plan.stages
        if mapped.grid is not None
    }
    return MappingProxyType(found)


def layer_cells(
    graph: Graph,
    layer: Layer,
    chip: Chip,
    slicing: Slicing,
    quantizer: WeightQuantizer = WEIGHT_QUANTIZERS["per_channel"],
) -> StoredCells:
    """Cells of one convolution or fully connected layer."""
    file = chip.hardware.model
    integers = layer_integers(graph, layer, slicing, quantizer)
    gaps, error = None, None if file.device is None else file.device.programming
    if integers.levels is not None and error is not None and acts(error):
        gaps = gaps_over_sigma(integers.levels, slicing.encoding, window_of(file.ima.cell), error)
    cells = units = unit_total = 0
    square = 0.0
    of_rows = integers.geometry.rows * integers.geometry.groups
    row_cells, row_levels = np.zeros(of_rows, np.int64), np.zeros(of_rows)
    for group in row_groups(integers, slicing):
        encoded = encode(group.weight, slicing, ends=group.ends)
        levels = encoded.cells.swapaxes(0, 1).reshape(len(group.weight), -1)
        cells += levels.size
        row_cells[group.start : group.stop] = levels.shape[1]
        row_levels[group.start : group.stop] = levels.sum(axis=1, dtype=np.float64)
        square += float(np.square(levels, dtype=np.float64).sum())
        if encoded.analog_unit:
            units += encoded.unit_cells.size
            unit_total += int(encoded.unit_cells.sum(dtype=np.int64))
    return StoredCells(
        cells=cells,
        mean_level=float(row_levels.sum()) / cells,
        mean_square=square / cells,
        unit_cells=units,
        unit_level=unit_total / units if units else 0.0,
        row_cells=row_cells,
        row_levels=row_levels,
        gaps=gaps,
    )


def layer_integers(graph: Graph, layer: Layer, slicing: Slicing, quantizer: WeightQuantizer) -> MatrixLayer:
    """The layer with integer weights; its biases and scales are not needed and left at 0 and 1."""
    assert isinstance(layer.op, Conv | Linear)
    weight = graph.parameters[layer.name].weight
    geometry = geometry_of(layer, graph[layer.inputs[0]].shape)
    request = WeightRequest(
        name=layer.name,
        weight=weight,
        gain=np.ones(1),
        bits=slicing.weight_bits,
        width=max(slicing.weight_bits, slicing.input_bits),
        bias=np.zeros(len(weight)),
        grouped=geometry.groups > 1,
    )
    grid = quantizer(request)
    exact = weight.reshape(len(weight), -1) / grid.size[:, None]
    if grid.levels is None:
        whole = grid.round(exact).astype(np.int8 if grid.top < 128 else np.int16)
    else:
        whole = to_levels(exact, grid.levels, 0)
    return MatrixLayer(
        name=layer.name,
        geometry=geometry,
        weight=np.ascontiguousarray(weight_matrix(whole.reshape(weight.shape), geometry.groups)),
        weight_bits=slicing.weight_bits,
        bias=np.zeros(geometry.outputs, np.int64),
        scale=grid.size,
        pad=np.zeros(geometry.channels, np.uint8),
        format=TensorFormat(bits=slicing.input_bits, signed=False, scale=1.0),
        levels=grid.levels,
    )
