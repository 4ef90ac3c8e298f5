"""Building blocks in vectors of 8 x 64 bits, as Numba intrinsics.

LLVM picks vectors of half that width for popcounts when left alone, and does not find the bit transposition at all. The
code is plain LLVM: processors with AVX-512 run it as written, others in pieces.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8
I16, I32, I64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)
VECTOR = ir.VectorType(I64, LANES)
Value = Any

SATURATE, LINE, TABLE = 0, 1, 2
"""What a conversion adds for a column sum S: SATURATE what S exceeds the highest sum by, negated; LINE a step times the
code clip((S * factor + addend) >> shift, first, last); TABLE the entry S of a table."""


def _splat(builder: Any, value: Value) -> Value:
    one = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), value, ir.Constant(I32, 0))
    return builder.shuffle_vector(
        one, ir.Constant(VECTOR, ir.Undefined), ir.Constant(ir.VectorType(I32, LANES), [0] * LANES)
    )


def _constant(value: int) -> Value:
    return ir.Constant(VECTOR, [value] * LANES)


def _whole(value: int) -> Value:
    return ir.Constant(I64, value)


def _load(builder: Any, address: Value, kind: Any = VECTOR) -> Value:
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=2 if kind is not VECTOR else 8)


def _store(builder: Any, value: Value, address: Value) -> None:
    builder.store(value, builder.inttoptr(address, VECTOR.as_pointer()), align=8)


def _at(builder: Any, base: Value, step: Value, index: Value) -> Value:
    return builder.add(base, builder.mul(step, index))


def _popcount(builder: Any, value: Value) -> Value:
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(VECTOR, [VECTOR]), "llvm.ctpop.v8i64")
    return builder.call(function, [value])


def _transpose(builder: Any, rows: list[Value], unit: int) -> list[Value]:
    """8 x 8 blocks of bits (unit 1) or bytes (unit 8), one row a register: row i takes item i of every row.

    The recursive exchange of halves of Warren, Hacker's Delight, Sec. 7-3.
    """
    rows = list(rows)
    for distance in (1, 2, 4):
        shift = distance * unit
        mask = sum(((1 << shift) - 1) << place for place in range(0, 64, 2 * shift))
        mask = mask - (1 << 64) if mask >> 63 else mask
        for index in range(8):
            if index & distance:
                continue
            low, high = rows[index], rows[index + distance]
            moved = builder.and_(
                builder.xor(builder.lshr(low, _constant(shift)), high),
                _constant(mask),
            )
            rows[index + distance] = builder.xor(high, moved)
            rows[index] = builder.xor(low, builder.shl(moved, _constant(shift)))
    return rows


@intrinsic
def transpose_tile(_: Any, source: Any, scratch: Any, target: Any, stride: Any) -> Any:
    """64 rows of 64 bytes to 8 planes of 64 words.

    `source` is the address of uint8 [64, 64], `scratch` of 4 KiB. Bit i of word 8 j + g of plane b is bit b of the byte
    in row i, column 8 g + j. Plane b is written to `target` + b * `stride` (addresses and bytes).
    """
    signature = types.void(types.uint64, types.uint64, types.uint64, types.uint64)

    def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        start, held, planes, step = arguments
        with cgutils.for_range(builder, _whole(8), intp=I64) as octets:
            rows = _at(builder, start, _whole(512), octets.index)
            block = [_load(builder, builder.add(rows, _whole(64 * row))) for row in range(8)]
            place = _at(builder, held, _whole(64), octets.index)
            for bit, value in enumerate(_transpose(builder, block, 1)):
                _store(builder, value, builder.add(place, _whole(512 * bit)))
        with cgutils.for_range(builder, _whole(8), intp=I64) as bits:
            octet = _at(builder, held, _whole(512), bits.index)
            block = [_load(builder, builder.add(octet, _whole(64 * part))) for part in range(8)]
            place = _at(builder, planes, step, bits.index)
            for part, value in enumerate(_transpose(builder, block, 8)):
                _store(builder, value, builder.add(place, _whole(64 * part)))
        return context.get_dummy_value()

    return signature, generate


def _nested(builder: Any, count: Value | int, body: Callable[[Any], None]) -> None:
    """A loop over 0 .. count: unrolled for a Python number, else in code."""
    if isinstance(count, int):
        for index in range(count):
            body(_whole(index))
        return
    with cgutils.for_range(builder, count, intp=I64) as loop:
        body(loop.index)


def _sum_plane(builder: Any, lines: Value, inputs: Value, digit: Value, shape: tuple[Any, Any, Any]) -> Value:
    """Column sums of 8 lines for one digit: sum over cell bits c, digit bits d of 2**(c + d) * popcount(x & w)."""
    cell_bits, words, dac_bits = shape
    total = _accumulator(builder, _constant(0))

    def number(value: Any) -> Value:
        return _whole(value) if isinstance(value, int) else value

    def digit_bit(d: Value) -> None:
        plane = builder.mul(builder.add(builder.mul(digit, number(dac_bits)), d), number(words))

        def cell_bit(c: Value) -> None:
            found = _accumulator(builder, _constant(0))

            def word(k: Value) -> None:
                address = _at(builder, inputs, _whole(512), builder.add(plane, k))
                line = _at(builder, lines, _whole(64), builder.add(builder.mul(c, number(words)), k))
                met = builder.and_(_splat(builder, _load(builder, address, I64)), _load(builder, line))
                _add_to(builder, found, _popcount(builder, met))

            _nested(builder, words, word)
            shifted = builder.shl(builder.load(found), _splat(builder, builder.add(c, d)))
            _add_to(builder, total, shifted)

        _nested(builder, cell_bits, cell_bit)

    _nested(builder, dac_bits, digit_bit)
    return builder.load(total)


def _digits_to_do(builder: Any, active: Value, threshold: Value, allowed: Value) -> Value:
    """Bit mask of the digits (of 16) with more than `threshold` active rows, as i16."""
    kind = ir.VectorType(I16, 16)
    counts = _load(builder, active, kind)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), threshold, ir.Constant(I32, 0))
    level = builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(I32, 16), [0] * 16))
    return builder.and_(builder.bitcast(builder.icmp_signed(">", counts, level), I16), builder.trunc(allowed, I16))


def _each_bit(builder: Any, mask: Value, body: Callable[[Value], None]) -> None:
    """Run `body` for the index of each set bit of an i16 mask, lowest first."""
    rest = cgutils.alloca_once(builder, I16)
    builder.store(mask, rest)
    test, inside, after = (builder.append_basic_block(name) for name in ("bits.test", "bits.body", "bits.end"))
    builder.branch(test)
    builder.position_at_end(test)
    now = builder.load(rest)
    builder.cbranch(builder.icmp_unsigned("!=", now, ir.Constant(I16, 0)), inside, after)
    builder.position_at_end(inside)
    index = builder.zext(builder.cttz(now, ir.Constant(ir.IntType(1), 1)), I64)
    builder.store(builder.and_(now, builder.sub(now, ir.Constant(I16, 1))), rest)
    body(index)
    builder.branch(test)
    builder.position_at_end(after)


def _lookup(builder: Any, table: Value, sums: Value) -> Value:
    found = ir.Constant(VECTOR, ir.Undefined)
    for lane in range(LANES):
        place = ir.Constant(I32, lane)
        value = _load(builder, _at(builder, table, _whole(8), builder.extract_element(sums, place)), I64)
        found = builder.insert_element(found, value, place)
    return found


def _make(shape: tuple[int, int, int] | None, mode: int) -> Any:
    """An intrinsic that converts the sums of 8 lines for one window; see `loops.convert_plain` for its arguments
    (arrays come as addresses)."""

    @intrinsic
    def convert(
        _: Any, sums: Any, counts: Any, lines: Any, signs: Any, valid: Any, columns: Any, thresholds: Any,
        inputs: Any, active: Any, slices: Any, cell_bits: Any, words: Any, dac_bits: Any, allowed: Any, negative: Any,
        lowest: Any, highest: Any, line: Any, table: Any,
    ) -> Any:  # fmt: skip
        signature = types.int64(*[types.uint64] * 9, *[types.int64] * 8, types.uint64, types.uint64)

        def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
            return _convert(builder, arguments, shape, mode)

        return signature, generate

    return convert


def _value(builder: Any, sums: Value, mode: int, numbers: dict[str, Value], table: Value) -> Value:
    """What a conversion adds for column sums; see `SATURATE`, `LINE` and `TABLE`."""
    if mode == SATURATE:
        over = builder.icmp_signed(">", sums, numbers["highest"])
        return builder.select(over, builder.sub(numbers["highest"], sums), _constant(0))
    if mode == TABLE:
        return _lookup(builder, table, sums)
    # factors below 2**32, as the mask shows: one multiplication of halves instead of a 64-bit one
    scaled = builder.mul(builder.and_(sums, _constant(0xFFFFFFFF)), numbers["factor"])
    code = builder.ashr(builder.add(scaled, numbers["addend"]), numbers["shift"])
    code = builder.select(builder.icmp_signed("<", code, numbers["first"]), numbers["first"], code)
    return builder.select(builder.icmp_signed(">", code, numbers["last"]), numbers["last"], code)


def _numbers(builder: Any, lowest: Value, highest: Value, line: Value, mode: int) -> dict[str, Value]:
    """Limits, and the six numbers of a LINE, in every lane."""
    found = {"lowest": _splat(builder, lowest), "highest": _splat(builder, highest)}
    if mode == LINE:
        for place, name in enumerate(("factor", "addend", "shift", "first", "last", "step")):
            number = _load(builder, builder.add(line, _whole(8 * place)), I64)
            number = builder.and_(number, _whole(0xFFFFFFFF)) if name == "factor" else number
            found[name] = _splat(builder, number)
    return found


def _outside(builder: Any, sums: Value, mode: int, numbers: dict[str, Value]) -> Value:
    over = builder.icmp_signed(">", sums, numbers["highest"])
    if mode == SATURATE:
        return over
    return builder.or_(over, builder.icmp_signed("<", sums, numbers["lowest"]))


def _accumulator(builder: Any, zero: Value) -> Value:
    """A variable that is set to zero here, each time the code comes by."""
    held = cgutils.alloca_once(builder, zero.type)
    builder.store(zero, held)
    return held


def _add_to(builder: Any, held: Value, value: Value) -> None:
    builder.store(builder.add(builder.load(held), value), held)


def _convert(builder: Any, arguments: Any, shape: tuple[int, int, int] | None, mode: int) -> Value:
    (
        sums, counts, lines, signs, valid, columns, thresholds, inputs, active,
        slices, cell_bits, words, dac_bits, allowed, negative, lowest, highest, line, table,
    ) = arguments  # fmt: skip
    numbers = _numbers(builder, lowest, highest, line, mode)
    flip = _splat(builder, negative)
    total, clipped = _accumulator(builder, _constant(0)), _accumulator(builder, _constant(0))
    done = _accumulator(builder, _whole(0))
    with cgutils.for_range(builder, slices, intp=I64) as loop:
        part = loop.index
        here = _at(builder, lines, builder.mul(builder.mul(cell_bits, words), _whole(64)), part)
        threshold = _load(builder, _at(builder, thresholds, _whole(2), part), I16)
        mask = _digits_to_do(builder, active, threshold, allowed)
        real = _load(builder, _at(builder, valid, _whole(64), part))
        found = _accumulator(builder, _constant(0))

        def digit(index: Value) -> None:
            met = _sum_plane(builder, here, inputs, index, shape or (cell_bits, words, dac_bits))
            value = _value(builder, met, mode, numbers, table)
            # lines that stand for no column sum to zero: below the lowest sum, perhaps, but never above the highest
            one = _constant(1) if mode == SATURATE else real
            _add_to(builder, clipped, builder.select(_outside(builder, met, mode, numbers), one, _constant(0)))
            _add_to(builder, found, builder.shl(value, _splat(builder, builder.mul(index, dac_bits))))

        _each_bit(builder, mask, digit)
        sum_ = builder.load(found)
        sum_ = builder.mul(sum_, numbers["step"]) if mode == LINE else sum_
        sign = builder.xor(_load(builder, _at(builder, signs, _whole(64), part)), flip)
        signed = builder.sub(builder.xor(sum_, sign), sign)
        _add_to(builder, total, builder.shl(signed, _splat(builder, builder.mul(part, cell_bits))))
        held = _load(builder, _at(builder, columns, _whole(8), part), I64)
        _add_to(builder, done, builder.mul(builder.zext(builder.ctpop(mask), I64), held))
    _store(builder, builder.add(_load(builder, sums), builder.load(total)), sums)
    _store(builder, builder.add(_load(builder, counts), builder.load(clipped)), counts)
    return builder.load(done)


ISAAC = (2, 2, 1)
"""Cell bits, words (of 64 rows) and DAC bits of ISAAC's arrays, unrolled."""

saturate_general, saturate_isaac = _make(None, SATURATE), _make(ISAAC, SATURATE)
line_general, line_isaac = _make(None, LINE), _make(ISAAC, LINE)
table_general = _make(None, TABLE)
