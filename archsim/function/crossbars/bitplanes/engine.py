"""The bit-plane engine: exact for every converter on whole-numbered cells, at a small multiple of a matrix product's
time.

A converter that only saturates is exact up to its highest code E. Of the product that a machine computes,

    output = x @ w - sum over (crossbar, digit, slice, column) of place value * max(0, column sum - E),

the first term is the integer engine's, and in the second most entries are proven zero: with A rows active, no column
sum exceeds the sum of the column's A largest cells. What remains is counted by AND and popcount on packed bits. Every
other converter (rounding, nonlinear) replaces each sum by an entry of a table: then all digits with an active row are
counted.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import groupby
from math import ceil, floor, isinf, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError
from archsim.function.crossbars.arrays import programmed
from archsim.function.crossbars.bitplanes.kernels import loops
from archsim.function.crossbars.bitplanes.kernels.vectors import LINE, SATURATE, TABLE
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.converter import FRACTION_BITS, Converter
from archsim.function.crossbars.encodings import Drive, Encoded, RowGroup, effective_weights
from archsim.function.crossbars.engines import Engine
from archsim.function.crossbars.integer import Multiply, prepare_integer
from archsim.function.crossbars.meter import Meter
from archsim.function.crossbars.noise import Planes, ReadProduct
from archsim.function.quantization.network import MatrixLayer

Array = NDArray[Any]
Whole = NDArray[np.int64]

NO_LIMIT = 1 << 40
"""Beyond any column sum."""

MOST_ROWS = 2**15 - 1
"""Rows of an array that active rows are counted for, in 16 bits."""

VECTORS = sys.byteorder == "little"
"""Whether to run vector code, which takes masks of bits for little-endian numbers. It beats the plain loops on every
such processor: 14 times with AVX-512, 5 times with AVX2, 1.7 times with SSE2 alone."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rule:
    """What conversions add for a column sum (see `kernels.vectors`): `mode`, with `line` int64 [6] and `table` int64.

    `exact` is the largest sum up to which nothing is added; `constant` is what every conversion yields before. Sums
    below `lowest` or above `highest` count as clipped."""

    mode: int
    exact: int
    lowest: int
    highest: int
    line: Whole
    table: Whole
    constant: int

    @property
    def saturating(self) -> bool:
        """Whether conversions correct the exact product (else they replace it)."""
        return self.mode == SATURATE


def rule_for(converter: Converter, largest: int) -> Rule:
    """The rule for column sums 0 .. largest."""
    none = np.zeros(6, np.int64)
    if converter.saturates_only(largest):
        exact = converter.exact_up_to(largest)
        return Rule(mode=SATURATE, exact=exact, lowest=0, highest=exact, line=none, table=none, constant=0)
    values = converter.table(largest)
    table = values - values[0]
    line = line_through(converter, table)
    lowest = 0 if isinf(converter.lowest) else ceil(converter.lowest)
    same = int((table != 0).argmax()) - 1 if table.any() else largest
    return Rule(
        mode=TABLE if line is None else LINE,
        # where a sum of 0 is out of range, every conversion is looked at, so that it is counted
        exact=-1 if lowest > 0 else same,
        lowest=lowest,
        highest=NO_LIMIT if isinf(converter.highest) else floor(converter.highest),
        line=none if line is None else line,
        table=table,
        constant=int(values[0]),
    )


def line_through(converter: Converter, table: Whole) -> Whole | None:
    """Factor, addend, shift, first code, last code and step of a LINE that gives a table [largest + 1] exactly, None
    where there is none: thresholds or values that are not at equal distances."""
    thresholds, values = converter.thresholds, converter.values
    if thresholds is None or values is None or len(thresholds) < 2:
        return None
    gap = (thresholds[-1] - thresholds[0]) / (len(thresholds) - 1)
    step = round((values[1] - values[0]) * 2**FRACTION_BITS)
    if gap <= 0 or step == 0:
        return None
    shift = min(30, 31 + floor(log2(gap)))
    start = int(np.searchsorted(thresholds, 0, side="right"))
    if shift < 1 or abs(thresholds[0]) / gap > 2.0**30:
        return None
    factor, addend = ceil(2**shift / gap), ceil((1 - thresholds[0] / gap) * 2**shift)
    line = np.array([factor, addend - (start << shift), shift, -start, len(thresholds) - start, step], np.int64)
    codes = np.clip((np.arange(len(table)) * line[0] + line[1]) >> line[2], line[3], line[4])
    return line if (codes * step == table).all() else None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Packed:
    """A row group ready for conversion; see `kernels.loops.convert_group`."""

    group: RowGroup
    lines: Array
    signs: Whole
    valid: Whole
    thresholds: NDArray[np.int16]
    unit: Whole
    reach: Whole
    used: int
    place: int

    @property
    def proven(self) -> bool:
        """Whether no inputs can make a column sum inexact."""
        return bool((self.thresholds >= self.group.stop - self.group.start).all())


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Product:
    """Exact integer product of the unrolled inputs start .. stop, in `groups` equal parts, that adds to the outputs
    first .. last."""

    groups: int
    start: int
    stop: int
    first: int
    last: int
    multiply: Multiply


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Plan:
    """One layer on one machine: outputs are `products` + converted `groups` + `constant` [outputs], all of it in units
    of 2**-`fraction` levels. `inputs` are sums of inputs formed digitally: groups and their multiples [outputs].
    `vectors` chooses between equal kernels."""

    layer: MatrixLayer
    drive: Drive
    rule: Rule
    groups: tuple[Packed, ...]
    products: tuple[Product, ...]
    inputs: tuple[tuple[RowGroup, Whole], ...]
    constant: Whole
    fraction: int
    vectors: bool

    @property
    def proven(self) -> bool:
        """Whether the integer engine alone serves the layer, whatever its inputs."""
        return not self.groups and self.rule.saturating


def bitplane_engine(circuit: Circuit, meter: Meter | None = None, *, vectorised: bool = VECTORS) -> Engine:
    """Arithmetic of a machine with whole-numbered cells and any converter.

    Parameters
    ----------
    circuit : its cell model, if any, must keep levels whole (`arrays.keeps_whole`). Read noise is refused.
    meter : told of every conversion, if given.
    vectorised : use vector code; by default as VECTORS says. Results do not depend on it.
    """
    if circuit.read_noise:
        raise ValueError("read noise makes column sums real: the bit-plane engine cannot serve them")
    return lambda layer: product_of(plan_layer(layer, circuit, vectorised), meter)


def product_of(plan: Plan, meter: Meter | None) -> Multiply:
    """The product of a planned layer."""
    return ReadProduct(product=lambda x, _, planes: multiply(plan, meter, x, planes), geometry=plan.layer.geometry)


def plan_layer(layer: MatrixLayer, circuit: Circuit, vectorised: bool = VECTORS) -> Plan:
    """Everything about a layer that does not depend on its inputs.

    Raises
    ------
    InputError
        Arrays of more than MOST_ROWS rows; weights that are levels, whose column sums are no whole numbers.
    """
    if layer.levels is not None:
        raise InputError("has weights that are levels; expected the analog engine", layer.name)
    if circuit.slicing.rows > MOST_ROWS:
        what = f"is {circuit.slicing.rows}; converters that clip or round are simulated for up to {MOST_ROWS} rows"
        raise InputError(what, "ima.crossbar.rows")
    drive, slicing = Drive.of(layer.format, circuit.slicing), circuit.slicing
    used = min(slicing.rows, layer.geometry.rows * layer.geometry.groups)
    rule = rule_for(circuit.converter, used * (2**slicing.cell_bits - 1) * drive.largest)
    groups, inputs, effective = [], [], []
    constant = np.zeros(layer.geometry.outputs, np.int64)
    # one row group at a time: the levels of a large layer take several times its weights
    for group, encoded in programmed(layer, circuit):
        packed = _pack(group, encoded, rule, drive, vectorised)
        constant[group.first : group.last] += _constant(group, encoded, rule, drive)
        if not packed.proven:
            groups.append(packed)
        if rule.saturating and circuit.cells is not None:
            effective.append((group, effective_weights(encoded)))
        if not rule.saturating and not encoded.analog_unit and len(encoded.unit):
            inputs.append((group, encoded.unit.sum(axis=0)))
    return Plan(
        layer=layer,
        drive=drive,
        rule=rule,
        groups=tuple(groups),
        products=_products(layer, effective) if rule.saturating else (),
        inputs=tuple(inputs),
        constant=constant,
        fraction=0 if rule.saturating else FRACTION_BITS,
        vectors=vectorised,
    )


def multiply(plan: Plan, meter: Meter | None, x: Array, planes: Planes | None = None) -> Array:
    """Accumulators [groups, windows, columns] of x [groups, windows, rows]: integers, or float64 behind converters
    whose values are not whole. `planes` are the digits that windows stream, where not all of them are."""
    geometry, windows = plan.layer.geometry, x.shape[1]
    flat = np.ascontiguousarray(x.transpose(0, 2, 1)).reshape(-1, windows)
    out = _exact(plan, flat)
    unproven, clipped = _convert(plan, flat, planes, out)
    if meter is not None:
        meter.add(plan.layer.name, unproven, clipped)
    shaped = out.reshape(geometry.groups, geometry.columns, windows).transpose(0, 2, 1)
    return np.ldexp(shaped.astype(np.float64), -plan.fraction) if plan.fraction else shaped


def _exact(plan: Plan, flat: Array) -> Whole:
    """Products, digital sums of inputs and constants: int64 [outputs, windows], from inputs [unrolled, windows]."""
    out = np.empty((plan.layer.geometry.outputs, flat.shape[1]), np.int64)
    out[:] = plan.constant[:, None]
    for product in plan.products:
        part = flat[product.start : product.stop].reshape(product.groups, -1, flat.shape[1])
        found = product.multiply(part.transpose(0, 2, 1)).transpose(0, 2, 1)
        out[product.first : product.last] += found.reshape(-1, flat.shape[1])
    for group, unit in plan.inputs:
        sums = flat[group.start : group.stop].sum(axis=0, dtype=np.int64)
        out[group.first : group.last] += unit[:, None] * sums << plan.fraction
    return out


def _convert(plan: Plan, flat: Array, planes: Planes | None, out: Whole) -> tuple[int, int]:
    """Add what converters make of column sums to out; columns converted and clipped."""
    drive, rule = plan.drive, plan.rule
    codes = drive.codes(flat) if plan.groups else flat
    unproven, clipped = 0, 0
    for packed in plan.groups:
        group = packed.group
        weights = drive.weights[None]
        if planes is not None:
            weights = drive.streamed(*(part[group.index] for part in planes))
        found = loops.convert_group(
            codes[group.start : group.stop],
            packed.lines,
            packed.signs,
            packed.valid,
            packed.thresholds,
            packed.unit,
            packed.reach,
            packed.place,
            packed.used,
            drive.digits,
            drive.dac_bits,
            _masks(weights),
            rule.mode,
            rule.lowest,
            rule.highest,
            rule.line,
            rule.table,
            plan.vectors,
            out[group.first : group.last],
        )
        unproven, clipped = unproven + found[0], clipped + found[1]
    return unproven, clipped


def _masks(weights: Whole) -> Whole:
    """Digits that are added and that are subtracted, as bits, of place values [windows, digits]: int64 [2, windows]."""
    bits = 1 << np.arange(weights.shape[1], dtype=np.int64)
    return np.stack([(weights > 0) @ bits, (weights < 0) @ bits])


def _pack(group: RowGroup, encoded: Encoded, rule: Rule, drive: Drive, vectors: bool) -> Packed:
    """Lines and converted unit columns of a row group, packed into blocks of 8."""
    slices, rows, columns = encoded.cells.shape
    units = encoded.unit_cells.shape[1] if encoded.analog_unit else 0
    used = columns + units
    blocks = -(-used // 8)
    cells = np.zeros((slices, rows, 8 * blocks), np.uint8)
    cells[:, :, :columns] = encoded.cells
    cells[0, :, columns:used] = encoded.unit_cells[:, :units]
    signs, valid = np.zeros((2, slices, 8 * blocks), np.int64)
    signs[:, :columns] = np.minimum(encoded.sign, 0)
    valid[:, :columns] = 1
    valid[0, columns:used] = 1
    lines = np.zeros((blocks, slices, encoded.cell_bits, -(-rows // loops.STRIP), 8), np.uint64)
    loops.pack_lines(cells, encoded.cell_bits, lines, vectors)
    limits = np.empty((slices, 8 * blocks), np.int64)
    loops.row_limits(cells, rule.exact // drive.largest, limits)
    limits[valid == 0] = rows
    return Packed(
        group=group,
        lines=lines,
        signs=_blocked(signs, blocks),
        valid=_blocked(valid, blocks),
        thresholds=_blocked(limits, blocks).min(axis=2).astype(np.int16),
        unit=encoded.unit[:units],
        reach=encoded.reach[:units],
        used=used,
        place=encoded.place,
    )


def _blocked(values: Array, blocks: int) -> Array:
    """[slices, 8 * blocks] as [blocks, slices, 8]."""
    return np.ascontiguousarray(values.reshape(len(values), blocks, 8).swapaxes(0, 1))


def _products(layer: MatrixLayer, effective: list[tuple[RowGroup, Array]]) -> tuple[Product, ...]:
    """The lossless product: of the layer's own weights, or of what faulty cells make of them, row group by row
    group."""
    limit = layer.format.high + layer.format.signed
    geometry = layer.geometry
    if not effective:
        whole = prepare_integer(layer.weight, limit)
        rows = geometry.rows * geometry.groups
        return (Product(groups=geometry.groups, start=0, stop=rows, first=0, last=geometry.outputs, multiply=whole),)
    found = []
    for (first, last), same in groupby(effective, key=lambda part: (part[0].first, part[0].last)):
        together = list(same)
        found.append(
            Product(
                groups=1,
                start=together[0][0].start,
                stop=together[-1][0].stop,
                first=first,
                last=last,
                multiply=prepare_integer(np.concatenate([weight for _, weight in together])[None], limit),
            )
        )
    return tuple(found)


def _constant(group: RowGroup, encoded: Encoded, rule: Rule, drive: Drive) -> Whole:
    """What outputs owe to the offset of driven inputs and to conversions of nothing: int64 [outputs]."""
    owed = -drive.offset * group.weight.sum(axis=0, dtype=np.int64)
    if rule.saturating:
        wrong = effective_weights(encoded).sum(axis=0) if drive.offset else 0
        return np.asarray(owed + drive.offset * wrong)
    if not encoded.analog_unit and len(encoded.unit):
        owed = owed + drive.offset * len(group.weight) * encoded.unit.sum(axis=0)
    places = encoded.slice_weights @ encoded.sign.astype(np.int64)
    ones = places.reshape(-1, encoded.outputs).sum(axis=0)
    if encoded.analog_unit:
        ones = ones + encoded.unit.sum(axis=0)
    return np.asarray((owed << FRACTION_BITS) + rule.constant * int(drive.weights.sum()) * ones)
