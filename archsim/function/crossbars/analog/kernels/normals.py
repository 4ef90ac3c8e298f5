"""Counter-based standard normal numbers: number n of a stream depends on nothing but the stream's key and n.

Counter c gives 64 bits, the finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) applied to key + c *
0x9E37...15, and these give two normals by the method of Box and Muller (1958). The upper half is the radius (31 bits:
up to 6.6 standard deviations), the lower half the angle: 30 bits within an eighth of the circle to both sides, one to
swap sine and cosine, one for a sign. Logarithm, sine and cosine are polynomials (Cephes: logf, sinf, cosf) in IEEE
arithmetic without contraction, so every processor draws the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from archsim.compiling import kernel
from archsim.function.crossbars.analog.kernels.vectors import (
    bits_of,
    counting,
    low_half,
    real_from_bits,
    real_of,
    splat_f32,
    splat_i32,
    splat_u64,
    square_root,
    store_f32,
    where_negative,
)

Array = NDArray[Any]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
SECOND_FACTOR = np.uint64(0x94D049BB133111EB)
ROOT_HALF = np.int32(0x3F3504F3)
MANTISSA = np.int32(0x007FFFFF)
SIGN = np.int32(-(2**31))
ANGLE = np.int32(2**30 - 1)
HALF_ANGLE = np.int32(2**29)
LOGARITHM = tuple(
    np.float32(c)
    for c in (
        7.0376836292e-2,
        -1.1514610310e-1,
        1.1676998740e-1,
        -1.2420140846e-1,
        1.4249322787e-1,
        -1.6668057665e-1,
        2.0000714765e-1,
        -2.4999993993e-1,
        3.3333331174e-1,
    )
)
SINE = tuple(np.float32(c) for c in (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1))
COSINE = tuple(np.float32(c) for c in (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2))
RADIUS_UNIT = np.float32(2.0**-31)
ANGLE_UNIT = np.float32(np.pi / 2**31)
LN2 = np.float32(np.log(2.0))
HALF, ONE, MINUS_TWO = np.float32(0.5), np.float32(1.0), np.float32(-2.0)
EXPONENT, ONE_BIT, WORD = np.int32(23), np.int32(1), np.uint64(32)
SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))


@njit(inline="always")
def normal_pairs(key: Any, counter: Any) -> Any:
    """Two F32 of standard normals for the counters counter .. counter + 15 (uint64)."""
    z = splat_u64(key) + counting(counter) * splat_u64(GOLDEN)
    z = (z ^ (z >> splat_u64(SHIFTS[0]))) * splat_u64(FIRST_FACTOR)
    z = (z ^ (z >> splat_u64(SHIFTS[1]))) * splat_u64(SECOND_FACTOR)
    z = z ^ (z >> splat_u64(SHIFTS[2]))
    upper, lower = low_half(z >> splat_u64(WORD)), low_half(z)

    positive = (upper >> splat_i32(ONE_BIT)) & splat_i32(np.int32(2**31 - 1))
    uniform = (real_of(positive) + splat_f32(HALF)) * splat_f32(RADIUS_UNIT)
    shifted = bits_of(uniform) - splat_i32(ROOT_HALF)
    exponent = real_of(shifted >> splat_i32(EXPONENT))
    x = real_from_bits((shifted & splat_i32(MANTISSA)) + splat_i32(ROOT_HALF)) - splat_f32(ONE)
    p = splat_f32(LOGARITHM[0])
    for coefficient in LOGARITHM[1:]:
        p = p * x + splat_f32(coefficient)
    square = x * x
    logarithm = exponent * splat_f32(LN2) + (x + (x * square * p - splat_f32(HALF) * square))
    # the polynomial may leave a tiny positive value at uniform = 1
    radius = square_root(
        where_negative(bits_of(logarithm), logarithm, splat_f32(np.float32(0.0))) * splat_f32(MINUS_TWO)
    )

    angle = real_of((lower & splat_i32(ANGLE)) - splat_i32(HALF_ANGLE)) * splat_f32(ANGLE_UNIT)
    square = angle * angle
    s = ((splat_f32(SINE[0]) * square + splat_f32(SINE[1])) * square + splat_f32(SINE[2])) * square * angle + angle
    c = (splat_f32(COSINE[0]) * square + splat_f32(COSINE[1])) * square + splat_f32(COSINE[2])
    c = c * square * square - splat_f32(HALF) * square + splat_f32(ONE)
    c = real_from_bits(bits_of(c) ^ (lower & splat_i32(SIGN)))
    swap = lower << splat_i32(ONE_BIT)
    return radius * where_negative(swap, s, c), radius * where_negative(swap, c, s)


@kernel(nogil=True)
def fill_normals(key: np.uint64, first: np.uint64, out: Array) -> None:
    """out float32 [blocks * 32]: for each block of 16 counters from `first` on, their first and second normals."""
    for block in range(out.size // 32):
        one, two = normal_pairs(key, first + np.uint64(16 * block))
        store_f32(out, 32 * block, one)
        store_f32(out, 32 * block + 16, two)
