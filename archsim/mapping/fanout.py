"""Which copies of a consumer the windows of a producer go to, whatever tiles either stands on.

A producer window goes to those copies whose windows use it. A digital stage that takes one position of each operand
(sums, products, functions) works where one of its operands is produced (`archsim.mapping.hosting`), which costs nothing
to reach; pools gather their positions from wherever those were made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.kernels import distinct_rows, pair_up
from archsim.mapping.stages import Stage, window_positions
from archsim.mapping.windows import window_users

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fanout:
    """Packets of one edge and image, by kind: from producer copy `lane` [kinds] to the consumer copies of set `choice`
    [kinds], `shares` [kinds] times. Set k is `lanes[offset[k]:offset[k + 1]]`, ascending; `kind_of` [producer windows]
    is what each window sends."""

    lane: Ints
    choice: Ints
    shares: Ints
    kind_of: Ints
    lanes: Ints
    offset: Ints


def fan_out(
    producer: Stage, consumer: Stage, producer_copies: int, consumer_copies: int, *, together: bool = False
) -> Fanout:
    """The packets between two stages with so many copies each; window w is made by copy w mod copies. `together`: the
    consumer stands on the producer's tiles."""
    choice = np.zeros(producer.windows, np.int64)
    if together and window_positions(consumer) == 1:  # used where it is made
        lanes, offset = np.zeros(0, np.int64), np.zeros(2, np.int64)
    elif (window := _using(producer, consumer)) is None:
        lanes, offset = np.arange(consumer_copies), np.array([0, consumer_copies])
    else:
        choice, lanes, offset = _lane_sets(np.where(window < 0, -1, window % consumer_copies), consumer_copies)
    lane, chosen, shares, kind_of = pair_up(choice, len(offset) - 1, producer_copies)
    return Fanout(lane=lane, choice=chosen, shares=shares, kind_of=kind_of, lanes=lanes, offset=offset)


def _using(producer: Stage, consumer: Stage) -> Ints | None:
    """Consumer windows that use each producer window [producer windows, most], -1 for none; None when all use all."""
    read = [window_users(consumer, source, producer) for source in consumer.sources if source.stage == producer.name]
    some = [windows for windows in read if windows is not None]
    return np.concatenate(some, axis=1) if len(some) == len(read) else None


def _lane_sets(used: Ints, copies: int) -> tuple[Ints, Ints, Ints]:
    """(set of each row, all sets' lanes, where each set begins) of rows of lanes, -1 for none; sets stand in the order
    of their sorted rows."""
    rows, chosen = distinct_rows(np.sort(used, axis=1), copies)
    kept = rows >= 0
    kept[:, 1:] &= rows[:, 1:] != rows[:, :-1]
    return chosen, rows[kept], np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
