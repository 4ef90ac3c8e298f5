"""Row renaming: exact forms are bit-identical, lossy ones follow a slow oracle, conflicts and tables are counted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.components import build_chip
from archsim.config import load_hardware
from archsim.mapping.rows import (
    Memory,
    RowPlan,
    bit_planes,
    conflicts,
    effective_rows,
    identity,
    in_order,
    memory_of,
    merge,
    pre_added,
    rename,
    table_cost,
)

SIGNS = st.tuples(st.integers(1, 20), st.integers(1, 4), st.integers(0, 10**6))


def signs(rows: int, columns: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (rows, columns))


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(1, 4), st.integers(1, 3), st.booleans(), st.integers(0, 10**6))
def test_exact_renaming_changes_no_output(rows: int, columns: int, top: int, complement: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.integers(-top, top + 1, (rows, columns)).astype(np.int8)
    x = rng.integers(0, 4, (5, rows))
    renamed = rename(weight, complement=complement)
    np.testing.assert_array_equal(effective_rows(renamed), weight)
    np.testing.assert_array_equal(pre_added(renamed.plan, x) @ renamed.weight.astype(int), x @ weight.astype(int))
    distinct = {tuple(row) for row in weight if row.any()}
    if complement:
        distinct = {max(row, tuple(-item for item in row)) for row in distinct}
    assert renamed.plan.physical_rows == len(distinct)


def test_physical_rows_are_numbered_as_they_occur() -> None:
    weight = np.array([[1, -1], [-1, -1], [1, -1], [-1, 1], [1, 1]], np.int8)
    plain, both = rename(weight), rename(weight, complement=True)
    assert plain.plan.physical.tolist() == [0, 1, 0, 2, 3]
    assert plain.plan.rows_saved == pytest.approx(1 / 5)
    assert both.plan.physical.tolist() == [0, 1, 0, 0, 1]
    assert both.plan.sign.tolist() == [1, -1, 1, -1, 1]
    assert both.weight.tolist() == [[1, -1], [1, 1]]
    dead = rename(weight, dead=np.array([False, True, False, False, False]))
    assert dead.plan.physical.tolist() == [0, -1, 0, 1, 2]
    assert effective_rows(dead)[1].tolist() == [0, 0]


def test_an_order_moves_rows_and_nothing_else() -> None:
    plain = rename(signs(6, 3, 0))
    renamed = in_order(plain, np.arange(plain.plan.physical_rows)[::-1])
    np.testing.assert_array_equal(effective_rows(renamed), signs(6, 3, 0))
    np.testing.assert_array_equal(renamed.placed[renamed.plan.place], renamed.weight)


@pytest.mark.parametrize(
    ("physical", "sign", "order", "what"),
    [
        ([0, 2], [1, 1], [0, 1], "not 0 .. 1"),
        ([0, 1], [1, 1], [0, 0], "no permutation"),
        ([0, 1], [1, 0], [0, 1], "signs"),
        ([0, -1], [1, 1], [0, 1], "not 0 .. 1"),
    ],
)
def test_plans_that_contradict_themselves_are_refused(
    physical: list[int], sign: list[int], order: list[int], what: str
) -> None:
    with pytest.raises(ValueError, match=what):
        RowPlan(physical=np.array(physical), sign=np.array(sign, np.int8), order=np.array(order))


def slow_merge(weight: np.ndarray, count: int, activity: np.ndarray) -> list[list[int]]:
    """Classes of logical rows by brute force: the pair whose union costs least more, the first of equal ones."""
    classes: list[list[int]] = []
    for row in range(len(weight)):
        same = next((found for found in classes if (weight[found[0]] == weight[row]).all()), None)
        if same is None:
            classes.append([row])
        else:
            same.append(row)

    def cost(members: list[int]) -> float:
        pull = np.abs((weight[members] * activity[members, None]).sum(axis=0))
        return float((activity[members].sum() - pull).sum() / 2)

    while len(classes) > count:
        pairs = itertools.combinations(range(len(classes)), 2)
        a, b = min(
            pairs,
            key=lambda pair: (
                cost(classes[pair[0]] + classes[pair[1]]) - cost(classes[pair[0]]) - cost(classes[pair[1]])
            ),
        )
        classes[a] += classes.pop(b)
    return [sorted(members) for members in classes]


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 14), st.integers(1, 5), st.integers(1, 8), st.integers(0, 10**6))
def test_merging_follows_the_slow_oracle(rows: int, columns: int, count: int, seed: int) -> None:
    weight = signs(rows, columns, seed)
    activity = np.random.default_rng(seed).integers(0, 8, rows).astype(float)  # whole: no rounding decides
    merged = merge(weight, count, activity)
    classes = slow_merge(weight.astype(float), count, activity)
    found = [np.flatnonzero(merged.plan.physical == index).tolist() for index in range(merged.plan.physical_rows)]
    assert sorted(found) == sorted(classes)
    for index, members in enumerate(found):
        pull = (weight[members] * activity[members, None]).sum(axis=0)
        decided = pull != 0
        np.testing.assert_array_equal(merged.weight[index][decided], np.sign(pull)[decided])


def test_merging_takes_signs_and_sound_numbers_only() -> None:
    with pytest.raises(ValueError, match="signs"):
        merge(np.zeros((3, 2), np.int8), 2, np.ones(3))
    with pytest.raises(ValueError, match="activity"):
        merge(signs(3, 2, 0), 2, np.ones(2))
    with pytest.raises(ValueError, match="at least 1"):
        merge(signs(3, 2, 0), 0, np.ones(3))


def test_rows_that_are_never_active_merge_first() -> None:
    weight = np.array([[1, 1, 1], [-1, -1, -1], [1, 1, -1]], np.int8)
    merged = merge(weight, 2, np.array([1.0, 0.0, 1.0]))
    assert merged.plan.physical[0] != merged.plan.physical[2]


@settings(deadline=None)
@given(SIGNS, st.booleans())
def test_conflicts_are_counted(shape: tuple[int, int, int], complement: bool) -> None:
    rows, columns, seed = shape
    renamed = rename(signs(rows, columns, seed), complement=complement)
    plan = renamed.plan
    x = np.random.default_rng(seed).integers(0, 4, (6, rows)).astype(np.uint8)
    found = conflicts(plan, x, 2)
    clashes = openings = additions = 0
    for window in x:
        for bit in range(2):
            active = [row for row in range(rows) if window[row] >> bit & 1]
            most = {1: 0, -1: 0}
            for physical in range(plan.physical_rows):
                mine = [row for row in active if plan.physical[row] == physical]
                clashes += max(0, len(mine) - 1)
                for side in most:
                    most[side] = max(most[side], sum(plan.sign[row] == side for row in mine))
            openings += sum(most.values()) or 1
        for physical in range(plan.physical_rows):
            additions += max(0, sum(bool(window[row]) for row in range(rows) if plan.physical[row] == physical) - 1)
    assert (found.conflicts, found.openings, found.additions) == (clashes, openings, additions)
    assert found.planes == 12
    assert found.openings >= found.planes
    assert found.largest < 2**found.added_bits
    assert found.lost == 0


def test_an_unrenamed_layer_has_no_conflicts_and_no_table() -> None:
    plan = identity(signs(5, 3, 0)).plan
    x = np.arange(20).reshape(4, 5) % 4
    found = conflicts(plan, x, 2)
    assert (found.conflicts, found.openings, found.additions, found.added_bits) == (0, 8, 0, 2)
    assert table_cost(plan, Memory(area_m2=1, energy_j=1, source="test")).bits == 0


def test_lost_inputs_are_counted() -> None:
    plan = rename(signs(3, 2, 1), dead=np.array([True, False, False])).plan
    assert conflicts(plan, np.array([[1, 0, 3], [0, 2, 1], [3, 3, 3]]), 2).lost == 2


def test_tables_cost_what_their_bits_cost() -> None:
    memory = Memory(area_m2=2e-13, energy_j=3e-15, source="test")
    weight = np.array([[1, -1], [-1, -1], [1, -1], [-1, 1], [1, 1]], np.int8)
    plain = table_cost(rename(weight).plan, memory)
    assert (plain.entries, plain.entry_bits, plain.bits) == (5, 2, 10)
    assert (plain.area_m2, plain.energy_j) == (pytest.approx(2e-12), pytest.approx(3e-14))
    assert table_cost(rename(weight, complement=True).plan, memory).entry_bits == 2  # one for the row, one for the sign
    reordered = in_order(identity(weight), np.array([1, 0, 2, 3, 4])).plan
    assert table_cost(reordered, memory).bits == 15


def test_the_memory_is_the_chips_input_register() -> None:
    """ISAAC, Table I: 2 KiB of input register on 0.0021 mm2; 124 pJ a window of 128 rows at 8 bits (design page)."""
    memory = memory_of(build_chip(load_hardware("isaac-8bit")))
    assert memory.area_m2 == pytest.approx(0.0021e-6 / (8 * 2048))
    assert memory.energy_j == pytest.approx(124e-12 / (128 * 8))
    assert memory_of(build_chip(load_hardware("puma"))).energy_j > 0


def test_bit_planes_are_lowest_first() -> None:
    assert bit_planes(np.array([[0, 1, 2, 3]]), 2).tolist() == [[[0, 1, 0, 1]], [[0, 0, 1, 1]]]
