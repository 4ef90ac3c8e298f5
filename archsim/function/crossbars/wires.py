"""Wire resistance: the crossbar as it conducts between its drivers and its read-outs.

Every word line is driven at its left end through one wire segment and every bit line read at its bottom, at ground,
through one. A network of resistors is linear, so whatever the wires do to an array of cells is one matrix: the current
of column j is sum over i of V[i] * effective[i, j] for any voltages V. The matrix takes the place of the cells'
conductances and is computed once per array.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack

from archsim.errors import SimulationError
from archsim.function.crossbars.devices import kernels

Array = NDArray[np.float64]
Solver = Callable[[NDArray[Any], float, float], Array]


def exact(conductance: NDArray[Any], word_segment: float, bit_segment: float) -> Array:
    """Exact nodal solution, by elimination of one bit line after the other.

    With the nodes ordered by bit line the nodal matrix is block tridiagonal. Elimination from the last bit line to the
    first needs one Cholesky factorisation of a rows x rows matrix for each; the rows of the result are carried along as
    adjoint solutions, so that no vector has to be known. Cost: O(columns * rows**3), with the smaller side as rows.

    Parameters
    ----------
    conductance : [rows, columns] S, not negative.
    word_segment, bit_segment : ohm between neighbouring cells of a word line and of a bit line; 0 is an ideal wire.

    Returns
    -------
    [rows, columns] float64, S.
    """
    cells = np.asarray(conductance, np.float64)
    if word_segment == 0 or bit_segment == 0:
        return separate_lines(cells, word_segment, bit_segment)
    if cells.shape[0] <= cells.shape[1]:
        return _march(cells, 1 / word_segment, 1 / bit_segment)
    # reciprocity: driving the bit lines and reading the word lines gives the transposed matrix
    turned = np.ascontiguousarray(cells.T[::-1, ::-1])
    return np.ascontiguousarray(_march(turned, 1 / bit_segment, 1 / word_segment)[::-1, ::-1].T)


def _march(cells: Array, line: float, wire: float) -> Array:
    rows, columns = cells.shape
    transfer = np.empty((rows, columns), order="F")
    block, read = np.empty((rows, rows), order="F"), np.empty(rows)
    inverse = np.zeros((rows, rows), order="F")
    for j in range(columns - 1, -1, -1):
        ends = 1 if j == columns - 1 else 2
        kernels.schur_block(np.ascontiguousarray(cells[:, j]), wire, line, ends, inverse, block, read)
        transfer[:, j] = read
        factor, failed = lapack.dpotrf(block, lower=1, clean=0, overwrite_a=1)
        inverse, singular = lapack.dpotri(factor, lower=1, overwrite_c=1)
        if failed or singular:
            raise SimulationError("the wired crossbar has no solution: conductances that are negative or not finite")
        block = np.empty_like(inverse, order="F") if inverse is block else block
        transfer[:, j:] = blas.dsymm(line, inverse, transfer[:, j:], lower=1)
    return np.ascontiguousarray(transfer)


def separate_lines(conductance: NDArray[Any], word_segment: float, bit_segment: float) -> Array:
    """Approximation in O(rows * columns): each word line as if the bit lines were at ground, each bit line as if the
    word lines were ideal sources; a cell conducts g times the product of the two attenuations. Exact where one of the
    two segments is 0. Parameters as in `exact`."""
    cells = np.asarray(conductance, np.float64)
    along_word = _attenuation(cells, word_segment)
    along_bit = _attenuation(cells.T[:, ::-1], bit_segment)[:, ::-1].T
    return cells * along_word * along_bit


def _attenuation(cells: Array, segment: float) -> Array:
    """Voltage [lines, nodes] of ladders driven with 1 V at node 0 through one segment, cells to ground."""
    voltage = np.ones_like(cells)
    if segment == 0:
        return voltage
    wire = 1 / segment
    nodes = cells.shape[1]
    pivot = np.empty_like(cells)
    pivot[:, -1] = wire + cells[:, -1]
    for node in range(nodes - 2, -1, -1):
        pivot[:, node] = 2 * wire + cells[:, node] - wire * wire / pivot[:, node + 1]
    for node in range(nodes):
        voltage[:, node] = wire / pivot[:, node] * (voltage[:, node - 1] if node else 1.0)
    return voltage


SOLVERS: MappingProxyType[str, Solver] = MappingProxyType({"exact": exact, "separate_lines": separate_lines})
"""Effective conductance [rows, columns] from conductance [rows, columns] and the two segments' resistances."""
