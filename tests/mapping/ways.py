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
