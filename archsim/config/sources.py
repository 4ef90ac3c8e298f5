"""Sources of a hardware file's numbers and the works they cite."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from archsim.config.blocks import Sourced
from archsim.config.model import HardwareFile, Reference
from archsim.config.suggest import did_you_mean

_LOOKS_LIKE_A_KEY = re.compile(r"[A-Z][A-Za-z]+[0-9]{4}[a-z]?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A cited work and the paths of the hardware file that rest on it."""

    key: str
    title: str
    authors: str
    venue: str
    year: int | None
    doi: str | None
    url: str | None
    used_by: tuple[str, ...]


def blocks(model: BaseModel, path: str = "") -> Iterator[tuple[str, BaseModel]]:
    """Every block of a model with its dotted path, depth first, in file order."""
    yield path, model
    for name in type(model).model_fields:
        yield from _inside(getattr(model, name), f"{path}.{name}" if path else name)


def _inside(value: object, path: str) -> Iterator[tuple[str, BaseModel]]:
    if isinstance(value, BaseModel):
        yield from blocks(value, path)
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from _inside(child, f"{path}.{key}")


def sources(hardware: HardwareFile) -> Iterator[tuple[str, str]]:
    """(path, source) of every block that states one."""
    for path, block in blocks(hardware):
        source = getattr(block, "source", None)
        if isinstance(source, str):
            yield path, source


def cited_keys(source: str, bibliography: Mapping[str, Reference]) -> list[str]:
    """Bibliography keys a source names: the text before the first comma of each semicolon-separated part."""
    heads = [part.partition(",")[0].strip() for part in source.split(";")]
    return [head for head in dict.fromkeys(heads) if head in bibliography]


def unknown_keys(source: str, bibliography: Collection[str]) -> list[str]:
    """Keys that are missing from the bibliography, each with what to do about it."""
    heads = [part.partition(",")[0].strip() for part in source.split(";")]
    suspects = [heads[0], *(head for head in heads[1:] if _LOOKS_LIKE_A_KEY.fullmatch(head))]
    known = " | ".join(bibliography) or "an entry there first"
    return [
        f"source '{head[:60]}' is not in the bibliography; expected {known}{did_you_mean(head, bibliography)}"
        for head in suspects
        if head not in bibliography
    ]


def recalled(hardware: HardwareFile) -> Iterator[tuple[str, str]]:
    """(path, notes) of every block whose values are recalled from memory."""
    for path, block in blocks(hardware):
        if isinstance(block, Sourced) and block.recalled:
            yield path, block.notes or ""


def noted(hardware: HardwareFile) -> Iterator[tuple[str, str]]:
    """(path, notes) of every block that has some, those recalled from memory left out (`recalled` has them)."""
    for path, block in blocks(hardware):
        notes = getattr(block, "notes", None)
        if isinstance(notes, str) and not getattr(block, "recalled", False):
            yield path, notes


def citations_of(hardware: HardwareFile) -> tuple[Citation, ...]:
    """The works that the file's sources name, in bibliography order."""
    users: dict[str, list[str]] = {}
    for path, source in sources(hardware):
        for key in cited_keys(source, hardware.bibliography):
            users.setdefault(key, []).append(path)
    return tuple(
        Citation(key=key, used_by=tuple(users[key]), **work.model_dump())
        for key, work in hardware.bibliography.items()
        if key in users
    )
