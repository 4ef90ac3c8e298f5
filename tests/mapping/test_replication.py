from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.mapping.replication import POLICIES, Demand, imas_for

PER_IMA = 8

demands = st.lists(
    st.builds(
        Demand,
        name=st.just("l"),
        windows=st.integers(1, 3000),
        crossbars=st.integers(1, 60),
        interval_s=st.just(1.6e-6),
        replicable=st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("name", POLICIES)
@given(layers=demands, spare=st.integers(0, 400))
def test_every_policy_fits_its_budget(name: str, layers: list[Demand], spare: int) -> None:
    least = sum(imas_for(1, layer.crossbars, PER_IMA) for layer in layers)
    copies = POLICIES[name](layers, least + spare, PER_IMA)
    assert len(copies) == len(layers)
    for count, layer in zip(copies, layers, strict=True):
        assert 1 <= count <= layer.windows
        assert layer.replicable or count == 1
    assert sum(imas_for(n, layer.crossbars, PER_IMA) for n, layer in zip(copies, layers, strict=True)) <= least + spare


@given(layers=demands, spare=st.integers(0, 400))
def test_balanced_cannot_speed_up_its_slowest_layer(layers: list[Demand], spare: int) -> None:
    budget = sum(imas_for(1, layer.crossbars, PER_IMA) for layer in layers) + spare
    copies = POLICIES["balanced"](layers, budget, PER_IMA)
    used = sum(imas_for(n, layer.crossbars, PER_IMA) for n, layer in zip(copies, layers, strict=True))
    shares = {
        i: ceil(layer.windows / n) for i, (n, layer) in enumerate(zip(copies, layers, strict=True)) if layer.replicable
    }
    if not shares:
        return
    slowest = max(shares, key=lambda i: (shares[i], -i))
    if shares[slowest] == 1:
        return
    more = ceil(layers[slowest].windows / (shares[slowest] - 1))
    extra = imas_for(more, layers[slowest].crossbars, PER_IMA) - imas_for(
        copies[slowest], layers[slowest].crossbars, PER_IMA
    )
    assert used + extra > budget


def test_isaac_copies_follow_the_squared_strides() -> None:
    """Three layers with 4x and 16x the windows of the last get 4 and 16 times its copies."""
    layers = [
        Demand(name=n, windows=w, crossbars=8, interval_s=1.6e-6, replicable=True)
        for n, w in zip("abc", (3136, 784, 196), strict=True)
    ]
    assert POLICIES["isaac"](layers, 21 * 3, PER_IMA) == [48, 12, 3]
