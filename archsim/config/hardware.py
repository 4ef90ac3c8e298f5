"""Reads hardware files: `load_hardware("isaac-ce")`."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import ValidationError

from archsim.config.changes import Changed, changed, restored
from archsim.config.checks import findings, uncited
from archsim.config.complaints import complain, problems_of
from archsim.config.document import Block, Plain, plain
from archsim.config.merge import SUFFIXES, apply_overrides, read_extended
from archsim.config.model import HardwareFile
from archsim.config.provenance import marked
from archsim.config.shipped import find, shipped
from archsim.config.sources import Citation, citations_of
from archsim.errors import InputError, Problem
from archsim.notebook import html_table
from archsim.units import format_quantity

_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Hardware:
    """A valid hardware description: the typed `model`, and the `document` it was read from with its positions.

    `document` names what was set from outside behind the sources it changes; `file` is the document without any of
    that, `bare` without the names. `below` is the document of the file that this one extends (`file` where
    it extends none, or ships).

    Two are equal when their expanded documents are, whatever the files were called and however keys were ordered.
    """

    model: HardwareFile
    document: Block
    file: Block
    bare: Block
    below: Block
    overridden: tuple[tuple[str, str], ...] = ()
    """(path, value) of what was set from outside the file, in order."""

    @property
    def name(self) -> str:
        """Name the file gives itself."""
        return self.model.name

    @property
    def expanded(self) -> dict[str, object]:
        """The document as plain values after `extends` and overrides: text as printed, whole numbers and truth values
        as such. Written to YAML or JSON it loads again and hashes the same."""
        return {key: _value(plain(node)) for key, node in self.document.entries.items()}

    @property
    def changes(self) -> tuple[Changed, ...]:
        """Values that the file changes of the file it extends, then those set from outside, in the file's order."""
        return _changes(self.below, self.file, self.bare)

    def without(self, change: Changed | None = None) -> Hardware:
        """This hardware with one of its `changes` undone, or none, and no word about what was set. Raises `InputError`
        where that is no valid hardware: values may need one another."""
        document = self.bare if change is None else restored(self.bare, change)
        return _hardware(document, [], ())

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of the expanded document with sorted keys."""
        canonical = json.dumps(plain(self.document), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def replace(self, changes: Mapping[str, object]) -> Hardware:
        """This hardware with values set by dotted path: `hw.replace({"ima.adc.bits": 6})`.

        Raises
        ------
        InputError
            All paths and values that are wrong, with positions `--set path`.
        """
        document, problems = apply_overrides(self.bare, changes)
        return _hardware(document, problems, (*self.overridden, *_record(changes)), self.file, self.below)

    def __repr__(self) -> str:
        settings = "".join(f", {path}={value}" for path, value in self.overridden)
        return f"<Hardware {self.name}{settings}>"

    def _repr_html_(self) -> str:
        """Main figures and what was set from outside, for notebooks."""
        return html_table(f"{self.name}: {self.model.description}", ("", ""), _notebook_rows(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hardware) and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)


def _notebook_rows(hardware: Hardware) -> list[tuple[str, str]]:
    """What one looks for first in a hardware file; values as printed there."""
    model = hardware.model
    precision, ima, tile = model.precision, model.ima, model.tile
    rate = format_quantity(ima.adc.rate, "S/s")
    rows = [
        ("operands", f"{precision.weight_bits}-bit weights ({precision.encoding}), {precision.input_bits}-bit inputs"),
        ("crossbar", f"{ima.crossbar.rows} x {ima.crossbar.columns}, {ima.cell.bits} bits a cell"),
        ("row drivers", f"{ima.dac.bits} bits"),
        ("converters", f"{ima.adc.count} an IMA, {ima.adc.bits} bits, {rate}"),
        ("IMA", f"{ima.crossbar.count} crossbars, cycle {format_quantity(ima.cycle, 's')}"),
        ("tile", f"{ima.count} IMAs, eDRAM {format_quantity(tile.edram.size, 'B')}"),
        ("chip", f"{tile.count} tiles ({tile.grid.columns} x {tile.grid.rows})"),
    ]
    return [*rows, *[(f"set: {path}", value) for path, value in hardware.overridden], ("hash", hardware.hash[:16])]


def load_hardware(name_or_path: str | os.PathLike[str], overrides: Mapping[str, object] = _NOTHING) -> Hardware:
    """Hardware of a shipped name (`isaac-ce`) or a YAML file, with values set by dotted path.

    Raises
    ------
    InputError
        All problems of the file, each `file:line: path: what was wrong, what was expected`.
    """
    path = find("hwconfigs", name_or_path, SUFFIXES)
    file, below, problems = read_extended(path)
    if path.resolve().parent == shipped("hwconfigs"):  # no file of the user's own
        below = file
    document, further = apply_overrides(file, overrides)
    return _hardware(document, [*problems, *further], _record(overrides), file, below)


def citations(hardware: Hardware) -> tuple[Citation, ...]:
    """The works that the numbers of this hardware come from."""
    return citations_of(hardware.model)


def _record(changes: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple((path, str(value)) for path, value in changes.items())


def _hardware(
    bare: Block,
    problems: list[Problem],
    overridden: tuple[tuple[str, str], ...],
    file: Block | None = None,
    below: Block | None = None,
) -> Hardware:
    problems = [*problems, *uncited(bare)]
    file = bare if file is None else file
    below = file if below is None else below
    document = bare if problems else marked(file, bare)
    try:
        model = HardwareFile.model_validate(plain(document))
    except ValidationError as error:
        raise InputError(_sorted([*problems_of(error, HardwareFile, document), *problems])) from None
    found = list(findings(model))
    if found:
        changes = _changes(below, file, bare)
        problems += [_placed(bare, path, what, changes) for path, what in found]
    if problems:
        raise InputError(_sorted(problems))
    return Hardware(model=model, document=document, file=file, bare=bare, below=below, overridden=overridden)


def _changes(below: Block, file: Block, bare: Block) -> tuple[Changed, ...]:
    return (*changed(below, file), *changed(file, bare))


def _placed(document: Block, path: str, what: str, changes: tuple[Changed, ...]) -> Problem:
    """A finding across fields where it arose: at a value of the user's own that stands there, else at the last one
    without which it is not found, else where the document has it."""
    there = [change for change in changes if f"{change.path}.".startswith(f"{path}.")]
    guilty = [change for change in changes if path not in _found(restored(document, change), path)]
    for change in reversed([change for change in guilty if change in there] or guilty or there):
        return Problem(change.where, what if change.where == f"--set {path}" else f"{path}: {what}")
    return complain(document, path, what)


def _found(document: Block, unless: str) -> set[str]:
    """Paths of the findings of a document that is valid but for these; of another, which says nothing, `unless`."""
    try:
        return {path for path, _ in findings(HardwareFile.model_validate(plain(document)))}
    except ValidationError:
        return {unless}


def _sorted(problems: list[Problem]) -> list[Problem]:
    """Problems in the order of each file's lines; files stay in the order in which they first appear."""
    files = list(dict.fromkeys(problem.where.rpartition(":")[0] for problem in problems))

    def place(problem: Problem) -> tuple[int, int]:
        file, _, line = problem.where.rpartition(":")
        return files.index(file), int(line) if line.isdigit() else 0

    return sorted(problems, key=place)


def _value(node: Plain) -> object:
    if isinstance(node, dict):
        return {key: _value(child) for key, child in node.items()}
    if isinstance(node, list):
        return [_value(child) for child in node]
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", node) and node != "-0":
        return int(node)
    return {"true": True, "false": False}.get(node, node)
