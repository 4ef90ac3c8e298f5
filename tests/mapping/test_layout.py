"""Every placement policy keeps the same promises; and what the interleaved one is for."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.config import load_hardware
from archsim.mapper import map_network
from archsim.mapping.layout import POLICIES, Footprint, neighbour_order
from archsim.mapping.load import network_load
from archsim.mapping.placement import lay
from archsim.workload import load_workload

PER_IMA = 8


@st.composite
def footprints(draw: st.DrawFn) -> list[Footprint]:
    sizes = draw(
        st.lists(st.tuples(st.integers(1, 60), st.integers(1, 40), st.integers(1, 30)), min_size=1, max_size=7)
    )
    return [
        Footprint(name=f"l{place}", copies=copies, crossbars=arrays, windows=columns**2, columns=columns)
        for place, (copies, arrays, columns) in enumerate(sizes)
    ]


@pytest.mark.parametrize("name", POLICIES)
@given(stages=footprints())
def test_every_policy_places_every_array_once_and_keeps_copies_whole(name: str, stages: list[Footprint]) -> None:
    layouts = POLICIES[name].propose(stages, PER_IMA)
    assert layouts
    for layout in layouts.values():
        slots = lay(stages, layout, PER_IMA)
        every = np.concatenate([part.ravel() for part in slots])
        assert every.min() >= 0
        assert len(np.unique(every)) == len(every) == sum(stage.copies * stage.crossbars for stage in stages)
        # no more IMAs than replication has counted on, and none shared by two layers
        imas = [np.unique(part // PER_IMA) for part in slots]
        assert [len(part) for part in imas] == [ceil(stage.copies * stage.crossbars / PER_IMA) for stage in stages]
        assert len(np.unique(np.concatenate(imas))) == sum(len(part) for part in imas)
        assert every.max() // PER_IMA < sum(len(part) for part in imas)
        # partial sums stay where they are: the arrays of a copy follow each other
        assert all((np.diff(part, axis=1) == 1).all() for part in slots)


@given(
    copies=st.integers(1, 200),
    columns=st.integers(1, 230),
)
def test_neighbour_order_is_a_permutation_that_brings_neighbours_closer(copies: int, columns: int) -> None:
    stage = Footprint(name="l", copies=copies, crossbars=1, windows=columns**2, columns=columns)
    order = neighbour_order(stage)
    assert sorted(order.tolist()) == list(range(copies))
    place = np.argsort(order)

    def reach(places: np.ndarray) -> int:  # type: ignore[type-arg]
        """Largest distance on the ring of copies between the copies of neighbouring windows."""
        steps = [places - np.roll(places, -step) for step in (1, columns)]
        return max(int(np.minimum(step % copies, -step % copies).max()) for step in steps)

    assert reach(place) <= reach(np.arange(copies))


@pytest.mark.parametrize(("hardware", "net"), [("isaac-ce", "vgg16")])
def test_interleaved_takes_the_links_out_of_the_way(hardware: str, net: str) -> None:
    """Layer after layer, VGG-16's first link carries all of conv1_1's output, twice what the crossbars need."""
    plans = {
        name: map_network(load_workload(net), load_hardware(hardware, {"mapping.placement": name})) for name in POLICIES
    }
    busiest = {name: network_load(plan).busiest_ps() for name, plan in plans.items()}
    assert busiest["interleaved"] < busiest["banded"] < busiest["snake"]
    assert busiest["interleaved"] < 0.6 * busiest["snake"]
    assert plans["interleaved"].crossbars == plans["snake"].crossbars
    assert [m.replication for m in plans["interleaved"] if m.grid] == [m.replication for m in plans["snake"] if m.grid]
