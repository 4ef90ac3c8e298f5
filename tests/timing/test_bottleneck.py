"""What limits a run: the right culprit on machines made to have one, proved by relieving it and by relieving others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import fsum

import numpy as np
import pytest

from archsim.timing.bottleneck import Bottleneck, find_bottleneck
from archsim.timing.machine import Machine
from archsim.timing.simpy_engine import run_simpy

from .building import Stage, build
from .machines import chain

CROSSBARS = replace(chain([150, 150, 150], read=2, write=2, hops=((2, 2),)), crossbar_time=np.array([8, 60, 8]))
BUS = chain([150, 150], read=10, write=10, crossbar=4, shared=True, hops=((2, 2),))
LINK = chain([150, 150], read=2, write=2, crossbar=4, hops=((2, 2), (40, 2), (2, 2)))
CHIP_LINK = replace(LINK, resource_names=tuple(f"chip 0->{name}" for name in LINK.resource_names))
BUFFER = chain([150, 150], read=2, write=2, crossbar=8, capacity=3, hops=((2, 80), (2, 80)))
REGISTERS = build([Stage("s0", windows=150, crossbar=8, outputs=1, units=[("alu 0", 1, 60)], write=60)])
UNITS = build([Stage("s0", windows=150, crossbar=8, units=[("pool 0", 60, 60)])])
DEPTH = chain([1] * 12, read=2, write=2, crossbar=20, post=4, hops=((2, 2),))


def faster_crossbars(machine: Machine, stage: int | None = None) -> Machine:
    times = machine.crossbar_time.copy()
    chosen = slice(None) if stage is None else slice(*machine.crossbar_offset[stage : stage + 2])
    times[chosen] //= 2
    return replace(machine, crossbar_time=times)


def wider_bus(machine: Machine) -> Machine:
    names = ("read_time", "read_hold", "write_time", "write_hold")
    return replace(machine, **{name: getattr(machine, name) // 2 for name in names})


def faster_links(machine: Machine) -> Machine:
    return replace(machine, hop_hold=machine.hop_hold // 2)


def larger_buffers(machine: Machine) -> Machine:
    return replace(machine, capacity=machine.capacity * 4)


def more_registers(machine: Machine) -> Machine:
    return replace(machine, output_registers=machine.output_registers * 2)


def faster_units(machine: Machine) -> Machine:
    return replace(machine, unit_hold=-(-machine.unit_hold // 2), unit_time=-(-machine.unit_time // 2))


RELIEFS: dict[str, Callable[[Machine], Machine]] = {
    "crossbars": faster_crossbars,
    "bus": wider_bus,
    "link": faster_links,
    "buffer": larger_buffers,
    "registers": more_registers,
    "digital units": faster_units,
}
LIMITED = {"crossbars": CROSSBARS, "bus": BUS, "link": LINK, "buffer": BUFFER, "registers": REGISTERS}
LIMITED["digital units"] = UNITS
NAMES = {"crossbars": "s1", "bus": "bus 0", "link": "hop 1", "buffer": "s0 -> s1", "registers": "s0"}
NAMES["digital units"] = "pool 0"


def bottleneck(machine: Machine) -> Bottleneck:
    return find_bottleneck(machine, run_simpy(machine))[0]


def end(machine: Machine) -> int:
    return run_simpy(machine).end


@pytest.mark.parametrize("kind", LIMITED)
def test_culprit_is_named(kind: str) -> None:
    found = bottleneck(LIMITED[kind])
    assert (found.kind, found.name) == (kind, NAMES[kind])
    assert found.share > 0.8
    assert found.share <= found.kind_share <= 1
    assert found.name in found.sentence
    assert f"{found.share:.0%} of the path" in found.sentence


@pytest.mark.parametrize("kind", LIMITED)
@pytest.mark.parametrize("relieved", RELIEFS)
def test_relieving_the_culprit_helps_and_relieving_others_does_not(kind: str, relieved: str) -> None:
    machine = LIMITED[kind]
    gain = 1 - end(RELIEFS[relieved](machine)) / end(machine)
    if relieved == kind:
        assert gain > 0.3
        assert gain <= bottleneck(machine).kind_share + 1e-9
    elif kind == "registers" and relieved in ("bus", "digital units"):
        # each is half of the loop that a register goes round
        assert gain < 0.3
    else:
        # the first window still has to pass
        assert gain < 0.03


def test_the_culprit_is_one_layer() -> None:
    gains = [1 - end(faster_crossbars(CROSSBARS, stage)) / end(CROSSBARS) for stage in range(3)]
    assert gains[1] > 0.4
    assert max(gains[0], gains[2]) < 0.02
    copies = replace(chain([150] * 3, read=2, write=2, replicas=[1, 2, 1]), crossbar_time=CROSSBARS.crossbar_time)
    assert end(copies) < 0.6 * end(CROSSBARS)


def test_kinds_that_share_a_mechanism_are_told_apart() -> None:
    assert bottleneck(CHIP_LINK).kind == "chip link"


def test_utilization_is_that_of_the_culprit() -> None:
    stamps = run_simpy(LINK)
    found, _ = find_bottleneck(LINK, stamps)
    index = LINK.resource_names.index(found.name)
    assert found.utilization == stamps.resource_busy[index] / stamps.write.max()
    assert bottleneck(CROSSBARS).utilization == pytest.approx(150 * 60 / end(CROSSBARS))
    assert bottleneck(BUFFER).utilization is None


def test_depth_is_what_nothing_but_a_shorter_window_relieves() -> None:
    found = bottleneck(DEPTH)
    assert (found.kind, found.name, found.share) == ("depth", "", 1.0)
    assert end(larger_buffers(DEPTH)) == end(DEPTH)
    assert end(chain([1] * 12, replicas=[2] * 12, read=2, write=2, crossbar=20, post=4, hops=((2, 2),))) == end(DEPTH)
    assert end(faster_crossbars(DEPTH)) == end(DEPTH) - 12 * 10


@pytest.mark.parametrize("machine", [*LIMITED.values(), DEPTH])
def test_rows_are_the_latency(machine: Machine) -> None:
    stamps = run_simpy(machine)
    _, rows = find_bottleneck(machine, stamps)
    assert fsum(row.time_s for row in rows) == pytest.approx(int(stamps.write.max()) * 1e-12, rel=1e-12)
    assert fsum(row.share for row in rows) == pytest.approx(1)
    assert [row.time_s for row in rows] == sorted((row.time_s for row in rows), reverse=True)
    assert all(row.activity in ("read", "crossbar", "post", "work", "write", "transfer") for row in rows)
    assert all((row.resource != "") == (row.activity in ("read", "work", "write", "transfer")) for row in rows)
