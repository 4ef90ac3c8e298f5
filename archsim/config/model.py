"""The typed model of a hardware file.

Figures stand in the file as their source prints them: each cost names how many instances it covers (`per`) and, where
that matters, the operating point it was printed for (`at`). What follows from them (energy per action, power at another
operating point, roll-ups) is derived in `archsim.components` and never written into a file.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from archsim.config.blocks import (
    AdcCost,
    ArrayCost,
    CollectorCost,
    Component,
    CycleCost,
    DacCost,
    MemoryCost,
    Model,
    Overhead,
    RegisterCost,
    RouterCost,
    ShiftAddCost,
    Sourced,
)
from archsim.config.device import Device
from archsim.config.levels import WeightLevels
from archsim.config.precision import ActivationPrecision
from archsim.config.rows import RowActivation
from archsim.config.sparsity import AdcSparsity
from archsim.config.training import Training
from archsim.config.transfer import AdcTransfer
from archsim.config.types import (
    AdcBits,
    Bandwidth,
    Bytes,
    CellBits,
    Count,
    Cycle,
    Cycles,
    DacBits,
    Frequency,
    Latency,
    Length,
    Lines,
    Name,
    OperandBits,
    OperationRate,
    Proportion,
    Resistance,
    SampleRate,
    SlackRows,
    SumBits,
    Text,
    Timings,
    Truth,
    Voltage,
    WireBits,
    Year,
)


class Technology(Sourced):
    node: Length


class Precision(Sourced):
    """Operand widths. Output activations are stored at `input_bits`; those that only residual adds read at
    `residual_bits` where that is given and wider, since they never drive a crossbar.

    `encoding` is how signed weights reach the cells: `offset` adds 2^(weight_bits-1), `flip` does so and stores the
    complement of columns whose sum could set the top bit (one ADC bit less), `differential` uses a pair of columns that
    hold magnitudes up to 2^(weight_bits-1) - 1, one of them 0.
    """

    weight_bits: OperandBits
    input_bits: OperandBits
    partial_sum_bits: SumBits
    residual_bits: OperandBits | None = None
    encoding: Literal["offset", "flip", "differential"]

    @property
    def stored_bits(self) -> int:
        """Bits of a weight that cells hold: a differential pair has its sign in the choice of the column."""
        return max(1, self.weight_bits - 1) if self.encoding == "differential" else self.weight_bits


class Crossbar(Component):
    """Arrays of one IMA. `slices` says where the bit slices of a weight sit: in neighbouring columns of one array or in
    sibling arrays. `energy` says how a read is charged: by the table value, or V^2 G t from the stored conductances.
    `unit_column` adds a column of ones to every array that sums the inputs; differential pairs need none and have none,
    whatever the file says. `row_activation` says how many rows are opened for a
    conversion, all of them where it is missing.
    """

    ACTIONS = ("read",)
    count: Count
    rows: Lines
    columns: Lines
    unit_column: Truth
    slices: Literal["columns", "arrays"]
    energy: Literal["table", "v2gt"]
    row_activation: RowActivation | None = None
    cost: ArrayCost


class Cell(Sourced):
    """Rows are driven for `read_pulse` of every read cycle, the whole cycle where the file says nothing."""

    bits: CellBits
    on_resistance: Resistance | None = None
    off_resistance: Resistance | None = None
    read_voltage: Voltage | None = None
    read_pulse: Cycle | None = None


class Dac(Component):
    """Row drivers. Without `count` every row of every array has its own. `charge: used` counts the rows that hold
    weights in each cycle, `active` only those with a non-zero input digit (machines that gate). Figures hold for the
    resolution they were printed for (`cost.at.bits`), those of the reads driven too; another one is refused.
    """

    ACTIONS = ("drive",)
    count: Count | None = None
    bits: DacBits
    charge: Literal["used", "active"]
    cost: DacCost


class SampleHold(Component):
    """Without `count` every column of every array has its own."""

    ACTIONS = ("sample",)
    count: Count | None = None
    cost: CycleCost


class Adc(Component):
    """Converters of one IMA. `converts: used` counts columns that hold weights, `all` every column of an array in use.

    `scaling` carries the cost to another resolution than it was printed for (`cost.at.bits`). `transfer` says which
    value a sum takes; without it a converter has one code per level and saturates. `sparsity` says which decisions of a
    conversion are left out when few rows are active.
    """

    ACTIONS = ("convert",)
    count: Count
    bits: AdcBits
    rate: SampleRate
    converts: Literal["used", "all"]
    scaling: Literal["sar", "exponential", "linear", "none"] = "none"
    transfer: AdcTransfer | None = None
    sparsity: AdcSparsity | None = None
    cost: AdcCost


class ShiftAdd(Component):
    ACTIONS = ("add",)
    count: Count
    cost: ShiftAddCost


class Register(Component):
    """`charge: window` counts one action `window` per array and window, `access` counts `read` and `write`. `size` is
    what one of `count` holds; how much that must be, see `archsim.config.capacity`."""

    ACTIONS = ("window", "read", "write")
    count: Count = 1
    size: Bytes
    charge: Literal["window", "access"] = "window"
    cost: RegisterCost


class Ima(Sourced):
    count: Count
    cycle: Cycle
    crossbar: Crossbar
    cell: Cell
    dac: Dac
    sample_hold: SampleHold
    adc: Adc
    shift_add: ShiftAdd
    input_register: Register
    output_register: Register
    overheads: dict[Name, Overhead] = Field(default_factory=dict)


class Grid(Model):
    columns: Lines
    rows: Lines


class Transport(Component):
    """What moves data. `energy: actions` charges an action the energy that `actions` states; `power` spreads the
    printed power over the actions at full load, but for the share `always_on` of it, which is drawn all the time.
    """

    energy: Literal["actions", "power"] = "actions"
    always_on: Proportion = 0.0


class Edram(Transport):
    """Tile memory: one `access` moves `access_bits`; at most `bytes_per_cycle` pass in one tile cycle."""

    ACTIONS = ("access",)
    size: Bytes
    access_bits: WireBits
    bytes_per_cycle: Bytes
    cost: MemoryCost


class Bus(Transport):
    """eDRAM-to-IMA bus, charged per `bit`, or per `access` of `access_bits`, whichever `actions` names."""

    ACTIONS = ("bit", "access")
    wires: WireBits
    access_bits: WireBits | None = None
    cost: MemoryCost

    @property
    def charge(self) -> str:
        """The action that a run counts."""
        return next(iter(self.actions))


class Router(Transport):
    """One router serves `shared_by` tiles; `latency` is a flit's time through one router and its link.

    `topology` joins the routers: a `mesh` (with several tiles a router, a concentrated mesh), a `torus`, or `ideal`, a
    crossbar of full bandwidth between all tiles of a chip, which bounds what a better network can bring and costs what
    the routers cost.
    """

    ACTIONS = ("flit",)
    cost: RouterCost
    ports: Count
    flit_bits: WireBits
    flit_rate: Frequency
    latency: Latency
    shared_by: Count
    topology: Literal["mesh", "torus", "ideal"] = "mesh"


class DigitalUnit(Component):
    """`count` units in a tile, each doing `rate` operations per second."""

    count: Count
    rate: OperationRate


class Activation(DigitalUnit):
    ACTIONS = ("activate",)


class Pool(DigitalUnit):
    ACTIONS = ("compare",)


class TileShiftAdd(DigitalUnit):
    """Adds what other IMAs of the tile, and other tiles, send of a sum; without one the `alu` does."""

    ACTIONS = ("add",)


class TileRegister(Component):
    """Takes every vector that leaves an IMA, outputs and parts of sums, until it goes on: action `bit`."""

    ACTIONS = ("bit",)
    count: Count = 1
    size: Bytes
    cost: CollectorCost


class Alu(DigitalUnit):
    """Element-wise arithmetic of residual adds, normalisation and softmax."""

    ACTIONS = ("add", "multiply", "divide")


class Tile(Sourced):
    count: Count
    grid: Grid
    cycle: Cycle
    edram: Edram
    bus: Bus
    router: Router
    activation: Activation
    pool: Pool
    alu: Alu
    shift_add: TileShiftAdd | None = None
    output_register: TileRegister | None = None
    overheads: dict[Name, Overhead] = Field(default_factory=dict)


class Pipeline(Sourced):
    """Lengths of the stages around the crossbar reads: `decision`, `adc_trail` and `shift_add` in read cycles of the
    IMA, the others in tile cycles (ISAAC has one clock for both). `decision` is what the choice of activation precision
    takes between the end of a window's read and its first crossbar cycle.

    `input_registers` and `output_registers` are the windows that a copy of a layer holds before its crossbars and
    behind them. Two of each are inferred from ISAAC's 16-cycle interval (Shafiee2016, Fig. 4b), which needs a window to
    be read and another to be written while one computes; the bytes of Table I hold one window and are not the depth.
    """

    edram_read: Cycles
    decision: Cycles = 0
    adc_trail: Cycles
    shift_add: Cycles
    activation: Cycles
    edram_write: Cycles
    input_registers: Count = 2
    output_registers: Count = 2


class Links(Component):
    """Chip-to-chip links, `bandwidth` each. `always_on` charges the printed power all the time; otherwise every
    `packet` of `packet_size` costs its energy.
    """

    ACTIONS = ("packet",)
    count: Count
    bandwidth: Bandwidth
    latency: Latency
    always_on: Truth
    packet_size: Bytes | None = None


class Chip(Model):
    """`overflow` says what happens to a network larger than one chip: it spreads over several, or is refused.

    `input` says where pictures are: they come row by row over a link of the host, and results go back over it; or they
    are `on_chip` before time begins, and results stay in the tile that made them."""

    links: Links
    overflow: Literal["spread", "refuse"]
    input: Literal["links", "on_chip"] = "on_chip"
    overheads: dict[Name, Overhead] = Field(default_factory=dict)


class Mapping(Model):
    """Policies of the mapper, not figures of the machine.

    `objective` is what layouts are chosen for: the steady interval between images, or the latency of one alone.
    `timings` is how many layouts and slacks may be timed to choose among them (0: by bounds alone, which is fast and
    takes what may be twice as slow). `buffer_slack_rows` are rows of a producer's map that a buffer holds beyond what
    it must; `auto` takes the fewest that reach the best of the objective within 1 %. What exceeds the eDRAM of the
    tiles it is read by stands in tiles around (`buffer_overflow: spread`; of slack that is chosen, the first row),
    which costs the way there; buffers hold `less` slack there; or the network is refused.
    """

    replication: Literal["balanced", "isaac", "none"] = "balanced"
    placement: Literal["interleaved", "banded", "snake"] = "interleaved"
    objective: Literal["interval", "latency"] = "interval"
    timings: Timings = "auto"
    buffer_slack_rows: SlackRows = "auto"
    buffer_overflow: Literal["spread", "less", "refuse"] = "spread"
    notes: Text | None = None


class Reference(Model):
    """A work the file's sources cite."""

    title: Text
    authors: Text
    venue: Text
    year: Year | None = None
    doi: Text | None = None
    url: Text | None = None


class HardwareFile(Model):
    """Everything in a hardware file, after `extends`."""

    name: Name
    description: Text
    bibliography: dict[Name, Reference]
    technology: Technology
    precision: Precision
    ima: Ima
    tile: Tile
    pipeline: Pipeline
    chip: Chip
    device: Device | None = None
    activation_precision: ActivationPrecision | None = None
    weight_levels: WeightLevels | None = None
    training: Training | None = None
    mapping: Mapping = Mapping()

    @property
    def decided_from_inputs(self) -> tuple[str, ...]:
        """What the chip decides by looking at its inputs, in words."""
        parts = (
            ("activation precision", self.activation_precision),
            ("the length of conversions", self.ima.adc.sparsity),
            ("row activation", self.ima.crossbar.row_activation),
        )
        return tuple(what for what, block in parts if block is not None and block.needs_inputs)
