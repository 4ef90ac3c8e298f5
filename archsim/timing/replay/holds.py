"""Who held each shared resource, when, and after whom.

Stamps say when a window's steps ended, not when its packets passed each hop. Requests are served in the order of their
times (then stage, kind, lane, window, edge), so one pass over them in that order gives every grant. It must end in the
stamps it started from; a run for which it does not has broken the rules of arbitration.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from archsim.errors import SimulationError
from archsim.timing.kernel_engine import grouped, unknown
from archsim.timing.machine import Ints, Machine, Stamps
from archsim.timing.replay.kernels import Layout, Numbers, Served, Transfers, arbitrate, fill_transfers
from archsim.timing.replay.requests import Requests, requests_of


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Holds:
    """T transfers (reads, work, writes, packets) and their H holds of a resource, transfer by transfer, hop by hop.

    Of a transfer: `kind`, `stage`, `window`, `edge` (-1 unless a packet) and `first` [T + 1], its first hold. Of a
    hold: `owner`, `resource`, `request` and `grant` time, `duration` [ps], and `previous`, the hold before it on the
    same resource (-1: none). `read`, `work`, `write` [windows of all stages] and `packet` [producer windows of all
    edges] are the numbers of the transfers; -1 for work without units and a packet without hops.
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
    work: Ints
    write: Ints
    packet: Ints


def replay(machine: Machine, stamps: Stamps) -> Holds:
    """Grants of all shared resources of a finished run.

    Raises `SimulationError` when the stamps are not what first-come, first-served arbitration gives.
    """
    requests = requests_of(machine, stamps)
    transfers, numbers = _transfers(machine, requests)
    first = np.concatenate([[0], np.cumsum(transfers.hops)]).astype(np.int64)
    served = Served(*(np.empty(first[-1], np.int64) for _ in Served._fields))
    order = np.argsort(transfers.time, kind="stable")
    arbitrate(order, transfers, first, *_hops(machine), served, machine.resources)
    holds = Holds(
        requests=requests,
        kind=transfers.kind,
        stage=transfers.stage,
        window=transfers.window,
        edge=transfers.edge,
        first=first,
        **served._asdict(),
        **numbers._asdict(),
    )
    _compare(machine, stamps, holds)
    return holds


def _transfers(machine: Machine, requests: Requests) -> tuple[Transfers, Numbers]:
    """All transfers of a run in the machine's order of precedence."""
    out_edges, out_bounds = grouped(machine.edge_source, machine.stages)
    layout = Layout(
        images=machine.images,
        windows=machine.windows,
        replicas=machine.replicas,
        lane_offset=machine.lane_offset,
        stage_offset=machine.stage_offset,
        edge_offset=machine.edge_offset,
        last_offset=machine.last_offset,
        route=machine.route,
        route_offset=machine.route_offset,
        out_edges=out_edges,
        out_bounds=out_bounds,
        gathers=machine.gathers,
        unit_offset=machine.unit_offset,
        hop_count=len(machine.hop_hold),
    )
    windows, packets = int(machine.stage_offset[-1]), int(machine.edge_offset[-1])
    numbers = Numbers(unknown(windows), unknown(windows), unknown(windows), unknown(packets))
    room = Transfers(*(np.empty(3 * windows + packets, np.int64) for _ in Transfers._fields))
    count = fill_transfers(
        layout, requests.read, requests.post, requests.work, requests.write, requests.send, room, numbers
    )
    return Transfers(*(column[:count] for column in room)), numbers


def _hops(machine: Machine) -> tuple[Ints, Ints, Ints]:
    """Resource, hold and latency of every hop, then of the read of every window of an image, every lane's write and
    every lane's units."""
    stage = np.repeat(np.arange(machine.stages), machine.replicas)
    one = replace(machine, images=1)
    reads = [machine.read_resource[one.lane_offset[s] + one.lanes(s)] for s in range(one.stages)]
    holds = [one.read_holds(s) for s in range(one.stages)]
    none = np.zeros(int(machine.windows.sum()) + len(stage), np.int64)
    return (
        np.concatenate([machine.hop_resource, *reads, machine.write_resource, machine.unit_resource]),
        np.concatenate([machine.hop_hold, *holds, machine.write_hold[stage], machine.unit_hold]),
        np.concatenate([machine.hop_latency, none, machine.unit_time]),
    )


def _last_unit_time(machine: Machine) -> Ints:
    """Time of the last unit that each stage's windows take [S]; 0 where there is none."""
    ends = machine.unit_offset[machine.lane_offset[:-1] + 1]
    some = ends > machine.unit_offset[machine.lane_offset[:-1]]
    return np.where(some, np.append(machine.unit_time, 0)[np.where(some, ends - 1, -1)], 0).astype(np.int64)


def _compare(machine: Machine, stamps: Stamps, holds: Holds) -> None:
    stage = np.repeat(np.arange(machine.stages), machine.total)
    reads = np.concatenate([machine.read_times(number) for number in range(machine.stages)])
    read = holds.grant[holds.first[holds.read]] + reads
    write = holds.grant[holds.first[holds.write]] + machine.write_time[stage]
    worked = np.flatnonzero(holds.work >= 0)
    unit = holds.first[holds.work[worked] + 1] - 1
    work = holds.grant[unit] + _last_unit_time(machine)[stage[worked]]
    sent = np.flatnonzero(holds.packet >= 0)
    last = holds.first[holds.packet[sent] + 1] - 1
    arrive = holds.grant[last] + holds.duration[last]
    wrong = {
        "reads": int((read != stamps.read).sum()),
        "works": int((work != stamps.work[worked]).sum()),
        "writes": int((write != stamps.write).sum()),
        "arrivals": int((arrive != stamps.arrive[sent]).sum()),
    }
    said = ", ".join(f"{count} {name}" for name, count in wrong.items() if count)
    if said:
        raise SimulationError(
            f"timing check failed: {said} are not where first-come, first-served arbitration puts them"
        )
