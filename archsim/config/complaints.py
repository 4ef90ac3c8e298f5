"""Turns pydantic's findings into problems with a position, a path, what was expected and a suggestion."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from archsim.config.document import Node, locate
from archsim.config.suggest import closest, excerpt
from archsim.errors import Problem


def problems_of(error: ValidationError, model: type[BaseModel], document: Node) -> Iterator[Problem]:
    """One problem for each finding; a missing key is left out where a misspelt one beside it is suggested instead."""
    findings = error.errors(include_url=False, include_context=True)
    misspelt = {
        (*finding["loc"][:-1], _near(finding["loc"], _model_at(model, finding["loc"][:-1])))
        for finding in findings
        if finding["type"] == "extra_forbidden"
    }
    for finding in findings:
        if finding["type"] != "missing" or finding["loc"] not in misspelt:
            yield _problem(finding, model, document)


def complain(document: Node, path: str, what: str) -> Problem:
    """A problem at a dotted path of the document."""
    return _at(locate(document, path.split(".")), path, what)


def unknown_path(model: type[BaseModel], path: str) -> str | None:
    """What keeps a dotted path from naming anything in any document of the model, with a suggestion; else None."""
    keys = tuple(path.split("."))
    for depth, key in enumerate(keys):
        if _step(_field(model, keys[:depth]), key) is None:
            owner = _model_at(model, keys[:depth])
            named = get_origin(_options(_field(model, keys[:depth]))[0]) is dict
            return _unknown_key(keys[: depth + 1], owner) if owner or named else f"'{keys[depth - 1]}' has no parts"
    return None


def refused_value(model: type[BaseModel], path: str, value: object) -> str | None:
    """What keeps a value from standing at a (known) dotted path in any document of the model; else None."""
    *above, key = path.split(".")
    owner = _model_at(model, tuple(above))
    if owner is None or key not in owner.model_fields:
        return None
    field = owner.model_fields[key]
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        return _what(error.errors()[0], (*above, key), model)
    return None


def _problem(finding: Any, model: type[BaseModel], document: Node) -> Problem:
    loc = tuple(key for key in finding["loc"] if key != "[key]")
    path = ".".join(excerpt(str(key))[1:-1] for key in loc)
    return _at(locate(document, loc), path, _what(finding, loc, model))


def _at(where: str, path: str, what: str) -> Problem:
    """The path is left out where the position already names it (`--set path`)."""
    return Problem(where, what if not path or where == f"--set {path}" else f"{path}: {what}")


def _what(finding: Any, loc: tuple[Any, ...], model: type[BaseModel]) -> str:
    kind, context = finding["type"], finding.get("ctx", {})
    if kind == "missing":
        return f"is missing{_expected(_field(model, loc))}"
    if kind == "extra_forbidden":
        return _unknown_key(loc, _model_at(model, loc[:-1]))
    if kind == "literal_error":
        options = [option for annotation in _options(_field(model, loc)) for option in get_args(annotation)]
        return f"{_shown(finding['input'])} is not one of {' | '.join(options)}{_suggest(finding['input'], options)}"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"{_shown(finding['input'])} is no block{_expected(_field(model, loc))}"
    if kind == "value_error":
        return str(context["error"])
    return str(finding["msg"]).lower()


def _unknown_key(loc: tuple[Any, ...], owner: type[BaseModel] | None) -> str:
    keys = [*owner.model_fields] if owner is not None else []
    near = _near(loc, owner)
    if near is not None:
        return f"unknown key; did you mean '{'.'.join([*map(str, loc[:-1]), near])}'?"
    return f"unknown key; expected {' | '.join(keys)}"


def _near(loc: tuple[Any, ...], owner: type[BaseModel] | None) -> str | None:
    return closest(str(loc[-1]), owner.model_fields) if owner is not None else None


def _shown(value: object) -> str:
    return excerpt(value) if isinstance(value, str) else f"a {'block' if isinstance(value, dict) else 'list'}"


def _suggest(value: object, options: Iterable[str]) -> str:
    near = closest(value, options) if isinstance(value, str) else None
    return f"; did you mean '{near}'?" if near is not None else ""


def _expected(annotation: Any) -> str:
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            required = [name for name, field in option.model_fields.items() if field.is_required()]
            if required:
                return f"; expected a block with {', '.join(required)}"
            return f"; expected a block with any of {', '.join(option.model_fields)}"
        if get_origin(option) is dict:
            return "; expected a block of named entries"
        if get_args(option) and all(isinstance(value, str) for value in get_args(option)):
            return f"; expected {' | '.join(get_args(option))}"
    return ""


def _options(annotation: Any) -> list[Any]:
    """Members of a union, or the annotation itself."""
    if get_origin(annotation) in (Union, types.UnionType):
        return [option for option in get_args(annotation) if option is not type(None)]
    return [annotation]


def _field(model: type[BaseModel], loc: tuple[Any, ...]) -> Any:
    """Annotation of the field at `loc`, None where there is none."""
    if not loc:
        return model
    annotation: Any = model
    for key in loc:
        annotation = _step(annotation, key)
    return annotation


def _step(annotation: Any, key: Any) -> Any:
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel) and key in option.model_fields:
            return option.model_fields[key].annotation
        if get_origin(option) is dict:
            return get_args(option)[1]
    return None


def _model_at(model: type[BaseModel], loc: tuple[Any, ...]) -> type[BaseModel] | None:
    for option in _options(_field(model, loc)):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None
