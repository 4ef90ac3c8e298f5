"""All engines on random machines, compared with `==` on every stamp.

    python -m tests.timing.agreement --machines 2000 --most-windows 200

runs the full comparison from the repository's root; the suite runs a share of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from archsim.timing.checks import check_run
from archsim.timing.deadlock import find_cycle
from archsim.timing.kernel_engine import run_kernel
from archsim.timing.machine import Machine, Stamps
from archsim.timing.maxplus import run_maxplus
from archsim.timing.simpy_engine import _Engine, run_simpy

from .random_machines import random_machine


@dataclass
class Tally:
    machines: int = 0
    windows: int = 0
    deadlocked: int = 0
    events: int = 0
    mismatches: list[str] = field(default_factory=list)


def compare_all(seeds: Iterable[int], most_windows: int) -> Tally:
    """SimPy in order and shuffled, kernel, and max-plus where it applies; checks on finished runs, a wait-for cycle
    for deadlocked ones."""
    tally = Tally()
    for seed in seeds:
        exclusive = seed % 3 == 0
        machine = random_machine(seed, exclusive=exclusive, most_windows=most_windows)
        expected = run_simpy(machine)
        others = {"kernel": run_kernel(machine)}
        if seed % 4 == 0:
            others["shuffled simpy"] = run_shuffled(machine, seed)
        if exclusive:
            others["max-plus"] = run_maxplus(machine)
        for name, stamps in others.items():
            different = stamps.differences(expected)
            if different:
                tally.mismatches.append(f"seed {seed}: {name} differs in {different}")
        tally.machines += 1
        tally.windows += int(machine.total.sum())
        tally.events += expected.events
        if (expected.send < 0).any():
            tally.deadlocked += 1
            if not find_cycle(machine, expected):
                tally.mismatches.append(f"seed {seed}: deadlock without a cycle")
        else:
            check_run(machine, expected)
    return tally


def run_shuffled(machine: Machine, seed: int) -> Stamps:
    """The SimPy engine with the events of every tick in random order: SimPy breaks ties of time and priority by event
    number."""
    engine = _Engine(machine)
    random = Random(seed)
    engine.environment._eid = iter(lambda: random.getrandbits(60), -1)
    engine.run()
    return engine.stamps()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=2000)
    parser.add_argument("--most-windows", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=0)
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.machines)
    tally = compare_all(seeds, options.most_windows)
    print(
        f"{tally.machines} machines, {tally.windows} windows, {tally.events} SimPy events, "
        f"{tally.deadlocked} deadlocked: {len(tally.mismatches)} mismatches"
    )
    print("\n".join(tally.mismatches[:20]))
    raise SystemExit(bool(tally.mismatches))


if __name__ == "__main__":
    main()
