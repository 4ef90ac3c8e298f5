"""ADC sparsity policies: decisions of one conversion of one column in one input cycle.

A successive approximation of N bits decides bit by bit from the top. A column sum that is known to stay below the code
2^b has zeros in all bits above, whatever they would be compared with, so a search that begins at bit b gives the same
code with b decisions: leaving out what a bound proves never changes an output. Codes are those of the converter's own
curve. With one code per level and no errors a bound S on the sum means b = min(N, bit_length(S)). A converter that
rounds (`range: full_scale`) has codes of several levels each: there b is the bit length of the code of S, so the search
drops leading decisions of the N that span the full range.

Of Bao et al. (Frontiers in Electronics 3:954661, 2022) it is known that sparsity is sensed in situ and that the energy
of the converters falls; the mechanisms here are archsim's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError
from archsim.function.crossbars.converter import Converter

Whole = NDArray[np.int64]
Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Search:
    """A converter's search. `edges` float64 [bits]: from edges[b] on, the code of a sum needs more than b bits.
    `top` is the most that an active row can add to a column: the highest cell level times the largest digit; `digit`
    is the largest digit."""

    bits: int
    edges: Real
    top: int
    digit: int

    def length(self, sums: Real | Whole) -> Whole:
        """Decisions that give the codes of sums (any shape), 0 .. bits."""
        return np.searchsorted(self.edges, sums, side="right")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Columns:
    """Programmed columns of an array: highest level and sum of levels, [columns]."""

    largest: Real
    total: Real


Policy = Callable[[Search, Columns, Whole, Real], Whole]
"""(search, columns, active, sums) -> decisions [..., columns]; active [..., 1] rows with a non-zero digit, sums
[..., columns] (only `oracle` looks at them). All are broadcast together."""


def _none(search: Search, columns: Columns, active: Whole, sums: Real) -> Whole:
    shape = np.broadcast_shapes(columns.total.shape, active.shape, sums.shape)
    return np.full(shape, search.bits, np.int64)


def _where_needed(columns: Columns, active: Whole, decisions: Whole | int) -> Whole:
    return np.where((active > 0) & (columns.total > 0), decisions, 0)


def _skip_zero(search: Search, columns: Columns, active: Whole, _: Real) -> Whole:
    return _where_needed(columns, active, search.bits)


def _bound(search: Search, columns: Columns, active: Whole, _: Real) -> Whole:
    return _where_needed(columns, active, search.length(active * search.top))


def _column_bound(search: Search, columns: Columns, active: Whole, _: Real) -> Whole:
    reach = np.minimum(active * columns.largest, columns.total) * search.digit
    return _where_needed(columns, active, search.length(reach))


def _oracle(search: Search, _: Columns, __: Whole, sums: Real) -> Whole:
    return search.length(sums)


POLICIES: Mapping[str, Policy] = MappingProxyType(
    {"none": _none, "skip_zero": _skip_zero, "bound": _bound, "column_bound": _column_bound, "oracle": _oracle}
)
"""Policies by name, each making at most the decisions of the one before. One conformance test runs over all of them.

`none`: all N. `skip_zero`: none where no row of the array is active or the column has no cell above level 0, else N.
`bound`: of those left, bit_length(code(active rows * highest level * largest digit)). `column_bound`: the same with
min(active rows * the column's highest level, sum of the column's levels) * largest digit. `oracle`: bit_length(code of
the sum itself).
"""

SUMS_NEEDED = frozenset({"oracle"})
"""Policies that look at sums; the others follow from active rows alone."""

COLUMNS_DIFFER = frozenset({"column_bound"})
"""Policies that tell one column that is not all zero from another."""


def search_of(converter: Converter, bits: int, top: int, digit: int) -> Search:
    """The search of a converter.

    Raises
    ------
    InputError
        A converter whose code for a sum of 0 is not 0: then leaving out a conversion would change the output.
    """
    thresholds = converter.thresholds
    if thresholds is None:
        raise InputError("an ideal converter makes no decisions; expected a converter with codes", "ima.adc.sparsity")
    if len(thresholds) and thresholds[0] <= 0:
        code = int(np.searchsorted(thresholds, 0.0, side="right"))
        what = f"the converter gives a column sum of 0 the code {code}; leaving out conversions needs one that gives 0"
        raise InputError(f"{what} (its transfer has an offset)", "ima.adc.sparsity")
    firsts = [2**bit - 1 for bit in range(bits)]
    edges = [float(thresholds[first]) if first < len(thresholds) else inf for first in firsts]
    return Search(bits=bits, edges=np.array(edges), top=top, digit=digit)
