"""`read_yaml`: a network described by hand, read strictly, every problem reported with its line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from archsim.config.complaints import problems_of
from archsim.config.document import Block, Items, Node, Scalar, plain
from archsim.config.document import read_yaml as read_document
from archsim.config.suggest import did_you_mean, excerpt
from archsim.config.types import Text
from archsim.errors import InputError, Problem
from archsim.workload.canonical import canonical
from archsim.workload.graph import Activation, Graph, Layer, Op, Shape
from archsim.workload.shapes import Misfit, infer_shape
from archsim.workload.yamlentries import ENTRIES, Entry
from archsim.workload.yamlfields import Word, WordList


class Document(BaseModel):
    """Top level of a workload file; `layers` is read entry by entry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Word | None = None
    description: Text | None = None
    source: Text | None = None
    layers: list[Any]
    outputs: WordList | None = None


def read_yaml(path: str | os.PathLike[str]) -> Graph:
    """Read a network topology (no weights) from a YAML file.

    The file has `layers`, a list of single-key entries `- conv: {name: c1, out: 64, kernel: 3, activation: relu}`, and
    optionally `name`, `description`, `source` and `outputs` (default: the last layer). An entry reads the one above it
    unless `inputs: [a, b]` says otherwise; `inputs` names layers further up. `activation:` appends an activation layer
    `<name>.<function>`, and the entry's name then means its result. Raises `InputError` with every problem, each with
    file and line.
    """
    file = Path(path)
    root = read_document(file)
    if not isinstance(root, Block):
        raise InputError("is no mapping; expected 'name:' and 'layers:' at the top", root.where)
    try:
        document = Document.model_validate(plain(root))
    except ValidationError as error:
        raise InputError([*problems_of(error, Document, root), *_problems_of_layers(root)]) from None
    entries = root.entries["layers"]
    if not isinstance(entries, Items) or not entries.items:
        raise InputError("layers: is empty; expected a list of layers", entries.where)
    reading = _Reading()
    for item in entries.items:
        reading.read(item)
    outputs_at = root.entries.get("outputs", root).where
    return replace(reading.finish(document.name or file.stem, document.outputs, outputs_at), source=document.source)


def _problems_of_layers(root: Block) -> list[Problem]:
    """What is wrong with the layers of a file whose top level is wrong too."""
    entries = root.entries.get("layers")
    reading = _Reading()
    for item in entries.items if isinstance(entries, Items) else ():
        reading.read(item)
    return reading.problems


@dataclass(frozen=True, slots=True)
class _Result:
    """What a name stands for: the layer that makes it. `layer` is None after a problem that was reported."""

    layer: Layer | None
    where: str


@dataclass(slots=True)
class _Reading:
    """The graph under construction."""

    layers: dict[str, Layer] = field(default_factory=dict)
    results: dict[str, _Result] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    last: str | None = None

    def read(self, item: Node) -> None:
        """One list entry: `kind: {fields}`, or the bare kind where it needs none."""
        found = self._entry(item)
        if found is None:
            self._register(f"?{item.where}", None, item.where, unnamed=True)
            return
        kind, entry, where = found
        name = entry.name or self._default_name(kind)
        self._check_name(name, kind, where)
        sources = self._sources(entry, kind, where)
        layer: Layer | None = None
        if sources is not None:
            try:
                layer = self._add(entry, name, sources)
            except Misfit as error:
                self.problems.append(Problem(where, f"{kind} {excerpt(name)}: {error}"))
        self._register(name, layer, where)

    def _check_name(self, name: str, kind: str, where: str) -> None:
        """Complain of a name that an earlier entry has."""
        if name in self.results or name in self.layers:
            first = self.results[name].where.rpartition(":")[2] if name in self.results else "?"
            self.problems.append(Problem(where, f"{kind}: the name {excerpt(name)} is taken by line {first}"))

    def _entry(self, item: Node) -> tuple[str, Entry, str] | None:
        if isinstance(item, Block) and len(item.entries) == 1:
            ((kind, body),) = item.entries.items()
        elif isinstance(item, Scalar) and item.text:
            kind, body = item.text, item
        else:
            what = "is no layer; expected one 'kind: {...}' such as 'conv: {out: 64, kernel: 3}'"
            self.problems.append(Problem(item.where, what))
            return None
        if kind not in ENTRIES:
            known = f"expected {' | '.join(ENTRIES)}{did_you_mean(kind, ENTRIES)}"
            self.problems.append(Problem(item.where, f"{excerpt(kind)} is no kind of layer; {known}"))
            return None
        if isinstance(body, Scalar) and body.text in ("", kind):
            body = Block({}, body.where)
        if not isinstance(body, Block):
            self.problems.append(Problem(body.where, f"{kind}: is no block; expected '{kind}: {{...}}'"))
            return None
        try:
            return kind, ENTRIES[kind].model_validate(plain(body)), item.where
        except ValidationError as error:
            found = problems_of(error, ENTRIES[kind], body)
            self.problems.extend(Problem(problem.where, f"{kind}.{problem.what}") for problem in found)
            given = body.entries.get("name")
            if isinstance(given, Scalar) and given.text:
                self._check_name(given.text, kind, item.where)
                self._register(given.text, None, item.where)
            return None

    def _default_name(self, kind: str) -> str:
        while True:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            name = f"{kind}{self.counts[kind]}"
            if name not in self.results and name not in self.layers:
                return name

    def _sources(self, entry: Entry, kind: str, where: str) -> list[Layer] | None:
        """Input layers, or None where one is unknown or had a problem of its own."""
        names = entry.inputs
        if names is None:
            if entry.default_inputs and self.last is None:
                self.problems.append(Problem(where, f"{kind}: there is no layer above it to read; begin with an input"))
                return None
            names = (self.last,) if entry.default_inputs and self.last is not None else ()
        sources = []
        for name in names:
            result = self.results.get(name)
            if result is None:
                hint = did_you_mean(name, [known for known in self.results if not known.startswith("?")])
                self.problems.append(Problem(where, f"{kind}.inputs: no layer {excerpt(name)} above this line{hint}"))
            elif result.layer is not None:
                sources.append(result.layer)
            self.used.add(name)
        return sources if len(sources) == len(names) else None

    def _add(self, entry: Entry, name: str, sources: Sequence[Layer]) -> Layer:
        shapes = [layer.shape for layer in sources]
        layer = self._append(name, entry.op(shapes), sources, entry.target(shapes))
        if entry.activation is None:
            return layer
        return self._append(f"{name}.{entry.activation.function}", entry.activation, [layer])

    def _append(self, name: str, op: Op, sources: Sequence[Layer], target: Shape = ()) -> Layer:
        shapes = [layer.shape for layer in sources]
        simple = canonical(op, shapes, target)
        if simple is None:
            return sources[0]
        if name in self.layers or (isinstance(op, Activation) and name in self.results):
            raise Misfit(f"its layer {excerpt(name)} exists already")
        shape = infer_shape(simple, shapes, target)
        inputs = tuple(layer.name for layer in sources)
        self.layers[name] = Layer(name=name, op=simple, inputs=inputs, shape=shape)
        return self.layers[name]

    def _register(self, name: str, layer: Layer | None, where: str, *, unnamed: bool = False) -> None:
        self.results.setdefault(name, _Result(layer, where))
        self.last = name
        if unnamed:
            self.used.add(name)

    def finish(self, name: str, outputs: tuple[str, ...] | None, where: str) -> Graph:
        """The graph, after checking outputs and that every layer is used."""
        chosen = outputs if outputs is not None else (self.last or "",)
        for output in chosen:
            if output not in self.results:
                hint = did_you_mean(output, self.results)
                self.problems.append(Problem(where, f"outputs: no layer {excerpt(output)}{hint}"))
        for known, result in self.results.items():
            if known not in self.used and known not in chosen and result.layer is not None:
                what = f"layer {excerpt(known)} is read by no other layer and is no output"
                self.problems.append(Problem(result.where, what))
        if self.problems:
            raise InputError(self.problems)
        ends = [layer.name for layer in (self.results[output].layer for output in chosen) if layer is not None]
        return Graph(name=name, layers=tuple(self.layers.values()), outputs=tuple(dict.fromkeys(ends)))


def workload_schema() -> dict[str, Any]:
    """JSON Schema of a workload file (for editors, and `archsim schema workload`)."""
    schema = Document.model_json_schema()
    definitions = schema.setdefault("$defs", {})
    choices: list[dict[str, Any]] = []
    for kind, model in ENTRIES.items():
        body = model.model_json_schema()
        definitions.update(body.pop("$defs", {}))
        definitions[kind] = body
        reference: dict[str, Any] = {"$ref": f"#/$defs/{kind}"}
        if not body.get("required"):
            reference = {"anyOf": [reference, {"type": "null"}]}
            choices.append({"const": kind})
        choices.append(
            {"type": "object", "properties": {kind: reference}, "required": [kind], "additionalProperties": False}
        )
    schema["properties"]["layers"] = {"type": "array", "minItems": 1, "items": {"anyOf": choices}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "archsim workload"}
