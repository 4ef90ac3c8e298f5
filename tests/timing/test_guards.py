"""Each constraint is tight: a step is not taken a tick before the constraint lets it, and is taken at that very tick.

Every probe has a step that is ready at READY but for one constraint, which comes free at a time `free` around it: the
step must begin at max(ready, free).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from archsim.timing.machine import Machine, Stamps
from archsim.timing.simpy_engine import run_simpy

from .building import Edge, Stage, build

READY = 50
Observe = Callable[[Stamps], int]


def bus_for_a_read(free: int) -> tuple[Machine, Observe]:
    """b's read is ready when a's packet arrives; c reads on the same bus from 0 to `free`."""
    stages = [Stage("a", crossbar=READY - 2), Stage("b", read=3, read_bus="bus"), Stage("c", read=free, read_bus="bus")]
    return build(stages, [Edge("a", "b")]), lambda stamps: int(stamps.read[1]) - 3


def bus_for_a_write(free: int) -> tuple[Machine, Observe]:
    stages = [Stage("a", crossbar=READY - 5, post=4, write=3, write_bus="bus"), Stage("b", read=free, read_bus="bus")]
    return build(stages), lambda stamps: int(stamps.write[0]) - 3


def hop(kind: str) -> Callable[[int], tuple[Machine, Observe]]:
    def probe(free: int) -> tuple[Machine, Observe]:
        """a's packet is at the shared hop at READY; b's packet was there first, at 10, and holds it until `free`."""
        shared = f"{kind} 0->1"
        early = ((shared, free - 10, 1),)
        late = (("inject 7->0", 4, 5), (shared, 3, 1))
        stages = [Stage("a", crossbar=READY - 7), Stage("x"), Stage("b", crossbar=8), Stage("y")]
        machine = build(stages, [Edge("a", "x", routes=(late,)), Edge("b", "y", routes=(early,))])
        return machine, lambda stamps: int(stamps.arrive[0]) - 3

    return probe


def credit(free: int) -> tuple[Machine, Observe]:
    """b's buffer holds one window; a's second is written at READY, b has read the first at `free`."""
    stages = [Stage("a", windows=2, crossbar=[5, READY - 7]), Stage("b", windows=2, read=free - 9)]
    edge = Edge("a", "b", capacity=1, routes=((("link", 2, 1),),))
    return build(stages, [edge]), lambda stamps: int(stamps.arrive[1]) - 2


def input_register(free: int) -> tuple[Machine, Observe]:
    """Two windows are in the registers until the first leaves the crossbar at `free`; the third is ready at READY."""
    stages = [
        Stage("a", windows=3, crossbar=[1, 1, READY - 4]),
        Stage("b", windows=3, crossbar=[free - 5, 9, 9], read=2),
    ]
    return build(stages, [Edge("a", "b")]), lambda stamps: int(stamps.read[5]) - 2


def in_flight(free: int) -> tuple[Machine, Observe]:
    """The third crossbar step waits for the second at READY, and for the end of the first's work at `free`."""
    stage = Stage("a", windows=3, crossbar=[9, READY - 10, 30], post=free - 14, units=[("unit", 1, 4)])
    return build([stage]), lambda stamps: int(stamps.crossbar[2]) - 30


def output_register(free: int) -> tuple[Machine, Observe]:
    """The second work is possible at READY, after its crossbar step, and once the first window is written at `free`."""
    stage = Stage("a", windows=2, crossbar=[9, READY - 10], write=free - 13, outputs=1, units=[("unit", 1, 3)])
    return build([stage]), lambda stamps: int(stamps.work[1]) - 3


def lane_at_work(free: int) -> tuple[Machine, Observe]:
    """One window at a time: the second work waits for the end of the first at `free`, though the unit is idle."""
    stage = Stage("a", windows=2, crossbar=[9, READY - 10], units=[("unit", 1, free - 10)])
    return build([stage]), lambda stamps: int(stamps.work[1]) - (free - 10)


def unit(place: int) -> Callable[[int], tuple[Machine, Observe]]:
    def probe(free: int) -> tuple[Machine, Observe]:
        """a asks for the shared unit at READY, first or second in its row; b holds it from 10 to `free`."""
        before = [("own", 2, 5)] * place
        work = [*before, ("shared", 3, 4)]
        stages = [
            Stage("a", crossbar=READY - 1 - 5 * place, units=work),
            Stage("b", crossbar=9, units=[("shared", free - 10, free)]),
        ]
        return build(stages), lambda stamps: int(stamps.work[0]) - 4

    return probe


def output_slot(free: int) -> tuple[Machine, Observe]:
    """One written window may wait: the second write waits for its crossbar step (READY) and the first send (`free`)."""
    stages = [Stage("a", windows=2, crossbar=[4, READY - 5], write=2, slots=1), Stage("b", windows=2)]
    edge = Edge("a", "b", routes=((("inject", free - 7, 1),),))
    return build(stages, [edge]), lambda stamps: int(stamps.write[1]) - 2


PROBES = {
    "bus, read": bus_for_a_read,
    "bus, write": bus_for_a_write,
    "port in": hop("inject"),
    "link": hop("link"),
    "link between chips": hop("chip"),
    "port out": hop("eject"),
    "credit": credit,
    "input register": input_register,
    "in flight": in_flight,
    "output register": output_register,
    "lane at work": lane_at_work,
    "unit": unit(0),
    "second unit": unit(1),
    "output slot": output_slot,
}


@pytest.mark.parametrize("name", PROBES)
@pytest.mark.parametrize("free", [READY - 9, READY - 1, READY, READY + 1, READY + 2, READY + 40])
def test_a_step_begins_when_its_last_constraint_lets_it(name: str, free: int) -> None:
    machine, observe = PROBES[name](free)
    stamps = run_simpy(machine)
    assert (stamps.send >= 0).all()
    assert observe(stamps) == max(READY, free)
