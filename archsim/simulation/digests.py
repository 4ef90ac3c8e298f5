"""Digests of content: equal digests mean equal values, wherever and whenever they were made.

Values are plain data, mappings, sequences, arrays, frozen dataclasses and validated models of these, functions of a
module and their partial applications. Pictures count with the bytes they are decoded from. What has no content that
could be compared, such as a function that was made inside another, is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from functools import partial
from hashlib import sha256
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from archsim.workload import Dataset, Graph
from archsim.workload.pictures import PictureSet, raw_pictures

_PLAIN = (type(None), bool, int, float, complex, str, bytes, Fraction, PurePath)
_BLOCK = 256


class Digests:
    """Takes digests; those of networks and data sets, which are large, once as long as this object lives."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, str]] = {}

    def of(self, value: object) -> str:
        """SHA-256 (hexadecimal) of a value's content. Raises `TypeError` for what has none."""
        if not isinstance(value, Graph | Dataset):
            return self._anew(value)
        # the value is held here too, so that no other one takes its identity
        if id(value) not in self._known:
            self._known[id(value)] = value, self._anew(value)
        return self._known[id(value)][1]

    def _anew(self, value: object) -> str:
        if isinstance(value, np.ndarray):
            return _array(value)
        if isinstance(value, Dataset):
            return self._named(value, {**_fields(value), "source": _pixels(value)})
        if isinstance(value, _PLAIN):
            return _text(_name(type(value)), repr(value))
        if isinstance(value, np.generic):
            return _text("scalar", value.dtype.str, value.tobytes().hex())
        if isinstance(value, Enum):
            return _text(_name(type(value)), value.name)
        if isinstance(value, partial):
            return self._many("partial", (value.func, value.args, value.keywords))
        if isinstance(value, Mapping):
            return self._many("mapping", [part for item in value.items() for part in item])
        if isinstance(value, Set):
            return _text("set", *sorted(self.of(part) for part in value))
        if is_dataclass(value) and not isinstance(value, type):
            return self._named(value, _fields(value))
        if isinstance(value, BaseModel):
            return self._named(value, {name: getattr(value, name) for name in type(value).model_fields})
        if isinstance(value, Sequence):
            return self._many(_name(type(value)), value)
        return _function(value)

    def _many(self, kind: str, parts: Sequence[object]) -> str:
        return _text(kind, *(self.of(part) for part in parts))

    def _named(self, value: object, parts: Mapping[str, object]) -> str:
        return _text(_name(type(value)), *(f"{name} {self.of(part)}" for name, part in parts.items()))


def _fields(value: Any) -> dict[str, object]:
    """Fields of a dataclass that have a value: `archsim.mapping.view` leaves some out."""
    return {item.name: getattr(value, item.name) for item in fields(value) if hasattr(value, item.name)}


def _name(kind: Any) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _text(*parts: str) -> str:
    """Digest of texts: each with its length, so that no two lists of texts read alike."""
    return sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()


def _array(array: NDArray[Any]) -> str:
    if array.dtype.hasobject:
        raise TypeError("an array of Python objects has no digest")
    found = sha256(repr(("array", array.dtype.str, array.shape)).encode())
    found.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return found.hexdigest()


def _pixels(data: Dataset) -> str:
    """Digest of the chosen pictures: their pixels where they are at hand, else the files they are decoded from."""
    found = sha256()
    if isinstance(data.source, PictureSet):
        for raw in raw_pictures(data.source, data.indices.tolist()):
            found.update(sha256(raw).digest())
    else:
        for start in range(0, len(data), _BLOCK):
            found.update(_array(data.source[data.indices[start : start + _BLOCK]]).encode())
    return found.hexdigest()


def _function(value: object) -> str:
    """A function counts by its name; one whose name does not lead to it has no content that could be compared."""
    if isinstance(value, BuiltinFunctionType | FunctionType | type):
        found: object = sys.modules.get(value.__module__)
        for part in value.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is value:
            return _text("function", _name(value))
    raise TypeError(f"{value!r} has no digest; expected data, or a function of a module")
