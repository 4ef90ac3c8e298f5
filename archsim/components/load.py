"""Full load: how often every circuit acts per second when the machine does all it can.

Arrays are read in every read cycle and converters take all of their columns; inputs and outputs go with the windows
that makes. Memory, bus and routers move what their ports let through, digital units do one operation a clock. Unit
columns (ISAAC converts a 129th) are not counted. A read cycle is `ima.cycle`, or longer where converters take longer
for their columns: the columns wait in the sample-and-holds (Shafiee2016, Sec. V), or for their turn at the converter,
and no row is driven meanwhile. So everything but the converters acts less often, and no action takes more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import ceil
from types import MappingProxyType

from archsim.config.capacity import array_outputs
from archsim.config.model import HardwareFile

PICOSECONDS = 10**12


def picoseconds(seconds: float) -> int:
    """Nearest whole number of picoseconds."""
    return round(Fraction(seconds) * PICOSECONDS)


def columns_per_adc(hardware: HardwareFile) -> int:
    """Columns that the busiest converter of an IMA serves."""
    crossbar = hardware.ima.crossbar
    return ceil(crossbar.count * crossbar.columns / hardware.ima.adc.count)


def read_cycle_ps(hardware: HardwareFile) -> int:
    """Time between two input digits: one array read, or longer where converters need it for their columns."""
    conversion = ceil(columns_per_adc(hardware) * PICOSECONDS / Fraction(hardware.ima.adc.rate))
    return max(picoseconds(hardware.ima.cycle), conversion)


def read_cycle(hardware: HardwareFile) -> float:
    """The same in seconds."""
    return max(hardware.ima.cycle, read_cycle_ps(hardware) / PICOSECONDS)


def duty(hardware: HardwareFile) -> float:
    """Share of the read cycle in which rows are driven: 1 unless converters stretch it."""
    return hardware.ima.cycle / read_cycle(hardware)


def digits(hardware: HardwareFile, bits: int) -> int:
    """Read cycles in which an input of the file's width enters, so many bits at a time."""
    return ceil(hardware.precision.input_bits / bits)


def dac_count(hardware: HardwareFile) -> int:
    """Row drivers of an IMA: as stated, else one for each row of each array."""
    ima = hardware.ima
    return ima.dac.count or ima.crossbar.count * ima.crossbar.rows


def sample_hold_count(hardware: HardwareFile) -> int:
    """Sample-and-hold circuits of an IMA: as stated, else one for each column of each array."""
    ima = hardware.ima
    return ima.sample_hold.count or ima.crossbar.count * ima.crossbar.columns


def rows_at_once(hardware: HardwareFile) -> int:
    """Rows of an array that are open in one read."""
    crossbar = hardware.ima.crossbar
    return crossbar.rows if crossbar.row_activation is None else crossbar.row_activation.rows_at_once


def open_share(hardware: HardwareFile) -> float:
    """Share of an array's rows that one read opens, mean over the reads of a digit."""
    return 1 / ceil(hardware.ima.crossbar.rows / rows_at_once(hardware))


def conversions(hardware: HardwareFile) -> float:
    """Conversions of an IMA per second: every column in every read cycle."""
    crossbar = hardware.ima.crossbar
    return crossbar.count * crossbar.columns / read_cycle(hardware)


def windows(hardware: HardwareFile) -> float:
    """Windows an IMA's arrays finish per second, summed over arrays, when every read cycle is used."""
    interval = digits(hardware, hardware.ima.dac.bits) * read_cycle(hardware)
    return hardware.ima.crossbar.count / interval * open_share(hardware)


def memory_bits(hardware: HardwareFile) -> float:
    """Bits per second between a tile's memory and its bus."""
    return 8 * hardware.tile.edram.bytes_per_cycle / hardware.tile.cycle


def collected_bits(hardware: HardwareFile) -> float:
    """Bits per second that enter the tile's output register: the outputs of every array and window (ISAAC-CE: 96 arrays
    of 16 values of 16 bits in 1.6 us)."""
    return hardware.ima.count * windows(hardware) * array_outputs(hardware) * hardware.precision.input_bits


def _bus_accesses(hardware: HardwareFile) -> float:
    bits = hardware.tile.bus.access_bits
    assert bits is not None
    return memory_bits(hardware) / bits


def _tile_shift_adds(hardware: HardwareFile) -> float:
    unit = hardware.tile.shift_add
    assert unit is not None
    return unit.count * unit.rate


FULL_LOAD: Mapping[tuple[str, str], Callable[[HardwareFile], float]] = MappingProxyType(
    {
        ("crossbar", "read"): lambda hw: hw.ima.crossbar.count * open_share(hw) / read_cycle(hw),
        ("dac", "drive"): lambda hw: dac_count(hw) * open_share(hw) / read_cycle(hw),
        ("sample_hold", "sample"): lambda hw: sample_hold_count(hw) / read_cycle(hw),
        ("adc", "convert"): conversions,
        ("shift_add", "add"): conversions,
        ("input_register", "window"): windows,
        ("output_register", "window"): windows,
        ("edram", "access"): lambda hw: memory_bits(hw) / hw.tile.edram.access_bits,
        ("bus", "bit"): memory_bits,
        ("bus", "access"): _bus_accesses,
        ("router", "flit"): lambda hw: hw.tile.router.ports * hw.tile.router.flit_rate,
        ("activation", "activate"): lambda hw: hw.tile.activation.count * hw.tile.activation.rate,
        ("pool", "compare"): lambda hw: hw.tile.pool.count * hw.tile.pool.rate,
        ("tile_shift_add", "add"): _tile_shift_adds,
        ("tile_output_register", "bit"): collected_bits,
    }
)
"""Actions per second at full load, summed over all instances in one IMA (one tile, for what is in the tile; one
router)."""
