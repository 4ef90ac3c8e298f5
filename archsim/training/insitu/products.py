"""Matrix products of in-situ training: forward and transposed reads of a layer's arrays, and its weight gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.unroll import Geometry, geometry_of
from archsim.training import ops
from archsim.training.insitu.reads import Drive, codes_of, planes, read
from archsim.training.insitu.recipe import InSitu
from archsim.training.tape import Entry, Peaks, Pulled
from archsim.workload.graph import Layer

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Matrix:
    """A layer's arrays for a batch: `cells` [groups, rows, columns] of weights in [-1, 1], rows in the order of mapped
    crossbars (ky, kx, channel); real weights are `scale` times these. `drive` is that of its inputs."""

    layer: Layer
    cells: Array
    scale: float
    drive: Drive
    settings: InSitu


def mapped_order(geometry: Geometry) -> NDArray[np.intp] | None:
    """For each row of a mapped crossbar (ky, kx, channel) its row in `ops.patches` (channel, ky, kx); None where they
    are the same."""
    positions = geometry.kernel[0] * geometry.kernel[1]
    channels = geometry.rows // positions
    if positions == 1 or channels == 1:
        return None
    return np.arange(geometry.rows).reshape(channels, positions).T.reshape(-1)


def _as_patches(cells: Array, order: NDArray[np.intp] | None) -> Array:
    """Rows of cells [groups, rows, columns] in the order of `ops.patches`."""
    if order is None:
        return cells
    out = np.empty_like(cells)
    out[:, order] = cells
    return out


def _stacked(parts: list[Array]) -> Array:
    return parts[0][None] if len(parts) == 1 else np.stack(parts)


def product(matrix: Matrix, x: Array, wants: bool, key: Callable[[], np.uint64]) -> tuple[Array, Entry]:
    """Real outputs [C, n, ...] of a layer for real inputs, and its entry on the tape.

    Inputs are rounded and limited to the drive's codes; the gradient of rounding is one, that of limiting zero. `key`
    gives the key that errors are rounded with where that is stochastic.
    """
    settings, shape = matrix.settings, x.shape
    geometry = geometry_of(matrix.layer, (x.shape[0], *x.shape[2:]))
    codes = codes_of(x, matrix.drive)
    inside = None
    if wants:
        ends = (matrix.drive.low * matrix.drive.step, matrix.drive.high * matrix.drive.step)
        limited = (x < ends[0]) | (x > ends[1])
        inside = ~limited if limited.any() else None
    unrolled, order = ops.patches(codes, geometry), mapped_order(geometry)
    stored = _as_patches(matrix.cells, order)
    converters = settings.converters
    sums = _stacked(
        [
            read(cells, part, matrix.drive, converters.forward, converters, order)
            for cells, part in zip(stored, unrolled, strict=True)
        ]
    )
    unit = np.float32(matrix.drive.step * matrix.scale)
    sums *= unit
    out = sums.reshape(matrix.layer.shape[0], x.shape[1], *matrix.layer.shape[1:])

    def peaks(gradient: Array) -> Peaks:
        return Peaks(np.array([np.abs(gradient).max(initial=0)]))

    def back(gradient: Array, totals: Array | None) -> Pulled:
        assert totals is not None
        drive = error_drive(settings, float(totals[0]))
        chosen = key() if settings.error_rounding == "stochastic" else None
        errors = codes_of(gradient, drive, chosen).reshape(geometry.groups, geometry.columns, -1)
        on_cells = [weight_gradient(matrix, u, e, drive) for u, e in zip(unrolled, errors, strict=True)]
        ordered = on_cells if order is None else [part[order] for part in on_cells]
        found = {f"{matrix.layer.name}.cells": np.concatenate(ordered)}
        return (_on_inputs(matrix, stored, errors, drive, geometry, shape, inside) if wants else None,), found

    return out, Entry(output=matrix.layer.name, inputs=matrix.layer.inputs, back=back, sums=peaks)


def error_drive(settings: InSitu, largest: float) -> Drive:
    """The drive of errors up to `largest`."""
    exponent = ceil(log2(largest)) if 0 < largest < np.inf else 0
    return Drive(step=2.0 ** (max(exponent, -100) + 1 - settings.error_bits), bits=settings.error_bits, signed=True)


def _on_inputs(
    matrix: Matrix,
    stored: Array,
    errors: Array,
    drive: Drive,
    geometry: Geometry,
    shape: tuple[int, ...],
    inside: Array | None,
) -> Array:
    """Gradient of the real inputs: transposed reads of the errors [groups, columns, vectors]; `stored` are the cells in
    the order of `ops.patches`."""
    converters = matrix.settings.converters
    sums = _stacked(
        [
            read(cells.T, part, drive, converters.backward, converters)
            for cells, part in zip(stored, errors, strict=True)
        ]
    )
    found = ops.folded(sums, geometry, shape)
    found *= np.float32(drive.step * matrix.scale)
    if inside is not None:
        found *= inside
    return found


def weight_gradient(matrix: Matrix, inputs: Array, errors: Array, drive: Drive) -> Array:
    """Gradient [rows, columns] of the real weights, from codes of inputs [rows, vectors] and errors [columns, vectors].

    With converters, errors stand in SRAM arrays, positions on the rows, and inputs drive these; read bit-serially, each
    bit of the errors has its own column (Huang et al. 2022 use such arrays; DNN+NeuroSim V2.1, 16 levels).
    """
    converters = matrix.settings.converters
    unit = np.float32(matrix.drive.step * drive.step)
    if converters.gradient is None:
        return np.asarray(inputs @ errors.T) * unit
    vectors = np.ascontiguousarray(inputs.T)
    total = np.zeros((len(errors), len(inputs)), np.float32)
    for weight, stored in planes(errors, drive, converters):
        part = read(np.ascontiguousarray(stored.T), vectors, matrix.drive, converters.gradient, converters)
        total += np.float32(weight) * part
    return np.asarray(total.T) * unit


def picture_drive(settings: InSitu, low: float, high: float) -> Drive:
    """The drive of pictures with values low..high."""
    reach = max(-low, high)
    whole = 2.0 ** ceil(log2(reach)) if reach > 0 else 1.0
    return _drive(whole, settings.activation_bits, low < 0)


def activation_drive(settings: InSitu, signed: bool) -> Drive:
    """The drive of activations."""
    return _drive(settings.activation_range, settings.activation_bits, signed)


def _drive(reach: float, bits: int, signed: bool) -> Drive:
    return Drive(step=reach / 2 ** (bits - signed), bits=bits, signed=signed)
