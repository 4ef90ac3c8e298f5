"""What a document changes of the one below it: a file of the file it extends, settings from outside of the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, isqrt

from archsim.config.document import Block, Node, Scalar, plain
from archsim.config.provenance import WORDS


@dataclass(frozen=True, slots=True)
class Changed:
    """A value at a dotted path, as text; `below` is what stands there without it (None for nothing)."""

    path: str
    text: str
    where: str
    below: Node | None


def changed(below: Block, above: Block, prefix: str = "") -> Iterator[Changed]:
    """Values of `above` that are others in `below`, or not there; words such as sources and notes left out."""
    for key, node in above.entries.items():
        under = below.entries.get(key)
        if key in WORDS:
            continue
        if isinstance(node, Block):
            inside = under if isinstance(under, Block) else Block({}, node.where)
            yield from changed(inside, node, f"{prefix}{key}.")
        elif under is None or plain(under) != plain(node):
            text = node.text if isinstance(node, Scalar) else "a list"
            yield Changed(f"{prefix}{key}", text, node.where, under)


def restored(document: Block, change: Changed) -> Block:
    """`document` without one of its changes; blocks that it alone had opened go with it."""
    return _restored(document, change.path.split("."), change.below)


def _restored(block: Block, keys: list[str], below: Node | None) -> Block:
    head, rest = keys[0], keys[1:]
    if rest:
        inner = block.entries[head]
        assert isinstance(inner, Block)
        below = _restored(inner, rest, below)
        if not below.entries:
            return Block({key: node for key, node in block.entries.items() if key != head}, block.where)
    if below is None:
        return Block({key: node for key, node in block.entries.items() if key != head}, block.where)
    return Block({**block.entries, head: below}, block.where)


def regridded(below: Block, above: Block) -> Block:
    """`above` with a grid for its tiles where it changes `tile.count` of `below` and has no `tile.grid` of its own."""
    tile, under = above.entries.get("tile"), below.entries.get("tile")
    if not isinstance(tile, Block) or not isinstance(under, Block):
        return above
    count, grid = tile.entries.get("count"), tile.entries.get("grid")
    if not isinstance(count, Scalar) or not count.text.isascii() or not count.text.isdigit() or int(count.text) < 1:
        return above
    old = under.entries.get("count")
    if grid is None or grid is not under.entries.get("grid") or (old is not None and plain(old) == plain(count)):
        return above
    columns, rows = arrangement(int(count.text))
    made = Block({"columns": Scalar(str(columns), count.where), "rows": Scalar(str(rows), count.where)}, count.where)
    return Block({**above.entries, "tile": Block({**tile.entries, "grid": made}, tile.where)}, above.where)


def arrangement(tiles: int) -> tuple[int, int]:
    """Columns and rows of a grid of so many tiles, as square as it goes: full rows where these are at most twice as
    long as there are rows (168: 14 x 12), else a last row that is not full (13: 4 x 4)."""
    rows = next(rows for rows in range(isqrt(tiles), 0, -1) if tiles % rows == 0)
    if tiles <= 2 * rows * rows:
        return tiles // rows, rows
    columns = isqrt(tiles - 1) + 1
    return columns, ceil(tiles / columns)
