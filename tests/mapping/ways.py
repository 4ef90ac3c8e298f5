"""Oracle of `archsim.mapping.topology` and `archsim.mapping.routes`: the way of every packet, router by router and
window by window, from the words of the design."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

from archsim.mapping import Plan, Proposals
from archsim.mapping.network import Hop, Network
from archsim.mapping.placement import Placement
from archsim.mapping.plan import MappedStage
from archsim.mapping.stages import window_positions
from archsim.mapping.windows import users

Place = tuple[int, int]
Route = tuple[Hop, ...]


def router_of(network: Network, tile: int) -> int:
    """Router a tile hangs on."""
    chip, local = divmod(tile, network.tiles_per_chip)
    return chip * network.routers_per_chip + local // network.tiles_per_router


@cache
def place_of(network: Network) -> tuple[Place, ...]:
    return tuple((row, column) for row, column in network.places.tolist())


@cache
def number_at(network: Network) -> dict[Place, int]:
    return {place: number for number, place in enumerate(place_of(network))}


def step(line: Sequence[int], at: int, goal: int, *, ring: bool) -> int:
    """The next of a row's or column's places on the way from one to another."""
    here, there, length = line.index(at), line.index(goal), len(line)
    ring = ring and length > 2
    forwards = there > here
    if ring:
        ahead = next(count for count in range(length) if (here + count) % length == there)
        back = next(count for count in range(length) if (here - count) % length == there)
        forwards = ahead < back if ahead != back else here % 2 == 0
    return line[(here + (1 if forwards else -1)) % length]


def walk(network: Network, start: int, end: int) -> list[int]:
    """Routers of a packet's way on one chip, both ends included: along its row to its goal's column, then along that;
    along its column first, while its row has no router there."""
    base = start // network.routers_per_chip * network.routers_per_chip
    there, ring = number_at(network), network.family == "torus"
    (row, column), goal = place_of(network)[start - base], place_of(network)[end - base]
    found = [start]
    while (row, column) != goal:
        if column != goal[1] and (row, goal[1]) in there:
            column = step(sorted(c for r, c in there if r == row), column, goal[1], ring=ring)
        else:
            row = step(sorted(r for r, c in there if c == column), row, goal[0], ring=ring)
        found.append(base + there[row, column])
    return found


def path(network: Network, start: int, end: int) -> list[int]:
    """Routers from one router to another, through router 0 of every chip between them."""
    per_chip = network.routers_per_chip
    chip, last = start // per_chip, end // per_chip
    routers = [start]
    while chip != last:
        routers += walk(network, routers[-1], chip * per_chip)[1:]
        chip += 1 if last > chip else -1
        routers.append(chip * per_chip)
    return routers + walk(network, routers[-1], end)[1:]


def route(network: Network, source: int, targets: Sequence[int], host: int = -1) -> Route:
    """Hops from a tile to all of `targets`; none when the data stay in the tile. The host, where it is named, hangs on
    router 0 of a chip before the first, without ports."""
    away = sorted(set(targets) - {source})
    if not away:
        return ()

    def hangs_on(tile: int) -> int:
        return -network.routers_per_chip if tile == host else router_of(network, tile)

    stops = sorted({hangs_on(tile) for tile in away})
    start = hangs_on(source)
    if abs(stops[-1] - start) < abs(stops[0] - start):
        stops.reverse()
    hops, here = [] if source == host else [Hop("inject", source, start)], start
    for stop in stops:
        hops += [_between(network, *ends) for ends in pairwise(path(network, here, stop))]
        hops += [Hop("eject", stop, tile) for tile in away if tile != host and router_of(network, tile) == stop]
        here = stop
    return tuple(hops)


def _between(network: Network, here: int, there: int) -> Hop:
    chips = here // network.routers_per_chip, there // network.routers_per_chip
    return Hop("link", here, there) if chips[0] == chips[1] else Hop("chip", *chips)


def packets_of(plan: Plan) -> Iterator[list[Route]]:
    """The route of each producer window, edge by edge."""
    network = Network.of(plan.chip)

    @cache
    def send(source: int, targets: tuple[int, ...]) -> Route:
        return route(network, source, targets, plan.routes.channels.tiles)

    hosts = host_of(plan)
    for edge in plan.edges:
        producer, consumer = plan.stages[edge.source], plan.stages[edge.target]
        homes = producer.placement.home.tolist()

        @cache
        def tiles(copies: frozenset[int], at: Placement = consumer.placement) -> tuple[int, ...]:
            under = [range(at.first_tile[copy], at.home[copy] + 1) for copy in copies]
            return tuple(sorted({tile for each in under for tile in each}))

        yield [
            send(homes[window % producer.replication], tiles(copies))
            for window, copies in enumerate(receivers(producer, consumer, hosts.get(consumer.name)))
        ]


def host_of(plan: Plan) -> dict[str, str]:
    """The producer that each digital stage stands with."""
    [proposal] = [one for one in Proposals(plan.graph, plan.chip).all if one.name == plan.layout]
    return dict(proposal.hosts)


def receivers(producer: MappedStage, consumer: MappedStage, host: str | None) -> list[frozenset[int]]:
    """Copies of the consumer that each producer window goes to."""
    if consumer.grid is None and host == producer.name and window_positions(consumer.stage) == 1:
        return [frozenset()] * producer.windows
    if consumer.stage.port:
        return [frozenset([0])] * producer.windows
    read = [
        users(consumer.stage, source, producer.stage.shape)
        for source in consumer.stage.sources
        if source.stage == producer.name
    ]
    if producer.stage.port:  # a window is a row of positions
        read = [windows if windows is None else windows.reshape(producer.windows, -1) for windows in read]
    found: list[frozenset[int]] = [frozenset()] * producer.windows
    for windows in read:
        rows = [range(consumer.replication)] * producer.windows if windows is None else windows.tolist()
        found = [
            before | {w % consumer.replication for w in row if w >= 0} for before, row in zip(found, rows, strict=True)
        ]
    return found


def sums_of(plan: Plan) -> Iterator[tuple[int, int, list[tuple[Route, int]]]]:
    """Packets by which every window's sums come home: (stage, window, (hops, bits of each leg's hops) of every packet).

    By the rule: a column group's running sum visits the tiles of its arrays one after the other; from the last it goes
    home as stored. Groups of the same first and last tile travel together.
    """
    network = Network.of(plan.chip)

    @cache
    def way(start: int, end: int) -> Route:
        return route(network, start, (end,))

    per_tile = plan.chip.tile.ima.crossbars * plan.chip.tile.imas
    for number, mapped in enumerate(plan.stages):
        grid = mapped.grid
        if grid is None:
            continue
        width = plan.chip.residual_bits if mapped.stage.residual else plan.slicing.input_bits
        for window in range(mapped.windows):
            copy = window % mapped.replication
            home = int(mapped.placement.home[copy])
            groups: dict[int, list[int]] = {}
            for array, group in enumerate(grid.reduction.tolist()):
                groups.setdefault(group, []).append(array)
            together: dict[tuple[int, int], int] = {}
            for arrays in groups.values():
                tiles = [int(mapped.placement.slots[copy, array]) // per_tile for array in arrays]
                values = int(grid.columns[arrays[0]]) // grid.slicing.columns_per_weight
                if (tiles[0], tiles[-1]) != (home, home):
                    together[tiles[0], tiles[-1]] = together.get((tiles[0], tiles[-1]), 0) + values
            found: list[tuple[Route, int]] = []
            for (first, last), values in sorted(together.items()):
                for tile in range(first, last):
                    found.append((way(tile, tile + 1), values * plan.chip.precision.partial_sum_bits))
                if last != home:
                    found.append((way(last, home), values * width))
            yield number, window, found
