"""Counting what training does: forward, error, gradient and update phase, layer by layer, in the rows of inference.

All counts are of one batch. Forward and error phases are counted from their plans by the code that counts inference;
gradients from the products themselves, since SRAM arrays are written anew for every image. The flow of data between
phases is a reconstruction (`archsim.config.training.Dataflow`).
"""

from archsim.accounting.training.gradient import GradientLoad, gradient_counts, gradient_load
from archsim.accounting.training.phases import error_counts, forward_counts
from archsim.accounting.training.storage import StorageRow, storage_rows
from archsim.accounting.training.update import RuleState, update_counts, update_time_s

__all__ = [
    "GradientLoad",
    "RuleState",
    "StorageRow",
    "error_counts",
    "forward_counts",
    "gradient_counts",
    "gradient_load",
    "storage_rows",
    "update_counts",
    "update_time_s",
]
