"""The kernel engine's own machinery; its stamps are compared with the others' in test_agreement.py."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from archsim.compiling import announced
from archsim.timing.kernel_engine import PACKET_SLOTS, run_kernel, start, with_room
from archsim.timing.simpy_engine import run_simpy

from .machines import chain
from .random_machines import random_machine


@pytest.mark.parametrize("windows", [1, 2, 3, 17])
def test_isaac_window_takes_22_cycles_and_one_enters_every_16(windows: int) -> None:
    """Shafiee et al., Fig. 4b, as in test_simpy_engine.py."""
    stamps = run_kernel(chain([windows], read=1, crossbar=16, post=4, write=1))
    assert stamps.end == 22 + 16 * (windows - 1)


def test_run_with_too_few_packet_slots_starts_over_and_ends_the_same() -> None:
    """A slow second hop piles up packets behind it."""
    machine = chain([64, 64], crossbar=1, capacity=64, hops=((1, 1), (50, 1), (1, 1)))
    state = with_room(machine, start(machine, packet_slots=1))
    assert len(state.packets) > 8
    expected = run_simpy(machine)
    assert np.array_equal(state.arrive, expected.arrive)
    assert np.array_equal(state.send, expected.send)
    assert len(start(machine).packets) == PACKET_SLOTS


def test_deadlock_leaves_partial_stamps() -> None:
    stamps = run_kernel(chain([64, 16], capacity=3))
    assert (stamps.read >= 0).any()
    assert (stamps.send < 0).any()


def test_result_is_the_same_every_time() -> None:
    machine = random_machine(11)
    assert run_kernel(machine).differences(run_kernel(machine)) == {}


def test_compilation_is_announced_once_and_only_when_it_happens() -> None:
    told = []

    def function(number):
        return number + 1

    function.__module__ = "archsim.timing.kernels.made_up"
    compiled = njit(function)
    with announced(lambda: told.append("once")):
        run_kernel(chain([2]))  # warm by now or announced
        first = len(told)
        told.clear()
    with announced(lambda: told.append("once")):
        assert compiled(1) == 2
        assert compiled(1.0) == 2.0
    assert told == ["once"]
    assert first in (0, 1)
    told.clear()
    with announced(lambda: told.append("again")):
        run_kernel(chain([2]))
        assert compiled(5) == 6
    assert told == []
