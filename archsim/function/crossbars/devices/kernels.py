"""Compiled loops of the device models: plain arrays in, plain arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.compiling import kernel

Array = NDArray[Any]


@kernel(nogil=True)
def schur_block(cells: Array, wire: float, line: float, ends: int, inverse: Array, block: Array, read: Array) -> None:
    """What one bit line, and all bit lines beyond it, look like from its word-line nodes.

    The bit line is a ladder of segments `wire` [S], open at the top and grounded at the bottom; eliminating its nodes
    leaves, for the m word-line nodes, diag(cells + ends * line) - diag(cells) T^-1 diag(cells), with T the tridiagonal
    matrix of the ladder. `line` is the conductance of a word-line segment and `ends` the number of segments at each
    node; beyond the node lies line**2 * inverse.

    Parameters
    ----------
    cells : [m] conductances of the bit line's cells.
    inverse : [m, m], lower triangle, of the block to the right (zeros for the last bit line).
    block : [m, m], lower triangle written.
    read : [m], written: current into the read-out per volt at each word-line node.
    """
    m = cells.size
    above, below = np.empty(m), np.empty(m)  # pivots of T, eliminated from the top and from the bottom
    for i in range(m):
        own = cells[i] + (wire if i == 0 else 2.0 * wire)
        above[i] = own if i == 0 else own - wire * wire / above[i - 1]
    for i in range(m - 1, -1, -1):
        own = cells[i] + (wire if i == 0 else 2.0 * wire)
        below[i] = own if i == m - 1 else own - wire * wire / below[i + 1]
    squared = line * line
    for k in range(m):
        own = cells[k] + (wire if k == 0 else 2.0 * wire)
        entry = 1.0 / (above[k] + below[k] - own)
        block[k, k] = cells[k] + ends * line - cells[k] * entry * cells[k] - squared * inverse[k, k]
        for i in range(k + 1, m):
            entry *= wire / below[i]
            block[i, k] = -cells[i] * entry * cells[k] - squared * inverse[i, k]
        read[k] = wire * entry * cells[k]
