"""The plan: one mapping of one network on one chip, from which time, energy, area and function all follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from archsim.components import Chip
from archsim.config import Hardware
from archsim.mapping.buffers import Edge
from archsim.mapping.gather import Gathers
from archsim.mapping.placement import Placement
from archsim.mapping.routes import Routes
from archsim.mapping.rows.plan import RowPlan
from archsim.mapping.slicing import CrossbarGrid, Slicing
from archsim.mapping.stages import Stage, channels, positions
from archsim.notebook import html_lines, html_table
from archsim.workload.graph import Conv, Graph, Linear


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MappedStage:
    """One stage with its hardware. Digital stages have no grid; their replication is the number of tiles they work
    on."""

    stage: Stage
    macs: int
    grid: CrossbarGrid | None
    replication: int
    placement: Placement
    input_values: int
    """Values of the unrolled input of one window (rows of the product, operands of a digital stage)."""
    remote_share: float = 0.0
    """Share of its input buffers that stands in other tiles' eDRAM (`archsim.mapping.memory`)..."""
    remote_hops: float = 0.0
    """... and how many hops away, in the mean."""

    @property
    def name(self) -> str:
        """The layer's name; of an output of the network, that and "(out)"."""
        return self.stage.name

    @property
    def windows(self) -> int:
        """Output positions per image."""
        return self.stage.windows


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Plan:
    """A mapped network. `notes` are things a user should know (full buffers, unused replication policy, ...)."""

    graph: Graph
    chip: Chip
    slicing: Slicing
    stages: tuple[MappedStage, ...]
    edges: tuple[Edge, ...]
    routes: Routes
    gathers: Gathers
    chips: int
    notes: tuple[str, ...]
    layout: str = ""
    """The layout in words (`archsim.mapping.layout`)."""
    slack_rows: int = 0
    """Rows that buffers were to hold beyond the least."""
    rows: Mapping[str, RowPlan] = field(default_factory=dict)
    """Places of a layer's rows, by layer name, where they do not stand in their order."""

    def __repr__(self) -> str:
        return f"<Plan {self._title}>"

    def _repr_html_(self) -> str:
        """Stages as a table, for notebooks."""
        columns = ("layer", "kind", "MACs", "windows", "copies", "grid", "crossbars", "tiles")
        return html_table(self._title, columns, map(_notebook_row, self.stages), text=2) + html_lines(self.notes)

    @property
    def _title(self) -> str:
        chips = "1 chip" if self.chips == 1 else f"{self.chips} chips"
        sizes = f"{self.crossbars:,} crossbars, {self.tiles:,} tiles, {chips}"
        return f"{self.graph.name} on {self.hardware.name}: {sizes}, {self.crossbar_utilization:.1%} of cells used"

    def __iter__(self) -> Iterator[MappedStage]:
        return iter(self.stages)

    @property
    def hardware(self) -> Hardware:
        """The hardware file the plan was made for."""
        return self.chip.hardware

    @property
    def crossbars(self) -> int:
        """Arrays that hold weights, all copies."""
        return sum(mapped.placement.crossbars for mapped in self.stages)

    @property
    def crossbar_utilization(self) -> float:
        """Cells that hold a weight bit over all cells of the arrays in use."""
        grids = [(mapped.grid, mapped.replication) for mapped in self.stages if mapped.grid is not None]
        return sum(grid.used_cells * n for grid, n in grids) / sum(grid.cells * n for grid, n in grids)

    @property
    def tiles(self) -> int:
        """Tiles in use."""
        return len(
            np.unique(np.concatenate([mapped.placement.tiles for mapped in self.stages if not mapped.stage.port]))
        )


def _notebook_row(mapped: MappedStage) -> tuple[str, ...]:
    grid, tiles = mapped.grid, mapped.placement.tiles
    return (
        mapped.name,
        mapped.stage.kind,
        f"{mapped.macs:,}" if mapped.macs else "",
        f"{mapped.windows:,}",
        f"{mapped.replication:,}" if grid else "",
        f"{grid.row_groups}x{grid.column_groups}" if grid else "",
        f"{mapped.placement.crossbars:,}" if grid else "",
        str(tiles[0]) if tiles[0] == tiles[-1] else f"{tiles[0]}-{tiles[-1]}",
    )


def unrolled(stage: Stage) -> tuple[int, int, int]:
    """(input rows, output columns, groups) of a crossbar stage's products."""
    op = stage.layer.op
    if isinstance(op, Conv):
        rows = channels(stage.operand_shapes[0]) // op.groups * op.kernel[0] * op.kernel[1]
        return rows, op.out // op.groups, op.groups
    assert isinstance(op, Linear)
    height, width = positions(stage.operand_shapes[0])
    return channels(stage.operand_shapes[0]) * height * width, op.out, 1
