"""Physical rows of a crossbar: which logical rows share one, which are not stored, and in which order they stand.

A layer's integer matrix has logical rows, one for each unrolled input. A `RowPlan` says what becomes of each; the
passes are pure functions of the matrix and of statistics of its inputs, so they serve any layer of any network:

* `rename` (exact, with complements, without dead inputs) and `merge` (lossy, to a number of rows) find plans,
* `reorder` finds the order that a machine which opens a few neighbouring rows at a time errs least with,
* `conflicts` counts what it takes when two logical rows of one physical row are active at once,
* `table_cost` is the storage and energy of the indirection,
* `permute_producer` moves an order into the columns of the layer before.

Row renaming and reordering are named by Weinstock, Tan, Li and Yu (2023); of their algorithms nothing is published, so
everything here is a reconstruction.
"""

from archsim.mapping.rows.conflicts import Conflicts, bit_planes, conflicts
from archsim.mapping.rows.graph import permute_producer, producer_of
from archsim.mapping.rows.merge import merge
from archsim.mapping.rows.plan import Renamed, RowPlan, effective_rows, identity, in_order, pre_added
from archsim.mapping.rows.rename import rename
from archsim.mapping.rows.reorder import Openings, Reordered, expected_errors, order_cost, reorder
from archsim.mapping.rows.table import Memory, TableCost, memory_of, table_cost

__all__ = [
    "Conflicts",
    "Memory",
    "Openings",
    "Renamed",
    "Reordered",
    "RowPlan",
    "TableCost",
    "bit_planes",
    "conflicts",
    "effective_rows",
    "expected_errors",
    "identity",
    "in_order",
    "memory_of",
    "merge",
    "order_cost",
    "permute_producer",
    "pre_added",
    "producer_of",
    "rename",
    "reorder",
    "table_cost",
]
