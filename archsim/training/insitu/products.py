"""Matrix products of in-situ training: forward and transposed reads of a layer's arrays, and its weight gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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


def ordered(unrolled: Array, geometry: Geometry) -> Array:
    """`ops.patches` with rows in the order ky, kx, channel instead of channel, ky, kx."""
    return _turned(unrolled, geometry, False)


def restored(unrolled: Array, geometry: Geometry) -> Array:
    """The inverse of `ordered`."""
    return _turned(unrolled, geometry, True)


def _turned(unrolled: Array, geometry: Geometry, back: bool) -> Array:
    positions = geometry.kernel[0] * geometry.kernel[1]
    channels = geometry.rows // positions
    if positions == 1 or channels == 1:
        return unrolled
    shape = (positions, channels) if back else (channels, positions)
    return np.asarray(unrolled.reshape(len(unrolled), *shape, -1).swapaxes(1, 2).reshape(unrolled.shape))


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
    unrolled = ordered(ops.patches(codes, geometry), geometry)
    converters = settings.converters
    sums = np.stack(
        [
            read(cells, part, matrix.drive, converters.forward, converters)
            for cells, part in zip(matrix.cells, unrolled, strict=True)
        ]
    )
    unit = np.float32(matrix.drive.step * matrix.scale)
    out = (sums * unit).reshape(matrix.layer.shape[0], x.shape[1], *matrix.layer.shape[1:])

    def peaks(gradient: Array) -> Peaks:
        return Peaks(np.array([np.abs(gradient).max(initial=0)]))

    def back(gradient: Array, totals: Array | None) -> Pulled:
        assert totals is not None
        drive = error_drive(settings, float(totals[0]))
        chosen = key() if settings.error_rounding == "stochastic" else None
        errors = codes_of(gradient, drive, chosen).reshape(geometry.groups, geometry.columns, -1)
        on_cells = [weight_gradient(matrix, u, e, drive) for u, e in zip(unrolled, errors, strict=True)]
        found = {f"{matrix.layer.name}.cells": np.concatenate(on_cells)}
        return (_on_inputs(matrix, errors, drive, geometry, shape, inside) if wants else None,), found

    return out, Entry(output=matrix.layer.name, inputs=matrix.layer.inputs, back=back, sums=peaks)


def error_drive(settings: InSitu, largest: float) -> Drive:
    """The drive of errors up to `largest`."""
    exponent = ceil(log2(largest)) if 0 < largest < np.inf else 0
    return Drive(step=2.0 ** (max(exponent, -100) + 1 - settings.error_bits), bits=settings.error_bits, signed=True)


def _on_inputs(
    matrix: Matrix, errors: Array, drive: Drive, geometry: Geometry, shape: tuple[int, ...], inside: Array | None
) -> Array:
    """Gradient of the real inputs: transposed reads of the errors [groups, columns, vectors]."""
    converters = matrix.settings.converters
    sums = np.stack(
        [
            read(cells.T, part, drive, converters.backward, converters)
            for cells, part in zip(matrix.cells, errors, strict=True)
        ]
    )
    found = ops.folded(restored(sums, geometry), geometry, shape)
    found = found * np.float32(drive.step * matrix.scale)
    return found if inside is None else found * inside


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


def reading(settings: InSitu) -> InSitu:
    """The settings with exact conversions: what an ideal read of the same cells would give."""
    return replace(settings, converters=replace(settings.converters, forward=None, backward=None, gradient=None))
