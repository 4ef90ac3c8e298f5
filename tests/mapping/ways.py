"""Oracle of `archsim.mapping.routes`: the way of every packet, window by window, from the words of the design."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from archsim.mapping import Plan, Proposals
from archsim.mapping.network import Mesh, Route
from archsim.mapping.placement import Placement
from archsim.mapping.plan import MappedStage
from archsim.mapping.stages import window_positions
from archsim.mapping.windows import users


def packets_of(plan: Plan) -> Iterator[list[Route]]:
    """The route of each producer window, edge by edge."""
    send = cache(Mesh.of(plan.chip).route)
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
    read = [
        users(consumer.stage, source, producer.stage.shape)
        for source in consumer.stage.sources
        if source.stage == producer.name
    ]
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
    route = cache(Mesh.of(plan.chip).route)
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
                    found.append((route(tile, (tile + 1,)), values * plan.chip.precision.partial_sum_bits))
                if last != home:
                    found.append((route(last, (home,)), values * width))
            yield number, window, found
