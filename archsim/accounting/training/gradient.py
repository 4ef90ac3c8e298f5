"""Counts of the gradient phase: activations against errors in SRAM arrays, and where sums, inputs and results go.

An array holds the bits of errors: a row for each output position, `error_bits` columns for each channel. Each of the
K K Cin vectors of activations enters its rows bit by bit. With R rows in an array and px positions, an image fills
ceil(px / R) row groups; where px < R, positions of several images may share rows (`stack_images`), and a batch of B
fills ceil(px B / R).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from archsim.accounting.counts import Count
from archsim.components import Chip
from archsim.config.training import Dataflow, Training
from archsim.workload.backward import GradientProduct


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientLoad:
    """One layer's gradient over a batch: `row_groups` and `column_groups` of one group of the layer, each row group
    one array's rows. `row_groups_at_once` and `outputs_at_once` are held by the chip's arrays at a time; a batch
    takes `loads` such fillings. `rows_at_once` are the rows in use."""

    product: GradientProduct
    batch: int
    row_groups: int
    column_groups: int
    rows_at_once: int
    row_groups_at_once: int
    outputs_at_once: int
    loads: int

    @property
    def rows(self) -> int:
        """Rows of errors of a batch, of one group of the layer."""
        return self.product.positions * self.batch

    @property
    def accumulations(self) -> int:
        """Times a weight's gradient is added to the running sum, per batch: once for every image, or for every row
        group that several images share."""
        return min(self.batch, self.row_groups)


def gradient_load(product: GradientProduct, chip: Chip, batch: int) -> GradientLoad:
    """How a layer's errors fill the chip's gradient arrays."""
    assert chip.training is not None
    block = chip.training.block
    arrays, total = block.gradient, chip.tiles * block.gradient.count
    row_groups = _row_groups(product, block, batch)
    outputs_an_array = arrays.columns // block.error_bits
    column_groups = ceil(product.outputs / outputs_an_array)
    columns_at_once = min(column_groups, total)
    rows_at_once = min(max(1, total // column_groups), row_groups)
    return GradientLoad(
        product=product,
        batch=batch,
        row_groups=row_groups,
        column_groups=column_groups,
        rows_at_once=min(rows_at_once * arrays.rows, product.positions * batch),
        row_groups_at_once=rows_at_once,
        outputs_at_once=min(columns_at_once * outputs_an_array, product.outputs),
        loads=ceil(row_groups / rows_at_once) * ceil(column_groups / columns_at_once) * product.groups,
    )


def _row_groups(product: GradientProduct, block: Training, batch: int) -> int:
    """Row groups of a batch; digital units add up each image by themselves."""
    rows = block.gradient.rows
    if block.dataflow.gradient_in == "mac":
        return batch
    if block.dataflow.stack_images and product.positions < rows:
        return ceil(product.positions * batch / rows)
    return batch * ceil(product.positions / rows)


def gradient_counts(load: GradientLoad, chip: Chip) -> list[Count]:
    """Everything one layer's gradient takes for a batch."""
    entries: dict[tuple[str, str], float] = {}
    for part in (_array_actions(load, chip), _sums(load, chip), _inputs(load, chip)):
        for key, count in part.items():
            entries[key] = entries.get(key, 0) + count
    return [Count(load.product.layer, component, action, n) for (component, action), n in entries.items() if n]


def _block(chip: Chip) -> Training:
    assert chip.training is not None
    return chip.training.block


def _array_actions(load: GradientLoad, chip: Chip) -> Mapping[tuple[str, str], float]:
    """Conversions: vectors x input bits x columns in use of every row group. Rows are driven in every column group."""
    block, product = _block(chip), load.product
    if block.dataflow.gradient_in == "mac":
        return {("gradient_mac", "mac"): product.macs * load.batch}
    columns = load.row_groups * product.outputs * block.error_bits
    reads = product.vectors * product.groups * chip.input_cycles
    driven = load.rows * load.column_groups
    conversions = reads * columns
    ones = block.assumed
    write_times = product.shifts if block.dataflow.error_writes == "each_shift" else 1
    held = product.vectors * product.groups * (driven * chip.precision.input_bits)
    results = product.vectors * product.groups * columns * chip.precision.partial_sum_bits
    return {
        ("gradient_adc", "convert"): conversions,
        ("gradient_shift_add", "add"): conversions,
        ("gradient_driver", "drive"): reads * driven * ones.input_ones,
        ("gradient_array", "cell_read"): (
            product.macs * load.batch * chip.input_cycles * block.error_bits * ones.input_ones * ones.error_ones
        ),
        ("gradient_array", "write"): product.errors * load.batch * block.error_bits * write_times,
        ("gradient_register", "bit"): held + results,
    }


def _sums(load: GradientLoad, chip: Chip) -> Mapping[tuple[str, str], float]:
    """Row groups of an image are added up on their way; what an image or a shared row group leaves goes to the running
    sum on the chip (read, added, written), or off the chip."""
    block, product = _block(chip), load.product
    flow = block.dataflow
    partial = product.weights * load.row_groups
    found: dict[tuple[str, str], float] = {
        ("bus", chip.tile.bus.charge): partial * chip.precision.partial_sum_bits / chip.tile.bus.bits_per_action,
        ("alu", "add"): float(partial),
    }
    if flow.gradients == "accumulated":
        moved = 2 * product.weights * load.accumulations * block.accumulator.bits
        found["accumulator", "access"] = ceil(moved / block.accumulator.access_bits)
        found["dram", "bit"] = product.weights * block.gradient_bits
    else:
        found["dram", "bit"] = product.weights * load.batch * flow.spill_bits
    return found


def _inputs(load: GradientLoad, chip: Chip) -> Mapping[tuple[str, str], float]:
    """Activations and errors on their way to the arrays: off-chip memory and one router for each fetch, tile memory and
    bus for every vector (column groups take it from the bus together) and for the errors."""
    block, product = _block(chip), load.product
    flow, width = block.dataflow, chip.precision.input_bits
    fetched = product.inputs * width * load.batch * fetches(flow, load, chip)
    errors = product.errors * block.error_bits * load.batch
    vectors = product.vectors * product.groups * load.rows * width
    moved = vectors + errors
    edram, bus, router = chip.tile.edram, chip.tile.bus, chip.tile.router
    bus_actions = ceil(moved / bus.bits_per_action)
    found: dict[tuple[str, str], float] = {
        ("edram", "access"): ceil(vectors / edram.access_bits) + ceil(errors / edram.access_bits),
        ("bus", bus.charge): bus_actions,
        ("router", "flit"): ceil(fetched / router.flit_bits) + ceil(errors / router.flit_bits),
        ("dram", "bit"): 0.0,
    }
    if flow.activations_in == "dram" or flow.activation_fetch != "once":
        found["dram", "bit"] += fetched
    if flow.errors_in == "dram":
        found["dram", "bit"] += errors
    return found


def fetches(flow: Dataflow, load: GradientLoad, chip: Chip) -> int:
    """How often a layer's inputs are fetched for its gradient."""
    if flow.activation_fetch == "once":
        return 1
    columns = _block(chip).gradient.columns
    folds = ceil(load.product.outputs / columns) if flow.activation_fetch == "each_shift" else load.column_groups
    return load.product.shifts * folds
