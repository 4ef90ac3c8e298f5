"""What a point of a sweep may take over from an earlier one: results kept by the content of all that made them."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import fields
from hashlib import sha256
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from archsim.timing import Machine

Value = TypeVar("Value")
MOST = 16


class Reuse:
    """The last results of each kind, by a digest of everything they follow from; held by one process.

    Parameters
    ----------
    limit : results kept of each kind; the one unused for longest goes first.
    """

    def __init__(self, limit: int = MOST) -> None:
        self._limit = limit
        self._kept: dict[str, OrderedDict[str, Any]] = {}
        self._lock = Lock()
        self.hits: Counter[str] = Counter()
        self.misses: Counter[str] = Counter()

    def of(self, kind: str, key: str, make: Callable[[], Value]) -> Value:
        """The result of `make`, or the one kept of this kind under `key`."""
        with self._lock:
            kept = self._kept.setdefault(kind, OrderedDict())
            if key in kept:
                self.hits[kind] += 1
                kept.move_to_end(key)
                found: Value = kept[key]
                return found
            self.misses[kind] += 1
        made = make()
        with self._lock:
            kept[key] = made
            while len(kept) > self._limit:
                kept.popitem(last=False)
        return made


def machine_key(machine: Machine, digital: frozenset[str], engine: str) -> str:
    """Digest of all that timing follows from."""
    digest = sha256(repr((engine, sorted(digital))).encode())
    for item in fields(machine):
        value = getattr(machine, item.name)
        if isinstance(value, np.ndarray):
            digest.update(repr((item.name, value.dtype.str, value.shape)).encode())
            digest.update(np.ascontiguousarray(value).data)
        else:
            digest.update(repr((item.name, value)).encode())
    return digest.hexdigest()
