"""The definition, conversion by conversion, in NumPy: slow, for tests of the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.encodings import Drive
from archsim.function.sparsity.policies import POLICIES, Columns, Search

Array = NDArray[Any]
Whole = NDArray[np.int64]


def decisions(policy: str, search: Search, levels: Array, x: Array, drive: Drive) -> Whole:
    """Decisions of every conversion of one array: int64 [digits, windows, columns].

    Parameters
    ----------
    levels : programmed cells [rows, columns]. x : stored inputs on the rows [rows, windows].
    """
    wide = levels.astype(np.float64)
    digits = drive.split(x).astype(np.int64)
    active = (digits > 0).sum(axis=1)[:, :, None]
    sums = np.einsum("drw,rc->dwc", digits, wide)
    columns = Columns(largest=wide.max(axis=0), total=wide.sum(axis=0))
    return np.broadcast_to(POLICIES[policy](search, columns, active, sums), sums.shape)


def shortened(search: Search, codes: Whole, lengths: Whole) -> Whole:
    """Codes that successive approximations of `lengths` decisions find, played out bit by bit: a search that begins at
    bit b answers at most 2^b - 1."""
    found = np.zeros(codes.shape, np.int64)
    for bit in range(search.bits - 1, -1, -1):
        trial = found | (1 << bit)
        found = np.where((bit < lengths) & (codes >= trial), trial, found)
    return found
