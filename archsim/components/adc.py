"""Converters: the resolution a column needs, and how cost goes with resolution."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Law:
    """Relative energy of a conversion and relative area of a converter as functions of its bits; only ratios count."""

    energy: Callable[[int], float]
    area: Callable[[int], float]


SCALING: Mapping[str, Law] = MappingProxyType(
    {
        "sar": Law(
            energy=lambda bits: 0.195429 * bits + 0.000414 * 2.0**bits,
            area=lambda bits: 81.726934 * bits + 2.133534 * 2.0**bits,
        ),
        "exponential": Law(energy=lambda bits: 2.0**bits, area=lambda bits: 2.0**bits),
        "linear": Law(energy=lambda bits: float(bits), area=lambda _: 1.0),
        "none": Law(energy=lambda _: 1.0, area=lambda _: 1.0),
    }
)
"""Scaling laws by name.

`sar`: pJ and um2 at 32 nm, fitted over 4 to 10 bits to the table that hwcomponents-library (isaac.py) derives from
Saberi et al., IEEE TCAS-I 2011, for the 8-bit converter of ISAAC; largest error 0.002 pJ and 0.005 um2.
`exponential`: energy and area double with each bit (hwcomponents-library's ADC class).
`linear`: energy goes with the bits, area stays (PUMA's simulator, include/constants.py).
`none`: the printed cost at every resolution.

Outside 4 to 10 bits `sar` is an extrapolation, for wide converters (`FITTED`) as for short searches.
"""

FITTED: Mapping[str, tuple[int, int]] = MappingProxyType({"sar": (4, 10)})
"""Resolutions a law was fitted over, where it was fitted."""


def short_conversion(bits: int) -> str:
    """Name of the action of a conversion that makes only the last `bits` decisions."""
    return f"convert_{bits}"


def largest_sum(rows: int, input_bits: int, cell_bits: int) -> int:
    """Largest sum of a column of `rows` cells that are read together, rows * (2^v - 1) * (2^w - 1): v = `input_bits`
    enter a row in one cycle, a cell holds w = `cell_bits`."""
    return int(rows * (2**input_bits - 1) * (2**cell_bits - 1))


def bits_required(rows: int, input_bits: int, cell_bits: int) -> int:
    """ADC bits that hold the largest sum of a column (`largest_sum`).

    For a power of two of rows this is ISAAC's eqs. (1) and (2): log2(R) + v + w, less one when v or w is 1. ISAAC's
    array (128, 1, 2) needs 9.
    """
    return largest_sum(rows, input_bits, cell_bits).bit_length()


def bits_required_flip(rows: int, input_bits: int, cell_bits: int) -> int:
    """The same when every column whose sum could set the top bit stores the complement of its weights: one bit less.

    The complement w -> 2^w - 1 - w turns a column sum S into rows * (2^w - 1) - S (for all inputs at their largest),
    which is below half the range whenever S is above it (ISAAC, Sec. V).
    """
    return max(1, bits_required(rows, input_bits, cell_bits) - 1)
