"""Short vectors as values inside compiled loops: 16 or 32 lanes, one column of a crossbar in each.

LLVM lowers them to whatever the processor has (one AVX-512 register, two of AVX2, four of NEON); no operation is
contracted or reordered, so all processors give the same bits. Operators work lane by lane on vectors of one type.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 16


class Vector(types.Type):
    """`lanes` elements of the LLVM type `element`; `kind` is f (real), i (signed) or u (unsigned)."""

    def __init__(self, kind: str, bits: int, lanes: int, element: Any) -> None:
        self.kind, self.lanes, self.element = kind, lanes, element
        self.llvm = ir.VectorType(element, lanes)
        self.bytes = bits // 8
        super().__init__(name=f"Vector({kind}{bits}x{lanes})")


F32 = Vector("f", 32, LANES, ir.FloatType())
F64 = Vector("f", 64, LANES, ir.DoubleType())
I32 = Vector("i", 32, LANES, ir.IntType(32))
U64 = Vector("u", 64, LANES, ir.IntType(64))
U16 = Vector("u", 16, 2 * LANES, ir.IntType(16))


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, kind.llvm)


def _operation(generator: Callable[..., Any]) -> Any:
    """An intrinsic; callers leave out its first argument, the typing context."""
    return intrinsic(generator)


def _operator(function: Callable[..., Any], real: str | None, signed: str, unsigned: str) -> None:
    """Teach Numba `function` on two vectors of one type, as the LLVM instructions named."""

    @infer_global(function)
    class _Typing(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            fits = len(args) == 2 and not kws and isinstance(args[0], Vector) and args[0] == args[1]
            return signature(args[0], *args) if fits and (real or args[0].kind != "f") else None

    @lower_builtin(function, Vector, Vector)
    def _lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context
        name = {"f": real, "i": signed, "u": unsigned}[sig.return_type.kind]
        return getattr(builder, str(name))(*args)


for _function, _names in {
    operator.add: ("fadd", "add", "add"),
    operator.sub: ("fsub", "sub", "sub"),
    operator.mul: ("fmul", "mul", "mul"),
    operator.and_: (None, "and_", "and_"),
    operator.or_: (None, "or_", "or_"),
    operator.xor: (None, "xor", "xor"),
    operator.rshift: (None, "ashr", "lshr"),
    operator.lshift: (None, "shl", "shl"),
}.items():
    _operator(_function, *_names)


def _spread(builder: Any, value: Any, kind: Vector) -> Any:
    lane = builder.insert_element(ir.Constant(kind.llvm, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), kind.lanes), None)
    return builder.shuffle_vector(lane, ir.Constant(kind.llvm, ir.Undefined), zeros)


def _splat(kind: Vector, scalar: Any) -> Any:
    @_operation
    def splat(typing: Any, value: Any) -> Any:
        del typing, value

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            del context, sig
            return _spread(builder, args[0], kind)

        return kind(scalar), generate

    return splat


splat_f32 = _splat(F32, types.float32)
splat_f64 = _splat(F64, types.float64)
splat_i32 = _splat(I32, types.int32)
splat_u64 = _splat(U64, types.uint64)
splat_u16 = _splat(U16, types.uint16)


def _address(context: Any, builder: Any, array: Any, data: Any, index: Any, kind: Any) -> Any:
    """Pointer of type `kind` to element `index` of a one-dimensional contiguous array; nothing is checked."""
    base = context.make_array(array)(context, builder, data).data
    return builder.bitcast(builder.gep(base, [index]), kind.as_pointer())


def _load(kind: Vector) -> Any:
    @_operation
    def load(typing: Any, array: Any, index: Any) -> Any:
        del typing, index

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            pointer = _address(context, builder, sig.args[0], args[0], args[1], kind.llvm)
            return builder.load(pointer, align=kind.bytes)

        return kind(array, types.intp), generate

    return load


def _store(kind: Vector) -> Any:
    @_operation
    def store(typing: Any, array: Any, index: Any, value: Any) -> Any:
        del typing, index

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            pointer = _address(context, builder, sig.args[0], args[0], args[1], kind.llvm)
            builder.store(args[2], pointer, align=kind.bytes)
            return context.get_dummy_value()

        return types.void(array, types.intp, value), generate

    return store


load_f32, load_f64, load_u16 = _load(F32), _load(F64), _load(U16)
store_f32, store_f64, store_u16 = _store(F32), _store(F64), _store(U16)


@_operation
def byte_at(typing: Any, array: Any, index: Any) -> Any:
    """Element `index` of a contiguous uint8 array as an integer, unchecked."""
    del typing, index

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _address(context, builder, sig.args[0], args[0], args[1], ir.IntType(8))
        return builder.zext(builder.load(pointer), ir.IntType(64))

    return types.intp(array, types.intp), generate


def _convert(source: Vector, target: Vector, instruction: str) -> Any:
    @_operation
    def convert(typing: Any, value: Any) -> Any:
        del typing, value

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            del context, sig
            return getattr(builder, instruction)(args[0], target.llvm)

        return target(source), generate

    return convert


real_of = _convert(I32, F32, "sitofp")
double_of = _convert(F32, F64, "fpext")
double_of_whole = _convert(I32, F64, "sitofp")
low_half = _convert(U64, I32, "trunc")
bits_of = _convert(F32, I32, "bitcast")
real_from_bits = _convert(I32, F32, "bitcast")


def _library(name: str, kind: Vector) -> Any:
    """A unary LLVM operation that is exact by IEEE 754 (square root, floor)."""

    @_operation
    def function(typing: Any, value: Any) -> Any:
        del typing, value

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            del context, sig
            form = ir.FunctionType(kind.llvm, [kind.llvm])
            called = f"llvm.{name}.v{kind.lanes}f{8 * kind.bytes}"
            return builder.call(cgutils.get_or_insert_function(builder.module, form, called), args)

        return kind(kind), generate

    return function


square_root, round_down = _library("sqrt", F32), _library("floor", F64)


@_operation
def clamp(typing: Any, value: Any, low: Any, high: Any) -> Any:
    """min(max(value, low), high) of F64."""
    del typing, value, low, high

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        found, low, high = args
        found = builder.select(builder.fcmp_ordered(">", found, low), found, low)
        return builder.select(builder.fcmp_ordered("<", found, high), found, high)

    return F64(F64, F64, F64), generate


@_operation
def at_most(typing: Any, value: Any, high: Any) -> Any:
    """min(value, high) of U16."""
    del typing, value, high

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        return builder.select(builder.icmp_unsigned("<", args[0], args[1]), args[0], args[1])

    return U16(U16, U16), generate


@_operation
def where_negative(typing: Any, sign: Any, chosen: Any, other: Any) -> Any:
    """Lanes of `chosen` where the I32 `sign` is negative, of `other` elsewhere (F32)."""
    del typing, sign, chosen, other

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        negative = builder.icmp_signed("<", args[0], ir.Constant(I32.llvm, None))
        return builder.select(negative, args[1], args[2])

    return F32(I32, F32, F32), generate


@_operation
def counting(typing: Any, first: Any) -> Any:
    """first, first + 1, ... as U64."""
    del typing, first

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        return builder.add(_spread(builder, args[0], U64), ir.Constant(U64.llvm, list(range(LANES))))

    return U64(types.uint64), generate


def _half(upper: bool) -> Any:
    @_operation
    def half(typing: Any, value: Any) -> Any:
        del typing, value

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            del context, sig
            first = LANES if upper else 0
            places = ir.Constant(ir.VectorType(ir.IntType(32), LANES), list(range(first, first + LANES)))
            part = builder.shuffle_vector(args[0], ir.Constant(U16.llvm, ir.Undefined), places)
            return builder.zext(part, I32.llvm)

        return I32(U16), generate

    return half


lower_lanes, upper_lanes = _half(upper=False), _half(upper=True)
