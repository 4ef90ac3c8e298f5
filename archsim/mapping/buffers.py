"""How many windows each buffer between two stages holds.

A buffer that is too small deadlocks where branches meet again: the short branch (a residual skip) must keep what the
long branch has not yet returned. An untimed eager execution of the whole pipeline shows the least that any order of
events needs; stages are determinate, so buffers of that size never deadlock, whatever the durations. Slack rows on
top let producer and consumer overlap; a bypass gets as much as the way around it has in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from archsim.mapping.stages import Source, Stage
from archsim.mapping.windows import Counts, buffer_needs, smallest_buffer


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Edge:
    """A buffered connection between two stages, by their index. `capacity` is in producer windows, `values` is what a
    producer window sends (all channels of the producer), `read_values` what the consumer uses of it."""

    source: int
    target: int
    need: Counts
    last: Counts
    minimum: int
    capacity: int
    values: int
    read_values: int


def build_edges(stages: tuple[Stage, ...]) -> tuple[Edge, ...]:
    """Edges of a pipeline with the least capacities that never deadlock; several reads of one producer by one stage
    share a buffer."""
    index = {stage.name: number for number, stage in enumerate(stages)}
    drafts = [draft for target, stage in enumerate(stages) for draft in _incoming(stage, target, index, stages)]
    peaks = _occupancy(stages, drafts)
    edges = []
    for draft, peak in zip(drafts, peaks, strict=True):
        producer = stages[draft.source]
        minimum = max(int(peak), draft.minimum)
        edges.append(
            Edge(
                source=draft.source,
                target=draft.target,
                need=draft.need,
                last=draft.last,
                minimum=minimum,
                capacity=minimum,
                values=producer.values_out,
                read_values=draft.read_values,
            )
        )
    return tuple(edges)


def matched_slack(stages: tuple[Stage, ...], edges: Sequence[Edge], slack_rows: int) -> list[int]:
    """Windows of slack of every edge: `slack_rows` rows of the producer's map, and on an edge that bypasses others as
    much of the map as the slack of the longest way around it adds up to.

    Without that, the bypass is full before the buffers of the long way are, and their slack is of no use (slack
    matching: Beerel, Lines, Davies and Kim, ASYNC 2006). At most one map.
    """
    own = [max(1, slack_rows * stage.row_windows) / stage.windows for stage in stages]
    longest = np.full((len(stages), len(stages)), -np.inf)
    np.fill_diagonal(longest, 0.0)
    # stages stand in an order in which producers come before their consumers
    for edge in sorted(edges, key=lambda edge: edge.target):
        longest[:, edge.target] = np.maximum(longest[:, edge.target], longest[:, edge.source] + own[edge.source])
    shares = [max(own[edge.source], min(1.0, float(longest[edge.source, edge.target]))) for edge in edges]
    return [ceil(round(share * stages[edge.source].windows, 6)) for edge, share in zip(edges, shares, strict=True)]


def _incoming(stage: Stage, target: int, index: dict[str, int], stages: tuple[Stage, ...]) -> list[Edge]:
    by_producer: dict[str, list[Source]] = {}
    for source in stage.sources:
        if source.stage is not None:
            by_producer.setdefault(source.stage, []).append(source)
    found = []
    # by producer: arbitration ties look at edge numbers, which must not depend on the order of operands
    for name, sources in sorted(by_producer.items(), key=lambda item: index[item[0]]):
        number = index[name]
        pairs = [buffer_needs(stage, source, stages[number]) for source in sources]
        need = np.maximum.reduce([pair[0] for pair in pairs])
        last = np.maximum.reduce([pair[1] for pair in pairs])
        minimum = smallest_buffer(need, last)
        values = min(stages[number].values_out, sum(source.values for source in sources))
        found.append(
            Edge(
                source=number,
                target=target,
                need=need,
                last=last,
                minimum=minimum,
                capacity=minimum,
                values=stages[number].values_out,
                read_values=values,
            )
        )
    return found


def _occupancy(stages: tuple[Stage, ...], edges: list[Edge]) -> Counts:
    from archsim.mapping.kernels import eager_occupancy

    if not edges:
        return np.zeros(0, np.int64)
    source = np.array([edge.source for edge in edges], np.int64)
    target = np.array([edge.target for edge in edges], np.int64)
    peak, fired = eager_occupancy(
        np.array([stage.windows for stage in stages], np.int64),
        source,
        target,
        *_concatenated([edge.need for edge in edges]),
        *_concatenated([edge.last for edge in edges]),
        *adjacency(target, len(stages)),
        *adjacency(source, len(stages)),
    )
    unfinished = [stage.name for stage, count in zip(stages, fired, strict=True) if count != stage.windows]
    if unfinished:
        raise AssertionError(f"the untimed pipeline stopped before its end at {unfinished}")
    return np.asarray(peak, np.int64)


def _concatenated(arrays: list[Counts]) -> tuple[Counts, Counts]:
    offsets = np.concatenate([[0], np.cumsum([len(array) for array in arrays])]).astype(np.int64)
    return np.concatenate(arrays), offsets


def adjacency(ends: Counts, nodes: int) -> tuple[Counts, Counts]:
    """Edges grouped by one of their ends: (edge indices, offsets [nodes + 1])."""
    order = np.argsort(ends, kind="stable").astype(np.int64)
    return order, np.searchsorted(ends[order], np.arange(nodes + 1)).astype(np.int64)
