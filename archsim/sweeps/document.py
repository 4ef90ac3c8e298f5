"""`archsim sweep STUDY`: the YAML file, strictly read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError

from archsim.config.blocks import Model
from archsim.config.complaints import problems_of
from archsim.config.document import Block, Items, Node, Plain, locate, plain, read_yaml
from archsim.config.shipped import shipped
from archsim.config.suggest import did_you_mean, excerpt
from archsim.config.types import Text, Truth, Whole, WholeOr
from archsim.errors import InputError, Problem
from archsim.sweeps.checks import MOST_POINTS, Finding, findings
from archsim.sweeps.hypercube import Choices, Hypercube, Range, range_of
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.search.block import SearchBlock
from archsim.sweeps.study import Network, Study, Value
from archsim.workload.yamlfields import Parsed

Block_ = TypeVar("Block_", bound=Model)
SUFFIXES = (".yaml", ".yml")
Seed = Annotated[int, Whole(0, 2**63 - 1)]
Images = Annotated[int | Literal["steady"], WholeOr(1, 10**9, "steady")]
Pictures = Annotated[int, Whole(1, 10**9)]
Samples = Annotated[int, Whole(1, 1_000_000)]


class RangeBlock(Model):
    """Bounds of a range, with units where the path takes one."""

    low: Text
    high: Text
    log: Truth = False
    whole: Truth = False


class NetworkBlock(Model):
    """A network and the pictures to compute on it."""

    name: Text
    input: Text | None = None
    limit: Pictures | None = None
    calibrate: Text | None = None
    judge: Text | None = None


_TEXT = {"type": "string", "minLength": 1}
_VALUES = {"type": "array", "minItems": 1}
_ASSIGNMENTS: dict[str, Any] = {"type": "object"}


def _file_name(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[\w.+-][\w.+ -]{0,119}", value) or value in (".", ".."):
        raise ValueError(f"{excerpt(str(value))} names no folder; expected letters, digits, '-', '_' or '.'")
    return value


def _names(value: object) -> list[Plain]:
    found: list[Any] = value if isinstance(value, list) else [value]
    if not found or not all(isinstance(item, str) and item for item in found):
        raise ValueError("is no name; expected one such as isaac-ce, or a list of names")
    return found


def _networks(value: object) -> list[Plain]:
    found: list[Any] = value if isinstance(value, list) else [value]
    if not found or not all(isinstance(item, str | dict) and item for item in found):
        raise ValueError("is no name; expected one such as resnet18, a block with a name, or a list of these")
    return found


def _assignments(value: object) -> dict[str, Plain]:
    if not isinstance(value, dict):
        raise ValueError("is no block; expected lines 'path: value'")
    return value


def _lists(value: object) -> dict[str, list[Plain]]:
    found = _assignments(value)
    wrong = [path for path, values in found.items() if not isinstance(values, list)]
    if wrong:
        raise ValueError(f"{', '.join(wrong)}: no list; expected such as [6, 7, 8]")
    return found  # type: ignore[return-value]


def _each(parse: Callable[[object], Any]) -> Callable[[object], list[Any]]:
    def parsed(value: object) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise ValueError("is no list; expected entries that start with '- '")
        return [parse(item) for item in value]

    return parsed


Names = Annotated[list[Plain], Parsed(_names, {"anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": _TEXT}]})]
_ONE_NETWORK = {"anyOf": [_TEXT, NetworkBlock.model_json_schema()]}
Networks = Annotated[
    list[Plain], Parsed(_networks, {"anyOf": [*_ONE_NETWORK["anyOf"], {**_VALUES, "items": _ONE_NETWORK}]})
]
_LISTS = {"type": "object", "additionalProperties": _VALUES}
FileName = Annotated[str, Parsed(_file_name, {**_TEXT, "maxLength": 120, "pattern": r"^[\w.+-][\w.+ -]*$"})]
Settings = Annotated[dict[str, Plain], Parsed(_assignments, _ASSIGNMENTS)]
Lists = Annotated[dict[str, list[Plain]], Parsed(_lists, _LISTS)]
Zips = Annotated[list[dict[str, list[Plain]]], Parsed(_each(_lists), {**_VALUES, "items": _LISTS})]
Sets = Annotated[list[dict[str, Plain]], Parsed(_each(_assignments), {**_VALUES, "items": _ASSIGNMENTS})]


class HypercubeBlock(Model):
    """Latin hypercube samples."""

    samples: Samples
    seed: Seed = 0
    ranges: Annotated[dict[str, Any], Parsed(_assignments, {
        "type": "object", "minProperties": 1,
        "additionalProperties": {"anyOf": [RangeBlock.model_json_schema(), _VALUES]},
    })]  # fmt: skip


class Document(Model):
    """Top level of a sweep study."""

    name: FileName | None = None
    description: Text | None = None
    hardware: Names = Field(default_factory=list)
    workload: Networks = Field(default_factory=list)
    images: Images = 1
    engine: Literal["auto", "simpy", "kernel"] = "kernel"
    seed: Seed = 0
    input: Text | None = None
    limit: Pictures | None = None
    calibrate: Text | None = None
    keep: Literal["row", "result"] = "row"
    set: Settings = Field(default_factory=dict)
    axes: Lists = Field(default_factory=dict)
    zip: Zips = Field(default_factory=list)
    points: Sets = Field(default_factory=list)
    latin_hypercube: HypercubeBlock | None = None
    search: SearchBlock | None = None


def sweep_schema() -> dict[str, Any]:
    """JSON Schema of a sweep study (for editors, and `archsim schema sweep`)."""
    schema = Document.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "archsim sweep study",
    }


def sweep_names() -> tuple[str, ...]:
    """Names of the sweep studies that ship."""
    return tuple(sorted(path.stem for path in (shipped("workloads") / "sweeps").glob("*.yaml")))


def find_sweep(name: str) -> Path:
    """The file of a shipped sweep study, or of a path. Raises `InputError` where there is neither."""
    known, path = sweep_names(), Path(name)
    if name in known:
        return shipped("workloads") / "sweeps" / f"{name}.yaml"
    if name and (name.endswith(SUFFIXES) or path.is_file()):
        return path
    expected = f"expected {' | '.join(known)}, or a path to a .yaml file"
    what = f"no shipped sweep study or file of this name; {expected}{did_you_mean(name, known)}"
    raise InputError(what, excerpt(name, 240))


def read_sweep(path: str | os.PathLike[str], inputs: Inputs | None = None) -> Study:
    """A sweep study from its YAML file. Raises `InputError` with every problem, each with file and line.

    Files that the study names are looked up from the current directory, as on the command line.
    """
    file = Path(path)
    return study_of(read_root(file), file.stem, inputs or Inputs())


def read_root(file: Path) -> Block:
    """The top level of a study's file. Raises `InputError` where it is no mapping, or no strict YAML."""
    root = read_yaml(file)
    if not isinstance(root, Block):
        raise InputError("is no mapping; expected 'hardware:', 'workload:', 'axes:' and other lines", root.where)
    return root


def study_of(root: Block, stem: str, inputs: Inputs, *, most: int | None = MOST_POINTS) -> Study:
    """The study of a file whose name without suffix is `stem`, with at most so many points.

    Raises `InputError` with every problem, each with file and line.
    """
    try:
        document = Document.model_validate(plain(root))
    except ValidationError as error:
        raise InputError(problems_of(error, Document, root)) from None
    reading = _Reading(document, root)
    study = reading.study(re.sub(r"[^\w.+ -]", "_", stem))
    if not reading.problems:
        reading.problems += [placed(root, finding) for finding in findings(study, inputs, most=most)]
    if reading.problems:
        raise InputError(reading.problems)
    return study


def placed(root: Block, finding: Finding) -> Problem:
    """A finding with its line of the file."""
    if finding.where:
        return Problem(finding.where, finding.what)
    path = ".".join(map(str, finding.place))
    return Problem(locate(root, finding.place), f"{path}: {finding.what}" if path else finding.what)


class _Reading:
    """Turns a document into a study; collects what is wrong with blocks in lists, which the model does not see."""

    def __init__(self, document: Document, root: Block) -> None:
        self.document, self.root = document, root
        self.problems: list[Problem] = []

    def study(self, stem: str) -> Study:
        """The study; values that are wrong are left out of it."""
        document, cube = self.document, self.document.latin_hypercube
        return Study(
            name=document.name or stem,
            description=document.description or "",
            hardware=tuple(str(name) for name in document.hardware),
            workloads=self._networks(document.workload, "workload"),
            images=document.images,
            seed=document.seed,
            engine=document.engine,
            keep=document.keep,
            settings=document.set,
            axes=self._lists(document.axes, "axes"),
            zips=tuple(self._lists(group, "zip", i) for i, group in enumerate(document.zip)),
            points=tuple(self._assigned(point, i) for i, point in enumerate(document.points)),
            hypercube=None if cube is None else self._cube(cube),
        )

    def _lists(self, lists: Mapping[str, list[Plain]], *place: str | int) -> dict[str, tuple[Value, ...]]:
        return {
            path: self._networks(items, *place, path) if path == "workload" else tuple(items)
            for path, items in lists.items()
        }

    def _assigned(self, point: Mapping[str, Plain], place: int) -> dict[str, Value]:
        found: dict[str, Value] = dict(point)
        if "workload" in point:
            networks = self._networks([point["workload"]], "points", place, "workload")
            found["workload"] = networks[0] if networks else ""
        return found

    def _networks(self, items: Iterable[Plain], *place: str | int) -> tuple[Network, ...]:
        found = []
        for i, item in enumerate(items):
            node = _node(self.root, (*place, i))
            block = self._block(NetworkBlock, {"name": item} if isinstance(item, str) else item, node)
            found += [] if block is None else [self._network(block)]
        return tuple(found)

    def _network(self, block: NetworkBlock) -> Network:
        """A network with what the study says for all."""
        document = self.document
        return Network(
            workload=block.name,
            input=block.input or document.input,
            limit=block.limit or document.limit,
            calibrate=block.calibrate or document.calibrate,
            judge=block.judge,
        )

    def _cube(self, block: HypercubeBlock) -> Hypercube:
        ranges: dict[str, Range | Choices] = {}
        for path, value in block.ranges.items():
            node = _node(self.root, ("latin_hypercube", "ranges", path))
            if isinstance(value, list) and value:
                ranges[path] = Choices(values=tuple(value))
            elif (bounds := self._block(RangeBlock, value, node)) is not None:
                try:
                    ranges[path] = range_of(bounds.low, bounds.high, log=bounds.log, whole=bounds.whole)
                except ValueError as error:
                    self.problems.append(Problem(node.where, f"{path}: {error}"))
        return Hypercube(samples=block.samples, seed=block.seed, ranges=ranges)

    def _block(self, model: type[Block_], value: Any, node: Node) -> Block_ | None:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            self.problems += problems_of(error, model, node)
            return None


def _node(node: Node, place: Iterable[str | int]) -> Node:
    """The node at a place, or the nearest above it (one name may stand for a list of one)."""
    for key in place:
        if isinstance(node, Block) and key in node.entries:
            node = node.entries[str(key)]
        elif isinstance(node, Items) and isinstance(key, int):
            node = node.items[key]
    return node
