"""Row plans of a network for a chip: which rows of each layer share a place of its arrays, and in which order they
stand, found on its weights and on what pictures drive them with; and the file that keeps them.

The passes themselves are in `archsim.mapping.rows`.
"""

from archsim.function.rows.file import RowFile, check_rows, read_rows
from archsim.function.rows.inputs import layer_inputs
from archsim.function.rows.passes import PASSES, RowRequest, plan_rows, row_file

__all__ = ["PASSES", "RowFile", "RowRequest", "check_rows", "layer_inputs", "plan_rows", "read_rows", "row_file"]
