"""Row renaming on the last layer: distinct rows, what merging costs, and the area with and without the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.components import Chip
from archsim.function.crossbars.integer import prepare_integer
from archsim.function.quantization.network import TensorFormat
from archsim.mapping.rows import (
    Renamed,
    RowPlan,
    TableCost,
    conflicts,
    effective_rows,
    identity,
    memory_of,
    merge,
    pre_added,
    rename,
    table_cost,
)
from archsim.studies.weinstock2023.machine import chip_of
from archsim.studies.weinstock2023.nets import PRECISION, Net, right
from archsim.studies.weinstock2023.plan import MERGES, RANDOM_MATRICES

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRow:
    """One way of storing one network's last layer.

    `rows` of 84 are stored. `accuracy` is on the test digits; `conflicts` per digit; `openings` is bit planes read over
    those of the unrenamed layer when shared rows are opened apart, `added_bits` the width of pre-added inputs,
    `additions` per digit. Areas are shares of the unrenamed layer's cells and row drivers: `area_saved` without the
    table, `area_saved_with_table` with it. `table_energy_j` is of one digit.
    """

    net: str
    seed: int
    stored: str
    rows: int
    rows_saved: float
    accuracy: float
    conflicts: float
    openings: float
    additions: float
    added_bits: int
    lost: int
    table_bits: int
    table_energy_j: float
    area_saved: float
    area_saved_with_table: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def shared_rows(net: Net, name: str) -> Iterator[SharedRow]:
    """All ways of storing one network's last layer."""
    chip = chip_of()
    activity = net.train.mean(axis=0)
    dead = activity == 0
    ways: list[tuple[str, Renamed]] = [
        ("as it is", identity(net.signs)),
        ("renamed, exact", rename(net.signs)),
        ("with complements", rename(net.signs, complement=True)),
        ("without dead inputs", rename(net.signs, dead=dead)),
        *((f"merged to {count}", merge(net.signs, count, activity)) for count in MERGES),
    ]
    for stored, renamed in ways:
        yield _row(net, name, stored, renamed, chip)


def _row(net: Net, name: str, stored: str, renamed: Renamed, chip: Chip) -> SharedRow:
    plan, found = renamed.plan, conflicts(renamed.plan, net.test, PRECISION.input_bits)
    outputs = net.test.astype(np.int64) @ effective_rows(renamed)
    table = table_cost(plan, memory_of(chip))
    saved, with_table = saved_areas(plan, net.signs.shape[1], table, chip)
    return SharedRow(
        net=name,
        seed=net.seed,
        stored=stored,
        rows=plan.physical_rows,
        rows_saved=plan.rows_saved,
        accuracy=right(outputs, net.labels),
        conflicts=found.conflicts / found.windows,
        openings=found.openings / found.planes,
        additions=found.additions / found.windows,
        added_bits=found.added_bits,
        lost=found.lost,
        table_bits=table.bits,
        table_energy_j=table.energy_j,
        area_saved=saved,
        area_saved_with_table=with_table,
    )


def saved_areas(plan: RowPlan, columns: int, table: TableCost, chip: Chip) -> tuple[float, float]:
    """Area saved as a share of the layer's cells (one a weight) and row drivers, without and with the table."""
    array, dac = chip.tile.ima.crossbar, chip.tile.ima.dac
    row = columns * array.area_m2 / (array.rows * array.columns) + dac.area_m2
    whole = plan.logical_rows * row
    saved = (plan.logical_rows - plan.physical_rows) * row
    return saved / whole, (saved - table.area_m2) / whole


def renamed_difference(net: Net) -> int:
    """Largest difference of an output between the layer and its exactly renamed form, both on the integer engine: the
    renamed one multiplies signed, pre-added inputs with its physical rows."""
    worst = 0
    plain = prepare_integer(net.signs[None], 3)(net.test[None])[0].astype(np.int64)
    for complement in (False, True):
        renamed = rename(net.signs, complement=complement)
        inputs = pre_added(renamed.plan, net.test)
        signed = bool((inputs < 0).any())
        form = TensorFormat(bits=int(np.abs(inputs).max()).bit_length() + signed, signed=signed, scale=1.0)
        found = prepare_integer(renamed.weight[None], form.high)(inputs.astype(form.dtype)[None])[0]
        worst = max(worst, int(np.abs(found.astype(np.int64) - plain).max()))
    return worst


def random_control(shape: Sequence[int]) -> float:
    """Mean distinct rows of random sign matrices."""
    rng = np.random.default_rng(np.random.SeedSequence((0, 3)))
    signs = rng.choice(np.array([-1, 1], np.int8), (RANDOM_MATRICES, *shape))
    return float(np.mean([rename(matrix).plan.physical_rows for matrix in signs]))
