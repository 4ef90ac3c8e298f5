"""Which engine serves which layer of a machine.

* `integer`: cells hold what was written and no converter loses anything, so plain integer products are the machine's.
* `bit-plane`: cells are whole numbers, converters clip or round.
* `row-opening`: arrays open a few rows at a time, rows stand elsewhere or share a place, or noise goes with the rows
  that drive, and converters lose something.
* `analog`: cells or reads are real numbers; weights that are levels make real column sums, which every converter but
  the ideal one rounds.

A layer of a bit-plane machine whose sums are proven to pass the converter unchanged, whatever the inputs, is served by
integer products too, and counted so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from archsim.config.transfer import AdcTransfer
from archsim.function.crossbars.arrays import keeps_whole
from archsim.function.crossbars.bitplanes.engine import plan_layer, product_of
from archsim.function.crossbars.circuit import CellModel, Circuit
from archsim.function.crossbars.converter import OBSERVED, Converter, Sums, Transfer, converter_for
from archsim.function.crossbars.devices import cell_model, read_noise_levels
from archsim.function.crossbars.encodings import largest_sum
from archsim.function.crossbars.engines import Engine, integer_engine
from archsim.function.crossbars.integer import Multiply
from archsim.function.crossbars.meter import Conversions, Meter
from archsim.function.crossbars.observe import observe_sums
from archsim.function.crossbars.openings.counting import Opening
from archsim.function.quantization.network import MatrixLayer, QuantizedNetwork
from archsim.function.sparsity.search import Searching
from archsim.mapping.plan import Plan
from archsim.mapping.rows.plan import RowPlan
from archsim.mapping.slicing import Slicing

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Machine:
    """What decides the arithmetic of a chip: its slicing, converters, cells and read noise (and how it goes with the
    rows that drive); `rows` by layer name where rows do not stand in their order. `seed` keys all draws.
    `sparsity` is the policy by which converters leave out decisions, `every_column` whether columns without weights are
    converted too; neither changes an output."""

    slicing: Slicing
    transfer: Transfer
    cells: CellModel | None = None
    read_noise: float = 0.0
    noise_law: str = "constant"
    rows: Mapping[str, RowPlan] = field(default_factory=dict)
    seed: int = 0
    sparsity: str = "none"
    every_column: bool = False

    @classmethod
    def of(cls, plan: Plan, seed: int = 0) -> Machine:
        """The machine a plan runs on.

        Raises
        ------
        InputError
            Devices outside the range their models were fitted for.
        """
        ima, device = plan.chip.tile.ima, plan.chip.hardware.model.device
        cell = plan.chip.hardware.model.ima.cell
        return cls(
            slicing=plan.slicing,
            transfer=transfer_of(ima.adc.transfer, ima.adc.bits, seed),
            cells=cell_model(device, cell, plan.slicing.rows, plan.slicing.columns + plan.slicing.unit_columns),
            read_noise=read_noise_levels(None if device is None else device.read_noise, cell),
            noise_law="constant" if device is None or device.read_noise is None else device.read_noise.law,
            rows=plan.rows,
            seed=seed,
            sparsity="none" if ima.adc.sparsity is None else ima.adc.sparsity.policy,
            every_column=ima.adc.converts == "all",
        )

    @property
    def largest_sum(self) -> int:
        """Largest column sum of a full array, or of the rows opened at once."""
        return self.slicing.largest_sum

    def circuit(self, converter: Converter) -> Circuit:
        """The analog side with this converter."""
        return Circuit(
            slicing=self.slicing,
            converter=converter,
            cells=self.cells,
            read_noise=self.read_noise,
            noise_law=self.noise_law,
            rows=self.rows,
            seed=self.seed,
        )


def transfer_of(block: AdcTransfer | None, bits: int, seed: int) -> Transfer:
    """The transfer a hardware file describes."""
    if block is None:
        return Transfer(kind="unit", bits=bits, seed=seed)
    return Transfer(
        kind=block.curve,
        bits=bits,
        low=block.low or 0.0,
        high=block.high or 0.0,
        percentile=100.0 if block.percentile is None else block.percentile,
        references=block.references or (),
        offset=block.offset,
        gain=block.gain,
        inl=block.inl,
        dnl=block.dnl,
        seed=seed,
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Selection:
    """Engines chosen for one network on one machine. `engine` is for `infer`; layers are prepared once and kept.
    `searching` is what `infer` counts decisions by, where the machine's converters leave some
    out, `opening` what it counts reads by, where its arrays open a few rows at a time."""

    engine: Engine
    searching: Searching | None = None
    opening: Opening | None = None
    _served: dict[str, str] = field(default_factory=dict)
    _meter: Meter = field(default_factory=Meter)

    @property
    def served(self) -> Mapping[str, str]:
        """Engine by layer name, for the layers prepared so far."""
        return dict(self._served)

    def conversions(self) -> Mapping[str, Conversions]:
        """What converters did so far, by layer; nothing for layers no engine counts (`analog`)."""
        return self._meter.read()


def select(network: QuantizedNetwork, machine: Machine, pictures: Callable[[], Array]) -> Selection:
    """Choose engines.

    Parameters
    ----------
    pictures : gives inputs of the network, called only where converters are set by observed sums.
    """
    transfer, largest = machine.transfer, machine.largest_sum
    observed: Mapping[str, Sums] = {}
    if transfer.kind in OBSERVED:
        observed = observe_sums(network, pictures(), machine.circuit(Converter(name="ideal")), largest)
    shared = None if observed else converter_for(transfer, Sums(largest=largest))
    served: dict[str, str] = {}
    meter = Meter()
    prepared: dict[str, Multiply] = {}

    def converter(layer: MatrixLayer) -> Converter:
        return shared or converter_for(transfer, observed[layer.name])

    def engine(layer: MatrixLayer) -> Multiply:
        if layer.name not in prepared:
            circuit = machine.circuit(converter(layer))
            served[layer.name], prepared[layer.name] = prepare_layer(layer, circuit, meter)
        return prepared[layer.name]

    searching = None if machine.sparsity == "none" else searching_of(machine, converter)
    opening = Opening(slicing=machine.slicing, rows=machine.rows) if opens_some(machine) else None
    return Selection(engine=engine, searching=searching, opening=opening, _served=served, _meter=meter)


def opens_some(machine: Machine) -> bool:
    """Whether a digit may take another number of reads than one."""
    return machine.slicing.windowed or machine.slicing.activation != "dense" or bool(machine.rows)


def searching_of(machine: Machine, converter: Callable[[MatrixLayer], Converter]) -> Searching:
    """How a machine with these converters counts decisions."""
    return Searching(
        policy=machine.sparsity,
        bits=machine.transfer.bits,
        slicing=machine.slicing,
        every_column=machine.every_column,
        rows=machine.rows,
        converter=converter,
    )


def exact_selection() -> Selection:
    """Integer arithmetic for every layer."""
    served: dict[str, str] = {}

    def engine(layer: MatrixLayer) -> Multiply:
        served[layer.name] = "integer"
        return integer_engine(layer)

    return Selection(engine=engine, _served=served)


def prepare_layer(layer: MatrixLayer, circuit: Circuit, meter: Meter) -> tuple[str, Multiply]:
    """Name of the engine that serves a layer, and its product."""
    real = layer.levels is not None and (circuit.cells is not None or circuit.converter.thresholds is not None)
    noisy = circuit.read_noise > 0 or not keeps_whole(circuit.cells)
    if not real and not noisy and circuit.cells is None and lossless(circuit.converter, circuit.slicing):
        return "integer", integer_engine(layer)
    growing = circuit.read_noise > 0 and circuit.noise_law != "constant"
    if circuit.slicing.windowed or growing or layer.name in circuit.rows:
        from archsim.function.crossbars.openings.engine import opening_engine

        return "row-opening", opening_engine(circuit, meter)(layer)
    if real or noisy:
        # imported where needed: importing it loads kernels that most runs do without
        from archsim.function.crossbars.analog import analog_engine

        return "analog", analog_engine(circuit, meter)(layer)
    plan = plan_layer(layer, circuit)
    if plan.proven and circuit.cells is None:
        return "integer", integer_engine(layer)
    return "integer" if plan.proven else "bit-plane", product_of(plan, meter)


def lossless(converter: Converter, slicing: Slicing) -> bool:
    """Whether no weights and inputs can make a sum that the converter changes."""
    largest = largest_sum(slicing)
    return converter.exact_up_to(largest) == largest
