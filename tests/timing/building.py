"""Machines put together piece by piece, where a test needs to know every resource by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from archsim.timing.machine import Machine

Hops = tuple[tuple[str, int, int], ...]
"""(resource, hold, latency to the next hop) of a route."""


@dataclass
class Stage:
    """A stage with one lane; `crossbar` is one duration or one per window, `hold` what of a read or write occupies the
    bus."""

    name: str
    windows: int = 1
    crossbar: int | Sequence[int] = 1
    read: int = 1
    write: int = 1
    post: int = 0
    slots: int = 2
    inputs: int = 2
    flight: int = 2
    outputs: int = 2
    units: Sequence[tuple[str, int, int]] = ()
    read_bus: str = ""
    write_bus: str = ""


@dataclass
class Edge:
    """From stage to stage by name. `routes` are taken by the producer's windows as `route_of` says (all the first).
    Window w of the consumer needs window w of the producer (or its last); with `sink` it needs nothing but all."""

    source: str
    target: str
    capacity: int = 1_000_000
    routes: tuple[Hops, ...] = ((),)
    route_of: Sequence[int] | None = None
    sink: bool = False


@dataclass
class Names:
    numbers: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> int:
        return self.numbers.setdefault(name, len(self.numbers))


def build(stages: Sequence[Stage], edges: Sequence[Edge] = ()) -> Machine:
    """The machine of stages with one lane each; a bus without a name is a stage's own."""
    index = {stage.name: number for number, stage in enumerate(stages)}
    resources, routes, route = Names(), [hops for edge in edges for hops in edge.routes], []
    read = [resources[stage.read_bus or f"bus read {stage.name}"] for stage in stages]
    write = [resources[stage.write_bus or f"bus write {stage.name}"] for stage in stages]
    units = [(resources[name], hold, time) for stage in stages for name, hold, time in stage.units]
    units = np.array(units, np.int64).reshape(-1, 3)
    needs, lasts, first = [], [], 0
    for edge in edges:
        produced, consumed = stages[index[edge.source]].windows, stages[index[edge.target]].windows
        every = np.arange(consumed)
        need = np.full(consumed, produced) if edge.sink else np.minimum(every + 1, produced)
        need[-1] = produced
        needs.append(need)
        lasts.append(np.full(produced, consumed - 1) if edge.sink else np.minimum(np.arange(produced), consumed - 1))
        route.append(np.array(edge.route_of if edge.route_of is not None else [0] * produced) + first)
        first += len(edge.routes)
    hops = np.array([(resources[name], hold, latency) for taken in routes for name, hold, latency in taken], np.int64)
    hops = hops.reshape(-1, 3)
    crossbar = [np.atleast_1d(np.array(stage.crossbar, np.int64)) for stage in stages]
    machine = Machine(
        stage_names=tuple(index), resource_names=tuple(resources.numbers), images=1,
        windows=ints(stage.windows for stage in stages), replicas=np.ones(len(stages), np.int64),
        read_time=ints(stage.read for stage in stages), read_hold=ints(stage.read for stage in stages),
        read_offset=np.arange(len(stages) + 1),
        input_registers=ints(stage.inputs for stage in stages), in_flight=ints(stage.flight for stage in stages),
        output_registers=ints(stage.outputs for stage in stages),
        unit_offset=offsets([stage.units for stage in stages]),
        unit_resource=units[:, 0].copy(), unit_hold=units[:, 1].copy(), unit_time=units[:, 2].copy(),
        post_time=ints(stage.post for stage in stages), write_time=ints(stage.write for stage in stages),
        write_hold=ints(stage.write for stage in stages), output_slots=ints(stage.slots for stage in stages),
        crossbar_time=np.concatenate(crossbar), crossbar_offset=offsets(crossbar),
        lane_offset=np.arange(len(stages) + 1), read_resource=ints(read), write_resource=ints(write),
        edge_source=ints(index[edge.source] for edge in edges), edge_target=ints(index[edge.target] for edge in edges),
        capacity=ints(edge.capacity for edge in edges), need=joined(needs), need_offset=offsets(needs),
        last=joined(lasts), last_offset=offsets(lasts), route=joined(route), route_offset=offsets(routes),
        hop_resource=hops[:, 0].copy(), hop_hold=hops[:, 1].copy(), hop_latency=hops[:, 2].copy(),
    )  # fmt: skip
    machine.check()
    return machine


def ints(values) -> np.ndarray:
    return np.array(list(values), np.int64)


def joined(parts) -> np.ndarray:
    return np.concatenate([*parts, np.zeros(0, np.int64)]).astype(np.int64)


def offsets(parts) -> np.ndarray:
    return np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
