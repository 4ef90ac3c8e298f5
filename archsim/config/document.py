"""Strict YAML: scalars stay text, every node knows its line, and everything that is easily misread is refused.

PyYAML reads `1e-9` as a string and `010` as 8, and keeps the last of duplicate keys silently. Here values are typed by
the model that reads them, never by their spelling; duplicate keys, tabs, anchors, aliases, tags, merge keys and several
documents in one file are errors, all of them reported at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from archsim.config.suggest import excerpt
from archsim.errors import InputError, Problem

LARGEST_FILE = 4 * 2**20
"""Bytes. A description of hardware or of a network by hand is a thousand times smaller."""

_DEEPEST = 60
_MOST_TABS = 5


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value as written, without its quotes."""

    text: str
    where: str


@dataclass(frozen=True, slots=True)
class Block:
    """A mapping; `entries` keep the order of the file."""

    entries: Mapping[str, Node]
    where: str


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence."""

    items: Sequence[Node]
    where: str


Node = Scalar | Block | Items
Plain = str | dict[str, "Plain"] | list["Plain"]


def read_text(path: Path) -> str:
    """Text of a UTF-8 file.

    Raises
    ------
    InputError
        Missing, a directory, unreadable, too large, empty, or not UTF-8 text.
    """
    name = os.fspath(path)
    try:
        if path.is_dir():
            raise InputError("is a directory; expected a YAML file", name)
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise InputError("no such file", name) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable path"
        raise InputError(f"cannot be read ({reason.lower()})", excerpt(name)) from None
    if len(data) > LARGEST_FILE:
        raise InputError(f"is larger than {LARGEST_FILE // 2**20} MiB; expected a hand-written YAML file", name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError("is not UTF-8 text; expected a YAML file", f"{name}:{line}") from None
    if not text.strip():
        raise InputError("is empty; expected a YAML file", name)
    return text


def parse_yaml(text: str, name: str) -> Node:
    """The node tree of one YAML document; `name` (a file name) starts every position.

    Raises
    ------
    InputError
        Every violation of strict YAML in the text, each with its line.
    """
    node, problems = compose(text, name)
    if problems:
        raise InputError(problems)
    return node


def read_yaml(path: Path) -> Node:
    """`parse_yaml` of a file; see `read_text` for what else can be wrong with it."""
    return parse_yaml(read_text(path), os.fspath(path))


def compose(text: str, name: str) -> tuple[Node, list[Problem]]:
    """The node tree and the violations that leave a tree to look at (duplicate keys, aliases, ...), so that a reader
    can report its own findings beside them.

    Raises
    ------
    InputError
        Text that has no tree: tabs, control characters, broken syntax, nothing but comments.
    """
    tabs = [i for i, line in enumerate(text.splitlines(), 1) if "\t" in line]
    if tabs:
        message = "holds a tab; YAML is indented with spaces"
        raise InputError(Problem(f"{name}:{line}", message) for line in tabs[:_MOST_TABS])
    composer = _Composer(name)
    try:
        node = composer.compose(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError("holds a control character; expected a text file", f"{name}:{line}") from None
    except yaml.MarkedYAMLError as error:
        raise InputError([*composer.problems, _syntax_problem(error, name)]) from None
    if node is None:
        raise InputError([*composer.problems, Problem(name, "holds only comments; expected a YAML document")])
    return node, composer.problems


def plain(node: Node) -> Plain:
    """The node tree as dicts, lists and text, positions dropped."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Block):
        return {key: plain(child) for key, child in node.entries.items()}
    return [plain(child) for child in node.items]


def locate(node: Node, path: Sequence[str | int]) -> str:
    """Position of the node at `path`, or of its nearest ancestor that exists."""
    for key in path:
        if isinstance(node, Block) and key in node.entries:
            node = node.entries[str(key)]
        elif isinstance(node, Items) and isinstance(key, int) and key < len(node.items):
            node = node.items[key]
        else:
            break
    return node.where


def _syntax_problem(error: yaml.MarkedYAMLError, name: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    where = f"{name}:{mark.line + 1}" if mark is not None else name
    return Problem(where, f"not valid YAML: {error.problem or error.context}")


class _Composer:
    """Builds nodes from PyYAML's event stream and collects what strict YAML refuses."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []

    def compose(self, events: Iterator[yaml.Event]) -> Node | None:
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                self._refuse(event, "starts a second document; expected one document in a file")
                break
            if isinstance(event, yaml.NodeEvent):
                root = self._node(event, events, self._where(event), 0)
        return root

    def _where(self, event: yaml.Event) -> str:
        mark = event.start_mark
        return f"{self.name}:{mark.line + 1}" if mark is not None else self.name

    def _refuse(self, event: yaml.Event, what: str) -> None:
        self.problems.append(Problem(self._where(event), what))

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], where: str, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, f"uses the alias '*{event.anchor}'; aliases are not used here, write the value out")
            return Scalar("", where)
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor:
            self._refuse(event, f"sets the anchor '&{anchor}'; anchors are not used here, 'extends' shares values")
        if tag:
            self._refuse(event, f"uses the tag {excerpt(tag)}; tags are not used here")
        if depth > _DEEPEST:
            raise InputError([*self.problems, Problem(self._where(event), f"is nested more than {_DEEPEST} deep")])
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, where, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(item := next(events), yaml.SequenceEndEvent):
                items.append(self._node(item, events, self._where(item), depth + 1))
            return Items(items, where)
        assert isinstance(event, yaml.ScalarEvent)
        return Scalar(event.value, where)

    def _mapping(self, events: Iterator[yaml.Event], where: str, depth: int) -> Block:
        entries: dict[str, Node] = {}
        while not isinstance(key_event := next(events), yaml.MappingEndEvent):
            key_where = self._where(key_event)
            key = self._node(key_event, events, key_where, depth + 1)
            value = self._node(next(events), events, key_where, depth + 1)
            if not isinstance(key, Scalar) or not key.text:
                self._refuse(key_event, "has a key that is not plain text; expected 'key: value'")
            elif key.text == "<<":
                self._refuse(key_event, "uses the merge key '<<'; merges are not used here, 'extends' shares values")
            elif key.text in entries:
                first = entries[key.text].where.rpartition(":")[2]
                self._refuse(key_event, f"repeats the key {excerpt(key.text)} of line {first}")
            else:
                entries[key.text] = value
        return Block(entries, where)
