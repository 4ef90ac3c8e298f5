"""Machines drawn at random: every rule of `archsim.timing.machine` in many combinations, in times so short that ties
are the rule. Packets go over links in any order, or over a small network of any topology."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from archsim.mapping.kernels import write_routes
from archsim.mapping.network import Channels, Network
from archsim.mapping.topology import TOPOLOGIES
from archsim.timing.machine import Ints, Machine

SHAPES = ("chain", "residual", "concat", "any")
SHARING = ("lanes", "stages", "few", "one")


def random_machine(seed: int, *, exclusive: bool = False, most_windows: int = 60) -> Machine:
    """A machine from a seed. With `exclusive`, no resource has two users."""
    return _Draft(np.random.default_rng([seed, exclusive]), exclusive, most_windows).machine()


@dataclass
class _Draft:
    random: np.random.Generator
    exclusive: bool
    most_windows: int
    names: list[str] = field(default_factory=list)
    hops: list[tuple[int, int, int]] = field(default_factory=list)
    route_ends: list[int] = field(default_factory=lambda: [0])

    def machine(self) -> Machine:
        random = self.random
        stages = int(random.integers(1, 8))
        self.images = int(random.choice([1, 1, 2, 3]))
        self.windows = random.integers(1, self.most_windows, stages)
        if random.random() < 0.3:
            self.windows[:] = self.windows[0]
        self.replicas = random.choice([1, 1, 2, 3, 5, 8], stages)
        self.scale = int(random.choice([3, 10, 1000]))
        pairs = self._pairs(stages)
        # some stages gather, over one edge or more to themselves
        pairs += [(stage, stage) for stage in range(stages) for _ in range(int(random.choice([0, 0, 0, 1, 2])))]
        if random.random() < 0.3:
            pairs = [pairs[place] for place in random.permutation(len(pairs))]
        source, target = (np.array(ends, np.int64) for ends in (zip(*pairs, strict=True) if pairs else ([], [])))
        edges = [self._edge(int(self.windows[a]), int(self.windows[b])) for a, b in pairs]
        lanes = int(self.replicas.sum())
        read_resource, write_resource = self._buses(lanes)
        units = self._units(stages)
        routes = self._routes(pairs)
        periods = [int(random.choice([1, windows])) for windows in self.windows]
        read_hold = self._times(sum(periods), 1)
        write_hold = self._times(stages, 1)
        crossbar = [self._crossbar(int(windows)) for windows in self.windows]
        hops = np.array(self.hops, np.int64).reshape(-1, 3)
        machine = Machine(
            stage_names=tuple(f"s{i}" for i in range(stages)), resource_names=tuple(self.names), images=self.images,
            windows=self.windows, replicas=self.replicas, read_hold=read_hold, write_hold=write_hold,
            read_time=read_hold + self._times(len(read_hold), 0) * random.integers(0, 2),
            read_offset=np.concatenate([[0], np.cumsum(periods)]),
            write_time=write_hold + self._times(stages, 0) * random.integers(0, 2, stages),
            input_registers=random.integers(1, 4, stages), in_flight=random.integers(1, 6, stages),
            output_registers=random.integers(1, 4, stages), **units,
            post_time=self._times(stages, 0) * random.integers(0, 2, stages),
            output_slots=random.integers(1, 4, stages), crossbar_time=flat(crossbar), crossbar_offset=offsets(crossbar),
            lane_offset=np.concatenate([[0], np.cumsum(self.replicas)]), read_resource=read_resource,
            write_resource=write_resource, edge_source=source, edge_target=target,
            capacity=np.array([edge[2] for edge in edges], np.int64),
            need=flat([edge[0] for edge in edges]), need_offset=offsets([edge[0] for edge in edges]),
            last=flat([edge[1] for edge in edges]), last_offset=offsets([edge[1] for edge in edges]),
            route=flat(routes), route_offset=np.array(self.route_ends, np.int64),
            hop_resource=hops[:, 0].copy(), hop_hold=hops[:, 1].copy(), hop_latency=hops[:, 2].copy(),
        )  # fmt: skip
        machine.check()
        return machine

    def _times(self, count: int, least: int) -> Ints:
        return self.random.integers(least, self.scale + 1, count)

    def _pairs(self, stages: int) -> list[tuple[int, int]]:
        """(producer, consumer) pairs without cycles; stage numbers need not follow the flow."""
        random = self.random
        shape = random.choice(SHAPES)
        pairs = set()
        for stage in range(1, stages):
            if shape == "chain":
                producers = [stage - 1]
            elif shape == "residual":
                producers = [stage - 1, max(0, stage - int(random.integers(1, 4)))]
            elif shape == "concat":
                producers = [0] if stage < stages - 1 else list(range(max(1, stages - 1)))
            else:
                producers = random.choice(stage, min(stage, int(random.integers(0, 4))), replace=False).tolist()
            pairs |= {(int(producer), stage) for producer in producers}
        order = random.permutation(stages) if random.random() < 0.3 else np.arange(stages)
        return [(int(order[a]), int(order[b])) for a, b in sorted(pairs)]

    def _edge(self, produced: int, consumed: int) -> tuple[Ints, Ints, int]:
        """need, last and capacity: mostly so that things flow, sometimes too tight."""
        random = self.random
        kind = random.random()
        if kind < 0.15:
            need = np.full(consumed, produced)
        elif kind < 0.6:
            need = np.minimum(-(-(np.arange(consumed) + 1) * produced // consumed) + random.integers(0, 4), produced)
        else:
            need = np.sort(random.integers(0, produced + 1, consumed))
        users = np.minimum(np.searchsorted(need, np.arange(produced), side="right"), consumed - 1)
        last = np.maximum.accumulate(np.minimum(users + random.integers(0, 4), consumed - 1))
        if random.random() < 0.15:
            last = np.sort(random.integers(0, consumed, produced))
        gone = np.searchsorted(last, np.arange(consumed), side="left")
        least = max(1, int((need - gone).max()))
        slack = random.choice([-1, 0, 1, 4, 2 * produced], p=[0.03, 0.07, 0.2, 0.3, 0.4])
        return need.astype(np.int64), last.astype(np.int64), max(1, int(least + slack))

    def _crossbar(self, windows: int) -> Ints:
        period = int(self.random.choice([1, windows, windows * self.images]))
        return self._times(period, 0) * 2

    def _resource(self, kind: str) -> int:
        self.names.append(f"{kind} {len(self.names)}")
        return len(self.names) - 1

    def _buses(self, lanes: int) -> tuple[Ints, Ints]:
        if self.exclusive:
            reads, writes = ([self._resource("bus") for _ in range(lanes)] for _ in range(2))
            return np.array(reads), np.array(writes)
        sharing = self.random.choice(SHARING)
        if sharing == "lanes":
            choice = np.arange(lanes)
        elif sharing == "stages":
            choice = np.repeat(np.arange(len(self.replicas)), self.replicas)
        else:
            choice = self.random.integers(0, 3 if sharing == "few" else 1, lanes)
        buses = np.array([self._resource("bus") for _ in range(int(choice.max()) + 1)])
        other = self.random.permutation(choice) if self.random.random() < 0.3 else choice
        return buses[choice], buses[other]

    def _units(self, stages: int) -> dict[str, Ints]:
        """No unit, one or several for every stage; shared by all lanes and stages, or each lane's own; sometimes a bus
        or the same unit twice."""
        random = self.random
        shared = [self._resource("unit") for _ in range(int(random.integers(1, 4)))]
        if random.random() < 0.2:
            shared += list(range(len(self.names)))
        offset, rows = [0], []
        for stage in range(stages):
            count = int(random.choice([0, 0, 1, 2, 3]))
            hold = self._times(count, 1)
            time = hold + self._times(count, 0) * random.integers(0, 2, count)
            for _ in range(int(self.replicas[stage])):
                taken = [self._resource("unit") if self.exclusive else int(random.choice(shared)) for _ in range(count)]
                rows += list(zip(taken, hold.tolist(), time.tolist(), strict=True))
                offset.append(len(rows))
        table = np.array(rows, np.int64).reshape(-1, 3)
        return {
            "unit_offset": np.array(offset, np.int64),
            "unit_resource": table[:, 0].copy(),
            "unit_hold": table[:, 1].copy(),
            "unit_time": table[:, 2].copy(),
        }

    def _routes(self, pairs: list[tuple[int, int]]) -> list[Ints]:
        """The route of each producer window of each edge; routes share links unless everything is exclusive."""
        random = self.random
        network = None if self.exclusive or random.random() < 0.6 else self._network()
        links = [self._resource("link") for _ in range(int(random.integers(1, 6)))]
        if random.random() < 0.2:
            links += list(range(len(self.names)))  # a bus may lie on the way
        found = []
        for source, _ in pairs:
            windows, replicas = int(self.windows[source]), int(self.replicas[source])
            choices = int(random.integers(1, 4))
            if self.exclusive:
                table = np.array([[self._route(None) for _ in range(choices)] for _ in range(replicas)])
            elif network is not None:
                table = np.array([[self._way(network) for _ in range(choices)] for _ in range(replicas)])
            else:
                table = np.tile([self._route(links) for _ in range(choices)], (replicas, 1))
            found.append(table[np.arange(windows) % replicas, random.integers(0, choices, windows)].astype(np.int64))
        return found

    def _route(self, links: list[int] | None) -> int:
        for _ in range(int(self.random.choice([0, 1, 2, 4], p=[0.25, 0.35, 0.2, 0.2]))):
            resource = self._resource("link") if links is None else int(self.random.choice(links))
            hold, latency = self.random.integers(1, self.scale + 1, 2).tolist()
            self.hops.append((resource, hold, latency))
        self.route_ends.append(len(self.hops))
        return len(self.route_ends) - 2

    def _network(self) -> _Network:
        """One or two chips of up to 18 tiles."""
        random = self.random
        family = str(random.choice(list(TOPOLOGIES)))
        routers, shared = int(random.integers(1, 10)), int(random.integers(1, 3))
        tiles = routers * shared
        if TOPOLOGIES[family].one_router:
            routers, shared = 1, tiles
        network = Network(
            columns=int(random.integers(1, 5)), routers_per_chip=routers, tiles_per_chip=tiles, tiles_per_router=shared,
            band_rows=int(random.integers(1, 4)), family=family,
        )  # fmt: skip
        return _Network(Channels(network=network, chips=int(random.integers(1, 3))))

    def _way(self, network: _Network) -> int:
        """A packet from some tile to some tiles, itself among them or not."""
        random, channels = self.random, network.channels
        source, count = random.integers(0, channels.tiles, 1), int(random.integers(1, 4))
        targets = np.unique(random.integers(0, channels.tiles, count))
        topology, bounds = channels.network.topology, np.array([0, len(targets)])
        taken, _, _ = write_routes(
            topology.neighbour, topology.port, channels.routers, channels.chips, source, np.zeros(1, np.int64), targets,
            bounds,
        )  # fmt: skip
        hold = int(random.integers(1, self.scale + 1))
        for channel in taken.tolist():
            if channel not in network.resources:
                network.resources[channel] = self._resource(str(channels.hop(channel)))
            self.hops.append((network.resources[channel], hold, int(random.integers(1, self.scale + 1))))
        self.route_ends.append(len(self.hops))
        return len(self.route_ends) - 2


@dataclass
class _Network:
    """A network, and the resources that its channels in use have become."""

    channels: Channels
    resources: dict[int, int] = field(default_factory=dict)


def flat(parts: list[Ints]) -> Ints:
    return np.concatenate([*parts, np.zeros(0, np.int64)]).astype(np.int64)


def offsets(parts: list[Ints]) -> Ints:
    return np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
