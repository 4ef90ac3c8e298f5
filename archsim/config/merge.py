"""One `extends`, deep merge by key, and overrides by dotted path."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from archsim.config.changes import regridded
from archsim.config.document import Block, Items, Node, Scalar, compose, read_text
from archsim.config.provenance import restated, unsourced
from archsim.config.shipped import find, shipped
from archsim.config.suggest import excerpt
from archsim.errors import InputError, Problem

SUFFIXES = (".yaml", ".yml")

_DEEPEST_CHAIN = 20


def read_extended(path: Path) -> tuple[Block, Block, list[Problem]]:
    """A hardware file with everything it extends merged below it (the key `extends` itself is gone), the same of the
    file it extends (itself where it extends none), and the problems that leave something to look at: those of its YAML,
    and figures changed without a source (`provenance`). A file that changes `tile.count` alone gets a grid for it.

    Raises
    ------
    InputError
        Files of the chain that cannot be read at all, a cycle, or a file that extends another without its own name.
    """
    blocks, problems = _chain(path)
    merged, *above = reversed(blocks)
    below = merged
    for block in above:
        below, laid = merged, deep_merge(merged, block)
        problems += unsourced(merged, block)
        merged = regridded(below, restated(merged, block, laid))
    return _alone(merged), _alone(below), problems


def _alone(block: Block) -> Block:
    """A merged file that extends nothing any more."""
    return Block({key: node for key, node in block.entries.items() if key != "extends"}, block.where)


def _chain(path: Path) -> tuple[list[Block], list[Problem]]:
    """Documents of a file and of all it extends, in that order, and the problems of their YAML."""
    chain: list[Path] = []
    blocks: list[Block] = []
    problems: list[Problem] = []
    where = os.fspath(path)
    while True:
        if path.resolve() in [earlier.resolve() for earlier in chain]:
            names = " -> ".join(earlier.name for earlier in [*chain, path])
            raise InputError(f"extends itself: {names}; expected a chain that ends", where)
        if len(chain) == _DEEPEST_CHAIN:
            raise InputError(f"is the end of a chain of more than {_DEEPEST_CHAIN} 'extends'", where)
        chain.append(path)
        node, found = compose(read_text(path), os.fspath(path))
        problems += found
        blocks.append(_mapping(node))
        parent = blocks[-1].entries.get("extends")
        if parent is None:
            return blocks, problems
        if "name" not in blocks[-1].entries:
            raise InputError("a file that extends another needs a 'name' of its own", blocks[-1].where)
        where = parent.where
        path = _parent(parent, path)


def deep_merge(below: Block, above: Block) -> Block:
    """`above` laid over `below`: blocks merge key by key, anything else of `above` replaces what is below."""
    entries = dict(below.entries)
    for key, node in above.entries.items():
        under = entries.get(key)
        both = isinstance(node, Block) and isinstance(under, Block)
        entries[key] = deep_merge(under, node) if both else node  # type: ignore[arg-type]
    return Block(entries, above.where)


def apply_overrides(document: Block, overrides: Mapping[str, object]) -> tuple[Block, list[Problem]]:
    """`document` with values set by dotted path, in order (their positions read `--set path`), and the problems: every
    path that cannot be followed and every value that is no text, number, truth value or mapping.

    Where `tile.count` is set without `tile.grid`, the grid follows. Paths that end in a key unknown to the model are
    left to the model, which knows what to suggest.
    """
    problems: list[Problem] = []
    file = document
    for path, value in ((str(path), value) for path, value in overrides.items()):
        where = f"--set {path}" if len(path) < 200 else f"--set {excerpt(path)}"
        keys = path.split(".")
        if not all(key.strip() == key and key for key in keys):
            problems.append(Problem(where, "is not a dotted path; expected one such as ima.adc.bits"))
        elif keys[0] == "extends":
            problems.append(Problem(where, "cannot be set from outside; name another hardware file instead"))
        else:
            try:
                document = _with(document, keys, _to_node(value, where), where)
            except InputError as error:
                problems.extend(error.problems)
    return regridded(file, document), problems


def _mapping(node: Node) -> Block:
    if not isinstance(node, Block):
        raise InputError("is no mapping; expected 'key: value' lines at the top", node.where)
    return node


def _parent(node: Node, child: Path) -> Path:
    if not isinstance(node, Scalar) or not node.text:
        raise InputError("extends: expected one name or path", node.where)
    beside = child.parent / node.text
    if node.text.endswith(SUFFIXES) and beside.is_file():
        return beside
    for suffix in SUFFIXES:
        if (child.parent / f"{node.text}{suffix}").is_file() and child.parent.resolve() != shipped("hwconfigs"):
            return child.parent / f"{node.text}{suffix}"
    try:
        return find("hwconfigs", node.text, SUFFIXES)
    except InputError as error:
        raise InputError(Problem(node.where, f"extends: {p.where}: {p.what}") for p in error.problems) from None


def _with(block: Block, keys: list[str], value: Node, where: str) -> Block:
    head, rest = keys[0], keys[1:]
    if rest:
        under = block.entries.get(head, Block({}, where))
        if not isinstance(under, Block):
            raise InputError(f"'{head}' is a value, not a block; it has no '{rest[0]}'", where)
        value = _with(under, rest, value, where)
    elif isinstance(value, Block) and isinstance(under_block := block.entries.get(head), Block):
        value = deep_merge(under_block, value)
    return Block({**block.entries, head: value}, block.where)


def _to_node(value: object, where: str) -> Node:
    """A Python value as the text a file would hold."""
    if isinstance(value, str):
        return Scalar(value, where)
    if isinstance(value, bool):
        return Scalar("true" if value else "false", where)
    if isinstance(value, Mapping):
        return Block({str(key): _to_node(child, where) for key, child in value.items()}, where)
    if isinstance(value, (list, tuple)):
        return Items([_to_node(child, where) for child in value], where)
    try:
        if hasattr(value, "item"):  # NumPy scalars, truth values among them
            return _to_node(value.item(), where)
        if hasattr(value, "__index__"):
            return Scalar(str(int(value)), where)
        if hasattr(value, "__float__"):
            return Scalar(repr(float(value)), where)
    except (TypeError, ValueError, OverflowError):  # arrays, integers of thousands of digits
        pass
    kind = type(value).__name__
    raise InputError(f"cannot be set to a value of type {kind}; expected text, a number or a mapping", where)
