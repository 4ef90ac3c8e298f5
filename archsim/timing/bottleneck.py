"""What limits a run: the critical path sorted by what its pieces waited for.

Each piece of the path is ascribed to one of

- `crossbars` (`digital units`) of a layer: window after window on the same lane, without a pause;
- `bus`, `link`, `chip link`: a shared resource that was handed on from transfer to transfer without a pause;
- `buffer`: a loop between two layers that went round through freed room of the same buffer again and again;
- `registers`: the same with the output registers of a layer;
- `depth`: everything else, a window's way through the layers, each waiting for the one before it.

The shares say what could be gained at most: a run without the pieces of one kind is at most that much shorter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from archsim.mapping.digital import UNITS
from archsim.timing.critical import Joint, Segment, critical_path
from archsim.timing.machine import Machine, Stamps
from archsim.timing.replay import replay

SECONDS = 1e-12
Limit = tuple[str, int]
"""(kind, number): of a stage, a resource or an edge; -1 for `depth`."""
DEPTH: Limit = ("depth", -1)
RESOURCE_KINDS = {"bus": "bus", "chip": "chip link", **dict.fromkeys(UNITS, "digital units")}


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRow:
    """Time [s] that a layer's activity spent on the critical path, and its `share`. `resource` is the shared one it
    held ("" for none); `limit` and `limit_name` say what kind of limit the time is ascribed to, and which."""

    layer: str
    activity: str
    resource: str
    limit: str
    limit_name: str
    time_s: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck:
    """What limits the run most. `kind_share` is the share of the critical path of all of its kind, `share` and `time_s`
    of `name` alone; `utilization` is how much of the run that was busy (None for buffers and depth)."""

    kind: str
    name: str
    kind_share: float
    share: float
    time_s: float
    utilization: float | None
    sentence: str
    relief: str = ""


def find_bottleneck(machine: Machine, stamps: Stamps) -> tuple[Bottleneck, tuple[PathRow, ...]]:
    """The bottleneck of a finished run and its critical path by layer, activity and resource, longest first.

    Raises `SimulationError` when shared resources were not given out in
    order of request.
    """
    path = critical_path(machine, stamps, replay(machine, stamps))
    limits = ascribe(path)
    return _worst(machine, stamps, path, limits), _rows(machine, path, limits)


def ascribe(path: list[Segment]) -> list[Limit]:
    """What each piece of a critical path is ascribed to."""
    found: list[Limit | None] = [("resource", piece.resource) if piece.queued else None for piece in path]
    for place, (later, sooner) in enumerate(pairwise(path)):
        same = (later.stage, later.activity) == (sooner.stage, sooner.activity)
        if not same or all(joint.cause != "lane" for joint in later.joints):
            continue
        for index, piece in ((place, later), (place + 1, sooner)):
            if found[index] is None:
                crossbar = piece.activity == "crossbar"
                found[index] = ("crossbars", piece.stage) if crossbar else ("resource", piece.resource)
    for limit, low, high in sorted(_loops(path), key=lambda loop: path[loop[1]].end - path[loop[2]].start):
        for index in range(low, high + 1):
            if found[index] is None:
                found[index] = limit
    return [limit or DEPTH for limit in found]


def _loops(path: list[Segment]) -> Iterator[tuple[Limit, int, int]]:
    """Stretches of the path between two crossings of the same buffer edge or the same stage's output registers, as
    (limit, first index, last index)."""
    crossed: dict[Limit, int] = {}
    for index, piece in enumerate(path):
        for joint in piece.joints:
            limit = _token(joint, piece)
            if limit is None:
                continue
            if limit in crossed and crossed[limit] < index:
                yield limit, crossed[limit] + 1, index
            crossed[limit] = index


def _token(joint: Joint, piece: Segment) -> Limit | None:
    if joint.cause == "credit":
        return "buffer", joint.edge
    if joint.cause == "register" and piece.activity in ("crossbar", "post", "work", "write"):
        return "registers", piece.stage
    return None


def _kind(machine: Machine, limit: Limit) -> str:
    kind, number = limit
    if kind == "resource":
        return RESOURCE_KINDS.get(machine.resource_names[number].split()[0], "link")
    return kind


def _name(machine: Machine, limit: Limit) -> str:
    kind, number = limit
    if kind == "resource":
        return machine.resource_names[number]
    if kind == "buffer":
        ends = machine.edge_source[number], machine.edge_target[number]
        return " -> ".join(machine.stage_names[end] for end in ends)
    return "" if kind == "depth" else machine.stage_names[number]


def _rows(machine: Machine, path: list[Segment], limits: list[Limit]) -> tuple[PathRow, ...]:
    spent: Counter[tuple[int, str, int, Limit]] = Counter()
    for piece, limit in zip(path, limits, strict=True):
        spent[piece.stage, piece.activity, piece.resource, limit] += piece.end - piece.start
    total = path[0].end
    return tuple(
        PathRow(
            layer=machine.stage_names[stage],
            activity=activity,
            resource=machine.resource_names[resource] if resource >= 0 else "",
            limit=_kind(machine, limit),
            limit_name=_name(machine, limit),
            time_s=time * SECONDS,
            share=time / total,
        )
        for (stage, activity, resource, limit), time in sorted(spent.items(), key=lambda item: (-item[1], item[0]))
    )


def _worst(machine: Machine, stamps: Stamps, path: list[Segment], limits: list[Limit]) -> Bottleneck:
    spent: Counter[Limit] = Counter()
    kinds: Counter[str] = Counter()
    for piece, limit in zip(path, limits, strict=True):
        spent[limit] += piece.end - piece.start
        kinds[_kind(machine, limit)] += piece.end - piece.start
    total = path[0].end
    kind = max(kinds, key=lambda name: (kinds[name], name))
    limit = max((limit for limit in spent if _kind(machine, limit) == kind), key=lambda one: (spent[one], one))
    name, busy = _name(machine, limit), _utilization(machine, stamps, limit, total)
    share, kind_share = spent[limit] / total, kinds[kind] / total
    parts = [f"{OPENINGS[kind]}: {kind_share:.0%} of the critical path"]
    if kind != "depth":
        parts.append(f", most of it ({share:.0%} of the path) {_where(machine, kind, limit, name)}")
    if busy is not None:
        parts.append(f", busy {busy:.0%} of the time")
    return Bottleneck(
        kind=kind,
        name=name,
        kind_share=kind_share,
        share=share,
        time_s=spent[limit] * SECONDS,
        utilization=busy,
        sentence="".join(parts),
    )


def _utilization(machine: Machine, stamps: Stamps, limit: Limit, total: int) -> float | None:
    kind, number = limit
    if kind == "resource":
        return float(stamps.resource_busy[number]) / total
    if kind == "crossbars":
        lanes = min(int(machine.replicas[number]), int(machine.windows[number]))
        return float(machine.crossbar_times(number).sum()) / (lanes * total)
    return None


def _where(machine: Machine, kind: str, limit: Limit, name: str) -> str:
    if kind == "crossbars":
        lanes = int(machine.replicas[limit[1]])
        return f"in {name} ({lanes} {'lane' if lanes == 1 else 'lanes'})"
    if kind == "buffer":
        return f"in the buffer {name} ({int(machine.capacity[limit[1]])} windows)"
    return f"in {name}" if kind == "registers" else f"on {name}"


OPENINGS = {
    "crossbars": "crossbars that work without pause limit the run",
    "digital units": "digital units of tiles limit the run",
    "bus": "tile buses limit the run",
    "link": "links and router ports of the mesh limit the run",
    "chip link": "links between chips limit the run",
    "buffer": "full buffers limit the run",
    "registers": "full output registers limit the run",
    "depth": "the depth of the network limits the run, one window after the other through all layers",
}
