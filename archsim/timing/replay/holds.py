"""Who held each shared resource, when, and after whom.

Stamps say when a window's steps ended, not when its packets passed each hop. Requests are served in the order of their
times (then stage, kind, lane, window, edge), so one pass over them in that order gives every grant. It must end in the
stamps it started from; a run for which it does not has broken the rules of arbitration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archsim.errors import SimulationError
from archsim.timing.machine import HOP, READ, WRITE, Ints, Machine, Stamps
from archsim.timing.replay.kernels import arbitrate
from archsim.timing.replay.requests import Requests, requests_of


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Holds:
    """T transfers (reads, writes, packets) and their H holds of a resource, transfer by transfer, hop by hop.

    Of a transfer: `kind`, `stage`, `window`, `edge` (-1 unless a packet) and `first` [T + 1], its first hold. Of a
    hold: `owner`, `resource`, `request` and `grant` time, `duration` [ps], and `previous`, the hold before it on the
    same resource (-1: none). `read`, `write` [windows of all stages] and `packet` [producer windows of all edges] are
    the numbers of the transfers; -1 for a packet without hops.
    """

    requests: Requests
    kind: Ints
    stage: Ints
    window: Ints
    edge: Ints
    first: Ints
    owner: Ints
    resource: Ints
    request: Ints
    grant: Ints
    duration: Ints
    previous: Ints
    read: Ints
    write: Ints
    packet: Ints


@dataclass(frozen=True, slots=True, eq=False)
class _Transfers:
    """Columns of transfers in any order; `place` is the index of the stamp it belongs to."""

    kind: Ints
    stage: Ints
    lane: Ints
    window: Ints
    edge: Ints
    time: Ints
    hop: Ints
    hops: Ints
    place: Ints


def replay(machine: Machine, stamps: Stamps) -> Holds:
    """Grants of all shared resources of a finished run.

    Raises `SimulationError` when the stamps are not what first-come, first-served arbitration gives.
    """
    requests = requests_of(machine, stamps)
    parts = [*_bus_transfers(machine, requests), *_packets(machine, requests)]
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in _Transfers.__slots__]
    drawn = _Transfers(*columns)
    rank = np.lexsort((drawn.edge, drawn.window, drawn.lane, drawn.kind, drawn.stage))
    drawn = _Transfers(*[column[rank] for column in columns])
    first = np.concatenate([[0], np.cumsum(drawn.hops)]).astype(np.int64)
    resource, duration, latency = _hops(machine)
    order = np.argsort(drawn.time, kind="stable")
    request, grant, previous = arbitrate(
        order, drawn.time, drawn.hop, drawn.hops, first, resource, duration, latency, machine.resources
    )
    owner = np.repeat(np.arange(len(first) - 1), drawn.hops)
    hop = np.arange(first[-1]) - first[owner] + drawn.hop[owner]
    holds = Holds(
        requests=requests,
        kind=drawn.kind,
        stage=drawn.stage,
        window=drawn.window,
        edge=drawn.edge,
        first=first,
        owner=owner,
        resource=resource[hop],
        request=request,
        grant=grant,
        duration=duration[hop],
        previous=previous,
        read=_numbers(drawn, READ, len(stamps.read)),
        write=_numbers(drawn, WRITE, len(stamps.write)),
        packet=_numbers(drawn, HOP, len(stamps.arrive)),
    )
    _compare(machine, stamps, holds)
    return holds


def _bus_transfers(machine: Machine, requests: Requests) -> list[_Transfers]:
    """Reads and writes: one hop each, on the lane's resource (see `_hops`)."""
    parts = []
    lanes = int(machine.lane_offset[-1])
    bounds = machine.stage_offset.tolist()
    for stage in range(machine.stages):
        place = np.arange(bounds[stage], bounds[stage + 1])
        lane, none = machine.lanes(stage), np.full(len(place), -1)
        for kind, time in ((READ, requests.read), (WRITE, requests.write)):
            hop = len(machine.hop_hold) + kind * lanes + machine.lane_offset[stage] + lane
            same = [np.full(len(place), value) for value in (kind, stage, 1)]
            window = place - bounds[stage]
            parts.append(_Transfers(same[0], same[1], lane, window, none, time[place], hop, same[2], place))
    return parts


def _packets(machine: Machine, requests: Requests) -> list[_Transfers]:
    parts = []
    bounds, stages = machine.edge_offset.tolist(), machine.stage_offset.tolist()
    for edge in range(machine.edges):
        stage = int(machine.edge_source[edge])
        routes = machine.routes(edge)
        window = np.flatnonzero(machine.route_offset[routes + 1] > machine.route_offset[routes])
        hop, end = machine.route_offset[routes[window]], machine.route_offset[routes[window] + 1]
        same = [np.full(len(window), value) for value in (HOP, stage, edge)]
        lane, time = machine.lanes(stage)[window], requests.send[stages[stage] + window]
        place = bounds[edge] + window
        parts.append(_Transfers(same[0], same[1], lane, window, same[2], time, hop, end - hop, place))
    return parts


def _hops(machine: Machine) -> tuple[Ints, Ints, Ints]:
    """Resource, hold and latency of every hop, then of every lane's read and of every lane's write."""
    stage = np.repeat(np.arange(machine.stages), machine.replicas)
    none = np.zeros(len(stage), np.int64)
    return (
        np.concatenate([machine.hop_resource, machine.read_resource, machine.write_resource]),
        np.concatenate([machine.hop_hold, machine.read_hold[stage], machine.write_hold[stage]]),
        np.concatenate([machine.hop_latency, none, none]),
    )


def _numbers(drawn: _Transfers, kind: int, length: int) -> Ints:
    """Number of the transfer of each stamp of a kind."""
    found = np.full(length, -1, np.int64)
    chosen = np.flatnonzero(drawn.kind == kind)
    found[drawn.place[chosen]] = chosen
    return found


def _compare(machine: Machine, stamps: Stamps, holds: Holds) -> None:
    stage = np.repeat(np.arange(machine.stages), machine.total)
    read = holds.grant[holds.first[holds.read]] + machine.read_time[stage]
    write = holds.grant[holds.first[holds.write]] + machine.write_time[stage]
    sent = np.flatnonzero(holds.packet >= 0)
    last = holds.first[holds.packet[sent] + 1] - 1
    arrive = holds.grant[last] + holds.duration[last]
    wrong = {
        "reads": int((read != stamps.read).sum()),
        "writes": int((write != stamps.write).sum()),
        "arrivals": int((arrive != stamps.arrive[sent]).sum()),
    }
    said = ", ".join(f"{count} {name}" for name, count in wrong.items() if count)
    if said:
        raise SimulationError(
            f"timing check failed: {said} are not where first-come, first-served arbitration puts them"
        )
