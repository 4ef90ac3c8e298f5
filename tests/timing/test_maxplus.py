"""The max-plus engine where it applies, its refusal where it does not, and the critical path as a lower bound."""

from __future__ import annotations

import numpy as np
import pytest

from archsim.errors import InputError
from archsim.timing.maxplus import lower_bound, run_maxplus
from archsim.timing.simpy_engine import run_simpy

from .machines import chain
from .random_machines import random_machine


def test_shared_bus_is_refused_by_name() -> None:
    machine = chain([4, 4], shared=True)
    with pytest.raises(
        InputError,
        match=r"resource bus 0: is shared by reads of s0 lane 0 and reads of s1 lane 0; .*expected: --engine",
    ):
        run_maxplus(machine)


def test_lane_whose_reads_and_writes_share_a_port_is_refused() -> None:
    with pytest.raises(InputError, match="reads of s0 lane 0 and writes of s0 lane 0"):
        run_maxplus(chain([4]))


def test_shared_link_is_refused_and_many_problems_are_counted() -> None:
    machine = next(m for m in map(random_machine, range(100)) if len(np.unique(m.hop_resource)) > 1 and m.edges > 3)
    with pytest.raises(InputError, match=r"link \d+: is shared by packets of|bus \d+: is shared by") as caught:
        run_maxplus(machine)
    assert len(caught.value.problems) <= 6
    many = chain([4] * 12, replicas=[3] * 12)
    with pytest.raises(InputError) as caught:
        run_maxplus(many)
    assert len(caught.value.problems) == 6
    assert "31 more are shared" in str(caught.value.problems[-1])


def test_deadlocked_machine_has_the_same_partial_stamps() -> None:
    machines = [random_machine(seed, exclusive=True) for seed in range(60)]
    pairs = [(machine, run_simpy(machine)) for machine in machines]
    stuck = [(machine, stamps) for machine, stamps in pairs if (stamps.send < 0).any()]
    assert len(stuck) > 5
    for machine, stamps in stuck:
        assert run_maxplus(machine).differences(stamps) == {}


@pytest.mark.parametrize("seed", range(40))
def test_no_run_beats_its_critical_path(seed: int) -> None:
    machine = random_machine(seed)
    stamps, bound = run_simpy(machine), lower_bound(machine)
    for kind in ("read", "crossbar", "write", "send", "arrive"):
        found, least = getattr(stamps, kind), getattr(bound, kind)
        assert (found[found >= 0] >= least[found >= 0]).all()
        assert (least >= 0).all()


def test_critical_path_of_a_chain_is_tight() -> None:
    """Resources of their own and large buffers: the bound is the run."""
    machine = chain([9, 9, 9], capacity=99, hops=((2, 3),))
    stamps, bound = run_simpy(machine), lower_bound(machine)
    assert np.array_equal(stamps.arrive, bound.arrive)
    assert stamps.end == bound.end
