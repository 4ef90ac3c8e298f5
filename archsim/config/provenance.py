"""Whose figures a hardware file holds after `extends` and `--set`.

A block's `source` speaks for the values in it. A file that changes some of them below a parent's source says where its
own come from (`source`, or `notes` where it chose them); what is set from outside is written behind the source it no
longer rests on. So no changed figure goes on under the name of a work that never printed it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath

from archsim.config.document import Block, Node, Scalar, plain
from archsim.config.suggest import excerpt
from archsim.errors import Problem

WORDS = frozenset({"source", "notes", "recalled", "name", "description", "bibliography", "extends"})
"""Keys that hold no figure."""


@dataclass(frozen=True, slots=True)
class Change:
    """Values set below one block that carries a source: the block's path, where it is set, and the values' dotted
    names in it with the text before (None for none) and after. `credit` is what the new text brings along: "source",
    "notes" or nothing."""

    path: tuple[str, ...]
    where: str
    credit: str
    values: tuple[tuple[str, str | None, str], ...]


def changes(below: Block, above: Block) -> Iterator[Change]:
    """What `above`, laid over `below`, changes under the sources of `below`, by the innermost block with a source."""
    yield from _changes(below, above, ())


def _changes(below: Block, above: Block, path: tuple[str, ...]) -> Iterator[Change]:
    if _source(below):
        credit = next((word for word in ("source", "notes") if word in above.entries), "")
        values = tuple(_values(below, above, ""))
        if values:
            yield Change(path, above.where, credit, values)
    for key, node in above.entries.items():
        under = below.entries.get(key)
        if isinstance(node, Block) and isinstance(under, Block) and key != "bibliography":
            yield from _changes(under, node, (*path, key))


def _values(below: Block, above: Block, prefix: str) -> Iterator[tuple[str, str | None, str]]:
    """Changed values, except those of inner blocks that have or bring a source of their own."""
    for key, node in above.entries.items():
        under = below.entries.get(key)
        if key in WORDS:
            continue
        if isinstance(node, Block):
            inner = under if isinstance(under, Block) else Block({}, node.where)
            if not _source(inner) and not _source(node):
                yield from _values(inner, node, f"{prefix}{key}.")
        elif under is None or plain(under) != plain(node):
            yield prefix + key, None if under is None else _text(under), _text(node)


def unsourced(below: Block, above: Block) -> Iterator[Problem]:
    """Blocks of a file that change figures of the file it extends and do not say where the new ones come from."""
    for change in changes(below, above):
        if not change.credit:
            path = ".".join(change.path)
            names = ", ".join(name for name, _, _ in change.values)
            source = _source(_at(below, change.path))
            yield Problem(
                change.where,
                f"{path}: changes {names} under the source of the file it extends ({excerpt(source)}); expected a "
                "'source' of its own here, or 'notes' that say who chose the values",
            )


def restated(below: Block, above: Block, merged: Block) -> Block:
    """`merged` (`above` over `below`) with a word behind each source that only `notes` of `above` take the place of."""
    for change in changes(below, above):
        if change.credit == "notes":
            names = ", ".join(name for name, _, _ in change.values)
            file = PurePath(change.where.rpartition(":")[0]).name
            merged = _marked(merged, change.path, f"{names} changed in {file}, see its notes")
    return merged


def marked(file: Block, document: Block) -> Block:
    """`document` (the file's with values set from outside) with those values named behind the sources of `file`."""
    for change in changes(file, _difference(file, document)):
        if change.credit != "source":
            values = [
                f"{name} = {after} ({'not' if before is None else before} in the file)"
                for name, before, after in change.values
            ]
            document = _marked(document, change.path, f"set for this run: {', '.join(values)}")
    return document


def _difference(below: Block, above: Block) -> Block:
    """The part of `above` that differs from `below`."""
    entries: dict[str, Node] = {}
    for key, node in above.entries.items():
        under = below.entries.get(key)
        if isinstance(node, Block) and isinstance(under, Block):
            inner = _difference(under, node)
            if inner.entries:
                entries[key] = inner
        elif under is None or plain(under) != plain(node):
            entries[key] = node
    return Block(entries, above.where)


def _source(block: Block) -> str:
    node = block.entries.get("source")
    return node.text if isinstance(node, Scalar) else ""


def _at(block: Block, path: tuple[str, ...]) -> Block:
    for key in path:
        node = block.entries[key]
        assert isinstance(node, Block)
        block = node
    return block


def _marked(document: Block, path: tuple[str, ...], words: str) -> Block:
    """`document` with words behind the source of the block at `path`."""
    if path:
        node = document.entries[path[0]]
        assert isinstance(node, Block)
        return Block({**document.entries, path[0]: _marked(node, path[1:], words)}, document.where)
    source = document.entries["source"]
    assert isinstance(source, Scalar)
    return Block({**document.entries, "source": replace(source, text=f"{source.text}; {words}")}, document.where)


def _text(node: Node) -> str:
    """A value in few words, without what separates sources."""
    text = node.text if isinstance(node, Scalar) else "a block" if isinstance(node, Block) else "a list"
    return (text if len(text) <= 40 else f"{text[:40]}...").replace(";", " ")
