"""The indirection table of renamed or reordered rows: entries, bits, area and energy."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.components import Chip
from archsim.mapping.rows.plan import NOT_STORED, RowPlan

BYTE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What one bit of a memory takes: area [m2] and energy of reading it [J]; `source` says where both are from."""

    area_m2: float
    energy_j: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCost:
    """A table of one entry for each logical row, all looked up once a window. Energy [J] is of one window."""

    entries: int
    entry_bits: int
    area_m2: float
    energy_j: float

    @property
    def bits(self) -> int:
        """Bits stored."""
        return self.entries * self.entry_bits


def memory_of(chip: Chip) -> Memory:
    """The memory that a chip's own input registers are made of.

    Area: the register's over its bits. Energy: of one window of one array over the bits that its lines take in all
    input cycles, or of one read of all lines over the digits of that cycle, as the file charges it.
    """
    ima = chip.tile.ima
    register, rows = ima.input_register, ima.crossbar.rows
    action, bits = ("window", chip.precision.input_bits) if register.charge == "window" else ("read", ima.dac.bits)
    cost = register.actions[action]
    return Memory(
        area_m2=register.area_m2 / (BYTE * register.size_bytes),
        energy_j=cost.energy_j / (rows * bits),
        source=register.source,
    )


def table_cost(plan: RowPlan, memory: Memory) -> TableCost:
    """Storage and look-ups of a plan's table: for each logical row its place, and one bit each where some rows are
    complements and where some are not stored. A plan that leaves every row where it is needs none."""
    stays = plan.physical_rows == plan.logical_rows and (plan.place[plan.physical] == range(plan.logical_rows)).all()
    if stays and (plan.sign == 1).all():
        return TableCost(entries=0, entry_bits=0, area_m2=0.0, energy_j=0.0)
    place = max(1, (plan.physical_rows - 1).bit_length())
    width = place + bool((plan.sign < 0).any()) + bool((plan.physical == NOT_STORED).any())
    bits = plan.logical_rows * width
    return TableCost(
        entries=plan.logical_rows,
        entry_bits=width,
        area_m2=bits * memory.area_m2,
        energy_j=bits * memory.energy_j,
    )
