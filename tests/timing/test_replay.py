"""Every grant of a shared resource, found again from the stamps alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.errors import SimulationError
from archsim.timing.machine import HOP, READ
from archsim.timing.replay import replay
from archsim.timing.simpy_engine import run_simpy

from .machines import chain
from .random_machines import random_machine


@given(seed=st.integers(0, 100_000))
@settings(deadline=None, max_examples=60)
def test_grants_of_random_machines_are_found_again(seed: int) -> None:
    """The replay compares reads, writes and arrivals itself; here also no two holds overlap and all time is there."""
    machine = random_machine(seed, most_windows=25)
    stamps = run_simpy(machine)
    if (stamps.send < 0).any():
        return
    holds = replay(machine, stamps)
    order = np.lexsort((holds.grant, holds.resource))
    resource, grant, duration = holds.resource[order], holds.grant[order], holds.duration[order]
    same = resource[1:] == resource[:-1]
    assert (grant[1:] >= grant[:-1] + duration[:-1])[same].all()
    assert (holds.previous[order[1:]][same] == order[:-1][same]).all()
    assert (holds.request <= holds.grant).all()
    busy = np.bincount(holds.resource, weights=holds.duration, minlength=machine.resources)
    assert busy.tolist() == stamps.resource_busy.tolist()


def test_hops_of_a_packet_follow_each_other_by_latency() -> None:
    machine = chain([1, 1], hops=((5, 2), (5, 3), (5, 1)))
    holds = replay(machine, run_simpy(machine))
    packet = int(holds.packet[0])
    assert holds.kind[packet] == HOP
    part = slice(holds.first[packet], holds.first[packet + 1])
    assert holds.grant[part].tolist() == [22, 24, 27]
    assert holds.duration[part].tolist() == [5, 5, 5]


def test_queue_on_a_bus() -> None:
    machine = chain([3], replicas=[3], read=4, shared=True)
    holds = replay(machine, run_simpy(machine))
    reads = holds.first[np.flatnonzero(holds.kind == READ)]
    assert holds.request[reads].tolist() == [0, 0, 0]
    assert holds.grant[reads].tolist() == [0, 4, 8]
    assert holds.previous[reads].tolist() == [-1, reads[0], reads[1]]


@pytest.mark.parametrize("kind", ["read", "write", "arrive"])
def test_stamps_that_break_arbitration_are_refused(kind: str) -> None:
    """A transfer that ends a tick late on a resource that was free."""
    machine = chain([6, 6], hops=((3, 2),))
    stamps = run_simpy(machine)
    late = getattr(stamps, kind).copy()
    late[4] += 1
    with pytest.raises(SimulationError, match="not where first-come, first-served arbitration puts them"):
        replay(machine, replace(stamps, **{kind: late}))
