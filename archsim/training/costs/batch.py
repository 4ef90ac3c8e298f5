"""What a batch of in-situ training costs: forward, error, gradient and update phase, one after the other.

Every phase is mapped and timed by the code that maps and times inference, on the chip with that phase's arrays and
converters; its counts are priced by the same cost table. The batch streams through a phase; nothing overlaps between
phases (as in DNN+NeuroSim V2.1). Off-chip traffic runs beside a phase: the longer of the two is its latency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from math import fsum

from archsim import __version__
from archsim.accounting import ActionRow, Count, area_account, price, static_rows, total_area
from archsim.accounting.training import (
    GradientLoad,
    RuleState,
    StorageRow,
    error_counts,
    forward_counts,
    gradient_counts,
    gradient_load,
    storage_rows,
    update_counts,
    update_time_s,
)
from archsim.components import CostTable, build_chip, cost_table
from archsim.components import notes as chip_notes
from archsim.components.training import error_chip, gradient_chip
from archsim.components.tree import Chip
from archsim.config import Hardware, citations
from archsim.config.training import Training
from archsim.errors import InputError, Problem
from archsim.mapper import map_on
from archsim.mapping.plan import Plan
from archsim.timing import Timing
from archsim.training.costs.clock import Clock
from archsim.training.costs.result import Phase, PhaseCost, TrainingCost, TrainingRow
from archsim.training.insitu import UpdateSettings, kept
from archsim.workload.backward import error_graph, gradient_products
from archsim.workload.graph import Conv, Graph, Input, Layer


def training_cost(graph: Graph, hardware: Hardware, *, clock: Clock | None = None) -> TrainingCost:
    """Cost of training a network in situ, batch by batch.

    Batch, data flow and update rule are fields of the hardware file's `training` block:
    `hardware.replace({"training.dataflow.name": "naive_b", "training.batch": 100})`.

    Parameters
    ----------
    clock : times the phases; one that is handed from call to call times equal machines once.

    Raises
    ------
    InputError
        Hardware without a `training` block, operations without a way back, a cost the hardware file lacks.
    """
    chip = build_chip(hardware)
    if chip.training is None:
        raise InputError(
            [Problem(f"hardware {hardware.name}", "has no training block; expected one (see insitu-32nm)")]
        )
    return _Batch(graph, chip, chip.training.block, clock or Clock()).cost()


def rule_states(block: Training) -> tuple[RuleState, ...]:
    """What the block's update rule keeps, at the block's width."""
    return tuple(
        RuleState(
            name=item.name,
            where=item.where,
            bits=block.update.state_bits if item.where == "digital" else 0,
            reads=item.reads,
            writes=item.writes,
            multiplications=item.multiplications,
            additions=item.additions,
            cells=item.cells,
            array_reads=item.array_reads,
        )
        for item in kept(UpdateSettings(rule=block.update.rule))
    )


class _Batch:
    """One batch on one chip: plans and times of the phases, then their counts."""

    def __init__(self, graph: Graph, chip: Chip, block: Training, clock: Clock) -> None:
        self.graph, self.chip, self.block, self.clock = graph, chip, block, clock
        self.products = gradient_products(graph)
        self.states = rule_states(block)
        self.costs: CostTable = cost_table(chip)
        self.rows: list[TrainingRow] = []
        self.phases: list[PhaseCost] = []
        self.notes: list[str] = list(chip_notes(chip))

    def cost(self) -> TrainingCost:
        plan = map_on(self.graph, self.chip)
        timing = self.clock.timing(plan, self.block.batch)
        self.notes += [f"forward: {note}" for note in plan.notes]
        counts = forward_counts(plan, timing, self.block, self.products)
        self.phase("forward", timing.latency_s, self.graph.total_macs(), counts)
        self.errors()
        self.gradients()
        updates = self.priced(update_counts(plan, self.block, self.products, self.states))
        plain = self.priced(update_counts(plan, self.block, self.products, ()))
        self.phase("update", update_time_s(plan), 0, rows=updates)
        self.standing(plan, timing)
        storage = storage_rows(plan, self.products, self.states)
        self.capacity(plan, storage)
        hardware, update = self.chip.hardware, self.block.update
        return TrainingCost(
            archsim_version=__version__,
            hardware=hardware.name,
            hardware_hash=hardware.hash,
            workload=self.graph.name,
            batch=self.block.batch,
            dataflow=self.block.dataflow.name,
            rule=update.rule,
            weights=sum(product.weights for product in self.products),
            phases=tuple(self.phases),
            rows=tuple(self.rows),
            storage=storage,
            rule_energy_j=fsum([*(row.energy_j for row in updates), *(-row.energy_j for row in plain)]),
            area_m2=total_area(area_account(plan)),
            notes=tuple(self.notes),
            citations=tuple(item.key for item in citations(hardware)),
        )

    def errors(self) -> None:
        """The error phase; empty for a network of one layer."""
        back = error_graph(self.graph)
        if back is None:
            self.phase("error", 0.0, 0, [])
            return
        plan = map_on(back.graph, error_chip(self.chip))
        timing = self.clock.timing(plan, self.block.batch)
        self.notes += [f"error: {note}" for note in plan.notes]
        counts = error_counts(plan, timing, self.block, self.products, back)
        self.phase("error", timing.latency_s, back.graph.total_macs(), counts)

    def gradients(self) -> None:
        """The gradient phase, layer after layer on the same arrays."""
        loads = [gradient_load(product, self.chip, self.block.batch) for product in self.products]
        counts = [count for load in loads for count in gradient_counts(load, self.chip)]
        macs = sum(product.macs for product in self.products)
        self.phase("gradient", fsum(self.gradient_time(load) for load in loads), macs, counts)

    def gradient_time(self, load: GradientLoad) -> float:
        """Seconds of one layer's gradient: its vectors stream through every filling of the arrays."""
        mac = self.block.gradient_mac
        if self.block.dataflow.gradient_in == "mac" and mac is not None:
            return load.product.macs * load.batch / (mac.count * self.chip.tiles * mac.rate)
        plan = map_on(load_graph(load), gradient_chip(self.chip))
        return self.clock.timing(plan, load.loads).latency_s

    def phase(
        self,
        name: Phase,
        arrays_s: float,
        macs: int,
        counts: Sequence[Count] = (),
        rows: Sequence[ActionRow] | None = None,
    ) -> None:
        """Price and keep a phase; `macs` are of one image."""
        rows = self.priced(counts) if rows is None else rows
        memory_s = fsum(row.count for row in rows if row.component == "dram") / 8 / self.block.dram.bandwidth
        self.rows += [TrainingRow(phase=name, **asdict(row)) for row in rows]
        self.phases.append(
            PhaseCost(
                phase=name,
                arrays_s=arrays_s,
                memory_s=memory_s,
                latency_s=max(arrays_s, memory_s),
                macs=macs * self.block.batch,
                energy_j=fsum(row.energy_j for row in rows),
            )
        )

    def priced(self, counts: Sequence[Count]) -> list[ActionRow]:
        return price(counts, self.costs)

    def standing(self, plan: Plan, timing: Timing) -> None:
        """Power drawn whatever happens, over all phases."""
        total = fsum(phase.latency_s for phase in self.phases)
        rows = static_rows(plan, replace(timing, latency_s=total))
        if rows:
            self.phase("standing", 0.0, 0, rows=rows)

    def capacity(self, plan: Plan, storage: Sequence[StorageRow]) -> None:
        """Say where memory or arrays of the chip are too few; the account goes on as if they sufficed."""
        memory = self.block.accumulator
        have = memory.count * int(memory.size) * 8
        sums = max([row.bits for row in storage if row.where == "accumulator"], default=0)
        if sums > have:
            self.notes.append(
                f"accumulators hold {have / 8e6:.1f} MB, {sums / 8e6:.1f} MB are needed: counted as if they fitted"
            )
        copies = 1 + sum(state.cells for state in self.states)
        needed = copies * plan.crossbars
        if copies > 1 and needed > plan.chips * self.chip.crossbars:
            self.notes.append(
                f"{self.block.update.rule} needs {needed} crossbars, {plan.chips} chips have "
                f"{plan.chips * self.chip.crossbars}: counted as if there were enough"
            )


def load_graph(load: GradientLoad) -> Graph:
    """One filling of the gradient arrays as a network: vectors are positions of a 1x1 convolution from rows to
    outputs."""
    rows, vectors = load.rows_at_once, load.product.vectors
    source = Layer(name="activations", op=Input(), inputs=(), shape=(rows, 1, vectors))
    op = Conv(out=load.outputs_at_once, kernel=(1, 1))
    name = load.product.layer
    product = Layer(name=name, op=op, inputs=("activations",), shape=(load.outputs_at_once, 1, vectors))
    return Graph(name=f"{name} gradient", layers=(source, product), outputs=(name,))
