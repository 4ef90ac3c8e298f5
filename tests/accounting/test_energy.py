from __future__ import annotations

from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.accounting import Count, energy_by, price, total_energy
from archsim.components import ActionCost
from archsim.errors import InputError

COSTS = {
    ("adc", "convert"): ActionCost(energy_j=1.5625e-12, source="table"),
    ("dac", "drive"): ActionCost(energy_j=0.390625e-12, source="table"),
}

counts = st.lists(
    st.builds(
        lambda layer, key, n: Count(layer, *key, n),
        st.sampled_from(["a", "b", "chip"]),
        st.sampled_from(list(COSTS)),
        st.floats(0, 1e12),
    )
)


def test_energy_is_count_times_cost() -> None:
    [row] = price([Count("c", "adc", "convert", 1000)], COSTS)
    assert row.energy_j == 1000 * 1.5625e-12
    assert row.source == "table"


def test_every_missing_cost_is_named_and_none_is_zero() -> None:
    with pytest.raises(InputError) as caught:
        price([Count("c", "adc", "convert", 1), Count("c", "pool", "compare", 1), Count("c", "alu", "add", 0)], COSTS)
    assert [problem.where for problem in caught.value.problems] == ["pool.compare", "alu.add"]


@given(counts)
def test_parts_add_up(found: list[Count]) -> None:
    rows = price(found, COSTS)
    total = total_energy(rows)
    assert total == fsum(row.energy_j for row in rows)
    for field in ("layer", "component"):
        assert fsum(energy_by(rows, field).values()) == pytest.approx(total, rel=1e-12, abs=0)
