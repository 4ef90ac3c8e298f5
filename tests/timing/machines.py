"""Small machines for timing tests, written down by hand or drawn at random."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from archsim.timing.machine import Machine


def chain(
    windows: list[int],
    *,
    replicas: list[int] | None = None,
    images: int = 1,
    read: int = 1,
    crossbar: int = 16,
    post: int = 4,
    write: int = 1,
    capacity: int | None = None,
    hops: tuple[tuple[int, int], ...] = (),
    shared: bool = False,
) -> Machine:
    """Stages in a row, window w of each needing window w (scaled) of the one before; times in ticks. `hops` are
    (hold, latency) of a route with resources of its own; with `shared` all stages use one bus."""
    stages = len(windows)
    replicas = replicas or [1] * stages
    lanes = sum(replicas)
    edges = stages - 1
    need = [np.ceil((np.arange(b) + 1) * a / b).astype(np.int64) for a, b in pairwise(windows)]
    last = [np.searchsorted(n, np.arange(a), side="right") for n, a in zip(need, windows, strict=False)]
    last = [np.minimum(part, b - 1).astype(np.int64) for part, b in zip(last, windows[1:], strict=False)]
    buses = np.zeros(lanes, np.int64) if shared else np.arange(lanes)
    bus_count = 1 if shared else lanes
    names = [f"bus {i}" for i in range(bus_count)] + [f"hop {i}" for i in range(edges * len(hops))]
    route = [np.full(windows[e], e, np.int64) for e in range(edges)]

    def flat(parts: list[np.ndarray]) -> np.ndarray:
        return np.concatenate([*parts, np.zeros(0, np.int64)]).astype(np.int64)

    def offsets(parts: list) -> np.ndarray:
        return np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)

    machine = Machine(
        stage_names=tuple(f"s{i}" for i in range(stages)),
        resource_names=tuple(names),
        images=images,
        windows=np.array(windows, np.int64),
        replicas=np.array(replicas, np.int64),
        read_time=np.full(stages, read),
        read_hold=np.full(stages, read),
        read_offset=np.arange(stages + 1),
        input_registers=np.full(stages, 2),
        in_flight=np.full(stages, 2 + -(-post // max(1, crossbar))),
        output_registers=np.full(stages, 2),
        unit_offset=np.zeros(lanes + 1, np.int64),
        unit_resource=np.zeros(0, np.int64),
        unit_hold=np.zeros(0, np.int64),
        unit_time=np.zeros(0, np.int64),
        post_time=np.full(stages, post),
        write_time=np.full(stages, write),
        write_hold=np.full(stages, write),
        output_slots=np.full(stages, 2),
        crossbar_time=np.full(stages, crossbar),
        crossbar_offset=np.arange(stages + 1),
        lane_offset=np.concatenate([[0], np.cumsum(replicas)]).astype(np.int64),
        read_resource=buses,
        write_resource=buses.copy(),
        edge_source=np.arange(edges),
        edge_target=np.arange(1, stages),
        capacity=np.array([capacity or 2 * windows[e] for e in range(edges)], np.int64),
        need=flat(need),
        need_offset=offsets(need),
        last=flat(last),
        last_offset=offsets(last),
        route=flat(route),
        route_offset=np.arange(edges + 1) * len(hops),
        hop_resource=bus_count + np.arange(edges * len(hops)),
        hop_hold=np.tile(np.array([hop[0] for hop in hops], np.int64), edges).astype(np.int64),
        hop_latency=np.tile(np.array([hop[1] for hop in hops], np.int64), edges).astype(np.int64),
    )
    machine.check()
    return machine
