"""Where buffers stand: in the eDRAM of the tiles that read them, as far as it goes.

A consumer's buffer lies evenly on the tiles the consumer works on. Where these are full, `mapping.buffer_overflow` says
what happens: what must be held stands in the nearest tiles of the same chip that have room, and is fetched from there
with every read (`spread`); buffers hold no slack there (`less`); or the network is refused. Slack beyond what must be
held is only taken where there is room. A network whose least buffers find no room at all is refused in any case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.components import Chip
from archsim.errors import InputError, Problem
from archsim.mapping.network import Network
from archsim.units import format_quantity

Loads = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """What an edge's buffer needs: bytes of one window, the least windows, those of slack, how many of these must be
    held (where `spread`), and the tiles it is for."""

    window_bytes: float
    least: int
    slack: int
    must: int
    tiles: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Held:
    """Windows of slack that each buffer got, and of every tile in use the share of its buffers that stands elsewhere
    and how many hops away [tiles of the machine]. `overflowing` tiles had to, by `spilled` bytes in all."""

    slack: tuple[int, ...]
    remote: Loads
    hops: Loads
    overflowing: int
    spilled: float


def hold(buffers: Sequence[Buffer], chip: Chip, chips: int) -> Held:
    """Fit buffers into the tiles' eDRAM.

    Raises `InputError` when even the least buffers do not fit, or are not to be spread.
    """
    least = [buffer.least for buffer in buffers]
    must = [buffer.least + buffer.must for buffer in buffers]
    if chip.buffer_overflow == "spread" and not list(_lacking(_loads(buffers, must, chip, chips), chip)):
        return _held(buffers, must, chip, chips)
    load = _loads(buffers, least, chip, chips)
    for problem in _lacking(load, chip):
        raise InputError([problem])
    if chip.buffer_overflow == "refuse" and (load > chip.tile.edram.size_bytes).any():
        said = f"is refuse, and {_worst(load, chip)} (expected: spread, or a larger tile.edram.size)"
        raise InputError([Problem("mapping.buffer_overflow", said)])
    return _held(buffers, least, chip, chips)


def _loads(buffers: Sequence[Buffer], windows: Sequence[int], chip: Chip, chips: int) -> Loads:
    """Bytes on every tile when each buffer holds so many windows."""
    load = np.zeros(chips * chip.tiles)
    for buffer, count in zip(buffers, windows, strict=True):
        load[buffer.tiles] += count * buffer.window_bytes / len(buffer.tiles)
    return load


def _held(buffers: Sequence[Buffer], sure: Sequence[int], chip: Chip, chips: int) -> Held:
    """Buffers that hold `sure` windows wherever these stand, and as much more of their slack as fits beside."""
    size = chip.tile.edram.size_bytes
    load = _loads(buffers, sure, chip, chips)
    more = [buffer.least + buffer.slack - count for buffer, count in zip(buffers, sure, strict=True)]
    wanted = _loads(buffers, more, chip, chips)
    over = np.maximum(0.0, load - size)
    room = np.maximum(0.0, size - load)
    # what stands in for other tiles' buffers comes before slack
    hops, lent = _spread(over, room, Network.of(chip))
    left = np.maximum(0.0, room - lent)
    factor = np.minimum(1.0, np.divide(left, wanted, out=np.ones(len(load)), where=wanted > 0))
    slack = tuple(
        count - buffer.least + int(extra * float(factor[buffer.tiles].min(initial=1.0)))
        for buffer, count, extra in zip(buffers, sure, more, strict=True)
    )
    return Held(
        slack=slack,
        remote=np.divide(over, load, out=np.zeros(len(load)), where=load > 0),
        hops=hops,
        overflowing=int((over > 0).sum()),
        spilled=float(over.sum()),
    )


def _lacking(load: Loads, chip: Chip) -> Iterator[Problem]:
    """Chips whose tiles together cannot hold their buffers."""
    size = chip.tile.edram.size_bytes
    for number, part in enumerate(load.reshape(-1, chip.tiles)):
        lacking, free = np.maximum(0.0, part - size).sum(), np.maximum(0.0, size - part).sum()
        if lacking > free:
            said = (
                f"is too small: {_worst(load, chip)}, and chip {number} has {format_quantity(free, 'B')} free for the "
                f"{format_quantity(lacking, 'B')} that its tiles lack"
            )
            yield Problem("tile.edram.size", said)


def _worst(load: Loads, chip: Chip) -> str:
    size, tile = chip.tile.edram.size_bytes, int(np.argmax(load))
    return (
        f"the least buffers take {format_quantity(load[tile], 'B')} on tile {tile}, which has "
        f"{format_quantity(size, 'B')} (tiles that lack some: {int((load > size).sum())})"
    )


def _spread(over: Loads, room: Loads, network: Network) -> tuple[Loads, Loads]:
    """Mean hops to where each tile's excess stands, and how much of each tile's `room` it takes: nearest tiles first,
    by number of tile."""
    hops, free = np.zeros(len(over)), room.copy()
    if not over.any():
        return hops, np.zeros(len(over))
    local = np.arange(network.tiles_per_chip)
    router = network.router_of(local)
    for tile in np.flatnonzero(over).tolist():
        chip, here = divmod(tile, network.tiles_per_chip)
        away = network.topology.hops_from(int(router[here]))[router]
        order = np.lexsort((local, away))
        there = free[chip * network.tiles_per_chip + order]
        taken = np.clip(over[tile] - (np.cumsum(there) - there), 0.0, there)
        free[chip * network.tiles_per_chip + order] -= taken
        hops[tile] = float((taken * away[order]).sum()) / float(over[tile])
    return hops, room - free
