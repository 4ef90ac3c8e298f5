"""The machine description: who handled what before, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .machines import chain
from .random_machines import random_machine


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 15), st.integers(1, 4), st.integers(1, 3))
def test_previous_window_of_a_lane(windows: int, replicas: int, images: int, steps: int) -> None:
    """By going through every lane's windows in order: each image's windows are dealt out anew."""
    machine = chain([windows], replicas=[replicas], images=images)
    history: dict[int, list[int]] = {}
    found = machine.previous(0, np.arange(windows * images), steps)
    for window in range(windows * images):
        lane = window % windows % replicas
        assert machine.lanes(0)[window] == lane
        before = history.setdefault(lane, [])
        if len(before) >= steps:
            assert found[window] == before[-steps]
        else:
            assert found[window] < 0
        before.append(window)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"need": lambda m: m.need[::-1].copy()}, "need must not decrease"),
        ({"need": lambda m: m.need + 1}, "need must not decrease along an edge, and name windows that exist"),
        ({"last": lambda m: m.last[::-1].copy()}, "last must not decrease"),
        ({"last": lambda m: m.last - 1}, "name windows that exist"),
        ({"read_hold": lambda m: m.read_hold * 0}, "at least 1 ps"),
        ({"read_time": lambda m: m.read_time * 0}, "must not end before"),
        ({"output_slots": lambda m: m.output_slots * 0}, "output slot"),
        ({"capacity": lambda m: m.capacity * 0}, "must hold a window"),
        ({"post_time": lambda m: m.post_time.astype(np.int32)}, "must be int64"),
        ({"hop_latency": lambda m: m.hop_latency * 0}, "before another hop"),
        ({"crossbar_time": lambda _: np.full(7, 3), "crossbar_offset": lambda _: np.array([0, 3, 7])}, "one duration"),
    ],
)
def test_contradictions_are_refused(change: dict, message: str) -> None:
    machine = chain([8, 4], hops=((2, 1), (2, 1)))
    broken = replace(machine, **{name: make(machine) for name, make in change.items()})
    with pytest.raises(ValueError, match=message):
        broken.check()


def test_random_machines_reach_every_corner() -> None:
    """The generator draws what the engines must be compared on."""
    machines = [random_machine(seed) for seed in range(200)]
    consumers = [np.bincount(machine.edge_source, minlength=machine.stages) for machine in machines]
    producers = [np.bincount(machine.edge_target, minlength=machine.stages) for machine in machines]
    lengths = [np.diff(machine.route_offset) for machine in machines]
    periods = [np.diff(machine.crossbar_offset) for machine in machines]
    assert any((count > 1).any() for count in consumers)
    assert any((count > 1).any() for count in producers)
    assert any((count == 0).sum() > 1 for count in producers)
    assert any((length > 1).any() for length in lengths)
    assert any((length == 0).any() for length in lengths)
    assert any(
        machine.images > 1 and (period == machine.total).any()
        for machine, period in zip(machines, periods, strict=True)
    )
    assert any((machine.edge_source > machine.edge_target).any() for machine in machines)
    assert any((machine.replicas > machine.windows).any() for machine in machines)
    assert any((machine.read_time > machine.read_hold).any() for machine in machines)
    assert any(len(np.unique(machine.read_resource)) < len(machine.read_resource) for machine in machines)
    exclusive = random_machine(1, exclusive=True)
    users = np.concatenate([exclusive.read_resource, exclusive.write_resource, exclusive.hop_resource])
    assert len(np.unique(users)) == len(users)
