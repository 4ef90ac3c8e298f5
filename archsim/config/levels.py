"""The block of a hardware file that stores weights as levels: one multi-level cell for each weight.

Without it weights are evenly spaced integers, cut into bit slices where a cell holds fewer bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from archsim.config.blocks import Component, Model
from archsim.config.types import Count, Text


class LevelTable(Component):
    """Where the conductances of a level set are looked up when cells are written: `entry_bits` for each level.

    `cost` is that of `per` entries. A table has 2^weight_bits of them; the number of tables follows from `granularity`:
    one for each weight column of every array (channel), else one for each IMA (an IMA holds one layer).
    """

    ACTIONS = ("look_up",)
    entry_bits: Count


class WeightLevels(Model):
    """How the levels of weights are found, and what holds them.

    `quantizer`: evenly spaced levels (`minmax`; `mse_symmetric`, `mse_affine` clip for the least squared error) or not
    (`merge`: the importance merge; `lloyd`: Lloyd-Max behind it; `optimal`: least squared error). `granularity`: one
    level set for a layer, one for each output channel, or one that all channels share, each scaling it by the rms or
    the largest of its weights (`scale`). With `zero: kept` one level is 0. `table` is the storage behind it.
    """

    quantizer: Literal["minmax", "mse_symmetric", "mse_affine", "merge", "lloyd", "optimal"]
    granularity: Literal["layer", "channel", "shared"] = "layer"
    scale: Literal["rms", "max"] = "rms"
    zero: Literal["free", "kept"] = "free"
    table: LevelTable | None = None
    source: Text | None = None
    notes: Text | None = None


def level_findings(block: WeightLevels, weight_bits: int, cell_bits: int, encoding: str) -> Iterator[tuple[str, str]]:
    """(path, what is wrong) where cells cannot hold the levels."""
    if weight_bits > cell_bits:
        yield (
            "precision.weight_bits",
            f"is {weight_bits}, more than ima.cell.bits: {cell_bits}, so weights would be cut into bit slices; slices "
            "add up with place values 1, 2, 4, ..., which makes evenly spaced weights only. Levels (weight_levels, "
            f"{block.quantizer}) need one cell for a weight: expected at most {cell_bits} bits, cells of more levels, "
            "or no weight_levels",
        )
    if weight_bits < 2:
        yield "precision.weight_bits", f"is {weight_bits}; level sets need 2 bits or more"
    if encoding == "flip":
        yield "precision.encoding", "flip complements bit slices; with weight_levels expected offset or differential"
    if block.table is not None and block.table.cost.power is None and "look_up" not in block.table.actions:
        yield "weight_levels.table", "actions.look_up is missing; writing a cell looks its conductance up"
