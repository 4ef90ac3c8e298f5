"""The machine as plain numbers: Chip > Tile > IMA > crossbar, converters, registers, memories, network.

SI units; durations that timing uses are integer picoseconds (`*_ps`). Built by `archsim.components.build_chip`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from archsim.components.adc import bits_required, bits_required_flip
from archsim.config import Hardware
from archsim.config.model import Precision
from archsim.config.precision import ActivationPrecision
from archsim.config.sparsity import AdcSparsity
from archsim.config.training import Training
from archsim.config.transfer import AdcTransfer


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCost:
    """Energy of one action (joule; watt for the action `static`, counted in seconds) and where it comes from."""

    energy_j: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """What every component has: `count` instances in its IMA, tile or chip, and the cost of *one* of them.

    `power_w` is the power at full load, static part included; `static_w` is drawn without any action, unless the unit
    is `gated` (switched off while its IMA or tile has no work).
    """

    count: int
    area_m2: float
    power_w: float
    static_w: float
    gated: bool
    actions: Mapping[str, ActionCost]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One ReRAM cell; resistances in ohm and read voltage in volt, None where the file gives none. `levels`: weights
    are levels of a set, which spread over the cell's whole range."""

    bits: int
    on_resistance: float | None
    off_resistance: float | None
    read_voltage: float | None
    levels: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossbar(Circuit):
    """One array of `rows` x `columns` cells, of which `rows_at_once` rows are open in one read, chosen as `activation`
    says (`archsim.config.rows.RowActivation`); action `read` is one read of every cell."""

    rows: int
    columns: int
    rows_at_once: int
    activation: str
    unit_column: bool
    slices: str
    energy: str
    cell: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Dac(Circuit):
    """Row drivers; action `drive` is one row (of `arrays_per_driver` arrays that share it) for one read cycle."""

    bits: int
    charge: str
    arrays_per_driver: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleHold(Circuit):
    """Action `sample` is one column in one read cycle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adc(Circuit):
    """Action `convert` is one conversion at `bits`; `scaling` names the law between resolutions (`adc.SCALING`).
    `transfer` None is one code per level, saturating. Where searches may be shorter (`sparsity`), actions `convert_1`,
    `convert_2`, ... are conversions of so many decisions."""

    bits: int
    rate: float
    converts: str
    scaling: str
    transfer: AdcTransfer | None
    sparsity: AdcSparsity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftAdd(Circuit):
    """Action `add` goes with one conversion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register(Circuit):
    """`charge: window`: action `window` is one window of one array with all its lines in use. `charge: access`: `read`
    is one read of all lines in one cycle, `write` of one value."""

    size_bytes: int
    charge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TileRegister(Circuit):
    """Action `bit` is one bit of a vector that an IMA, or another tile, sends."""

    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead(Circuit):
    """Circuit beside the data path; `charge` is as the hardware file has it (`archsim.config.blocks.Overhead`)."""

    name: str
    charge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ima:
    """In-situ multiply-accumulate unit: `crossbars` arrays and what they share.

    `cycle_ps` is the time in which rows are driven for one input digit. `bit_cycle_ps` is the time between two digits:
    one array read, or longer when the converters need more time for the columns each of them serves.
    """

    crossbars: int
    cycle_ps: int
    bit_cycle_ps: int
    columns_per_adc: int
    crossbar: Crossbar
    dac: Dac
    sample_hold: SampleHold
    adc: Adc
    shift_add: ShiftAdd
    input_register: Register
    output_register: Register
    overheads: tuple[Overhead, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edram(Circuit):
    """Tile memory; action `access` moves `access_bits`, `bytes_per_cycle` pass at most in one tile cycle."""

    size_bytes: int
    access_bits: int
    bytes_per_cycle: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus(Circuit):
    """Tile bus; its only action (`charge`, "bit" or "access") is counted for every `bits_per_action` bits."""

    wires: int
    charge: str
    bits_per_action: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Router(Circuit):
    """One router for `shared_by` tiles; action `flit` is one flit through one router and its link. `topology` is how
    routers are joined, by name (`archsim.mapping.topology`)."""

    ports: int
    flit_bits: int
    flit_rate: float
    latency_ps: int
    shared_by: int
    topology: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalUnit(Circuit):
    """`count` units in a tile with `rate` operations per second each; one action is one operation."""

    rate: float


class Grid(NamedTuple):
    """Arrangement of the tiles."""

    columns: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """`imas` IMAs around one eDRAM, bus and digital units."""

    imas: int
    ima: Ima
    grid: Grid
    cycle_ps: int
    edram: Edram
    bus: Bus
    router: Router
    activation: DigitalUnit
    pool: DigitalUnit
    alu: DigitalUnit
    shift_add: DigitalUnit | None
    output_register: TileRegister | None
    overheads: tuple[Overhead, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Links(Circuit):
    """Chip-to-chip links, `bandwidth` in B/s each. With `always_on` the power is static; else action `packet` costs
    its energy for every `packet_bytes` (0 where links are always on)."""

    bandwidth: float
    latency_ps: int
    always_on: bool
    packet_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingParts:
    """Circuits that only training uses, each with the unit its count is in: `ima`, `tile` or `chip`."""

    block: Training
    transposed_adc: Circuit
    gradient_array: Circuit
    gradient_driver: Circuit
    gradient_adc: Circuit
    gradient_shift_add: Circuit
    gradient_register: Circuit
    gradient_mac: Circuit | None
    accumulator: Circuit
    dram: Circuit

    def circuits(self) -> Iterator[tuple[str, str, Circuit]]:
        """(component, level, circuit) as in `archsim.components.cost.circuits`."""
        yield "transposed_adc", "ima", self.transposed_adc
        for name in ("array", "driver", "adc", "shift_add", "register"):
            yield f"gradient_{name}", "tile", getattr(self, f"gradient_{name}")
        if self.gradient_mac is not None:
            yield "gradient_mac", "tile", self.gradient_mac
        yield "accumulator", "chip", self.accumulator
        yield "dram", "chip", self.dram


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Stages of a window around its crossbar reads, in cycles (`decision`, `adc_trail` and `shift_add` of the IMA, else
    of the tile) and in picoseconds; and how many windows a copy holds before and behind its crossbars."""

    edram_read: int
    decision: int
    adc_trail: int
    shift_add: int
    activation: int
    edram_write: int
    edram_read_ps: int
    decision_ps: int
    adc_trail_ps: int
    shift_add_ps: int
    activation_ps: int
    edram_write_ps: int
    input_registers: int
    output_registers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One chip, and what follows from its operand widths."""

    hardware: Hardware
    name: str
    tiles: int
    tile: Tile
    links: Links
    precision: Precision
    activation_precision: ActivationPrecision | None
    pipeline: Pipeline
    overflow: str
    input: str
    replication: str
    placement: str
    objective: str
    timings: int | None
    buffer_slack_rows: int | None
    buffer_overflow: str
    overheads: tuple[Overhead, ...]
    training: TrainingParts | None = None

    @property
    def weight_slices(self) -> int:
        """Cells (bit slices) of one weight."""
        return ceil(self.stored_bits / self.tile.ima.crossbar.cell.bits)

    @property
    def stored_bits(self) -> int:
        """Bits of a weight that cells hold (`Precision.stored_bits`); one cell where it is a level of a set."""
        cell = self.tile.ima.crossbar.cell
        return cell.bits if cell.levels else self.precision.stored_bits

    @property
    def level_bits(self) -> int:
        """Bits of a cell that levels use: narrow weights leave the upper levels empty, unless complements fill them."""
        bits = self.tile.ima.crossbar.cell.bits
        return bits if self.precision.encoding == "flip" else min(bits, self.stored_bits)

    @property
    def input_cycles(self) -> int:
        """Read cycles that feed one input through the DACs."""
        return ceil(self.precision.input_bits / self.tile.ima.dac.bits)

    @property
    def residual_bits(self) -> int:
        """Width of stored outputs that only residual adds read."""
        return max(self.precision.input_bits, self.precision.residual_bits or 0)

    @property
    def columns_per_weight(self) -> int:
        """Columns a weight takes in one array: its slices there, twice for a differential pair."""
        here = self.weight_slices if self.tile.ima.crossbar.slices == "columns" else 1
        return here * (2 if self.precision.encoding == "differential" else 1)

    @property
    def weights_per_row(self) -> int:
        """Weights side by side in one row of one array."""
        return self.tile.ima.crossbar.columns // self.columns_per_weight

    @property
    def arrays_per_weight(self) -> int:
        """Arrays that hold one weight: 1, or one for each slice."""
        return self.weight_slices if self.tile.ima.crossbar.slices == "arrays" else 1

    @property
    def crossbars(self) -> int:
        """Arrays of the chip."""
        return self.tiles * self.tile.imas * self.tile.ima.crossbars

    @property
    def routers(self) -> int:
        """Routers of the chip."""
        return ceil(self.tiles / self.tile.router.shared_by)

    @property
    def window_reads(self) -> int:
        """Reads of a full array that feed one window: every digit to all rows, `rows_at_once` of them at a time."""
        crossbar = self.tile.ima.crossbar
        return self.input_cycles * ceil(crossbar.rows / crossbar.rows_at_once)

    @property
    def adc_bits_required(self) -> int:
        """Resolution that never clips a column of a full array, or of the rows opened at once (ISAAC, eqs. (1) and
        (2))."""
        crossbar = self.tile.ima.crossbar
        return bits_required(crossbar.rows_at_once, self.tile.ima.dac.bits, self.level_bits)

    @property
    def adc_bits_required_flip(self) -> int:
        """The same where columns with a high sum store the complement (ISAAC, Sec. V)."""
        crossbar = self.tile.ima.crossbar
        return bits_required_flip(crossbar.rows_at_once, self.tile.ima.dac.bits, crossbar.cell.bits)

    @property
    def adc_bits_sufficient(self) -> int:
        """Resolution that never clips with the encoding in use."""
        return self.adc_bits_required_flip if self.precision.encoding == "flip" else self.adc_bits_required

    @property
    def window_latency_ps(self) -> int:
        """First eDRAM read to last eDRAM write of one window that waits for nothing (ISAAC, Fig. 4b: 22 cycles)."""
        stages = self.pipeline
        around = stages.edram_read_ps + stages.decision_ps + stages.adc_trail_ps + stages.shift_add_ps
        return around + self.window_interval_ps + stages.activation_ps + stages.edram_write_ps

    @property
    def window_interval_ps(self) -> int:
        """Time between two windows on the same full arrays: all digits of the input, one read after the other."""
        return self.window_reads * self.tile.ima.bit_cycle_ps
