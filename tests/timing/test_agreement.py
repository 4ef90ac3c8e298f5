"""All engines give the same stamps, and broken rules do not."""

from __future__ import annotations

import numpy as np
import pytest

from archsim.timing.kernel_engine import run_kernel
from archsim.timing.run import AUTO, ENGINE_NAMES, ENGINES

from .agreement import compare_all
from .mutants import MUTANTS
from .random_machines import random_machine

CHUNKS = 12
MACHINES = 170
"""12 chunks of 170: 2,040 machines, as many as the full comparison asks for."""


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_engines_agree_on_random_machines(chunk: int) -> None:
    """SimPy (in order and with every tick shuffled), the kernel and, without sharing, max-plus: `==` on every stamp."""
    tally = compare_all(range(chunk * MACHINES, (chunk + 1) * MACHINES), most_windows=180)
    assert tally.mismatches == []
    assert tally.machines == MACHINES
    assert tally.windows > 1_000_000 // CHUNKS
    assert 0.15 < tally.deadlocked / tally.machines < 0.5


@pytest.fixture(scope="module")
def machines() -> list:
    found = [random_machine(seed, most_windows=30) for seed in range(60)]
    return [(machine, run_kernel(machine)) for machine in found]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_comparison_catches_a_broken_rule(mutant: type, machines: list) -> None:
    caught = 0
    for machine, expected in machines:
        engine = mutant(machine)
        engine.run()
        caught += bool(engine.stamps().differences(expected))
    assert caught >= 3


def test_differences_are_counted_by_kind() -> None:
    machine = random_machine(3)
    one, other = run_kernel(machine), run_kernel(machine)
    assert one.differences(other) == {}
    other.read[0] += 1
    other.resource_busy[:] += 1
    assert one.differences(other) == {"read": 1, "resource_busy": machine.resources}
    assert np.array_equal(one.send, other.send)


def test_command_line_offers_every_engine() -> None:
    from archsim.cli.running import run

    (option,) = [option for option in run.params if option.name == "engine"]
    assert tuple(option.type.choices) == ENGINE_NAMES
    assert (AUTO, *ENGINES) == ENGINE_NAMES
