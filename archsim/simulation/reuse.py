"""Results that points of a design space have in common, kept by the content of everything they follow from.

Nothing is kept by name, path or identity: a result is taken over only where all values it was made from are equal
(`archsim.simulation.digests`), so runs give the same with and without. What is kept: mappings, timings, networks with
drawn weights, quantized networks, activation ranges, logits of the float network, and whole evaluations of pictures.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from sys import getsizeof
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from archsim.keeping import Keep
from archsim.simulation.digests import Digests

Value = TypeVar("Value")
MOST_BYTES = 64 << 20


class Reuse:
    """A bounded store for one process; `archsim.simulate` and `archsim.map_network` take it as `reuse`.

    Parameters
    ----------
    limit : bytes of the results kept; those unused for longest go first. Larger results are not kept.

    Attributes
    ----------
    hits, misses : how often a result of a kind was at hand, and how often not.
    """

    def __init__(self, limit: int = MOST_BYTES) -> None:
        self.limit = limit
        self.hits: Counter[str] = Counter()
        self.misses: Counter[str] = Counter()
        self._kept: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def __call__(self, kind: str, parts: tuple[object, ...], make: Callable[[], Value]) -> Value:
        """The result of `make`, or the one kept of this kind and content of `parts` (`archsim.keeping.Keep`)."""
        return self.keyed(kind, Digests().of(parts), make)

    def for_run(self) -> Keep:
        """The same for the length of one run: digests of its network and pictures are taken once."""
        digests = Digests()

        def keep(kind: str, parts: tuple[object, ...], make: Callable[[], Value]) -> Value:
            return self.keyed(kind, digests.of(parts), make)

        return keep

    def keyed(self, kind: str, digest: str, make: Callable[[], Value]) -> Value:
        """The result of `make`, or the one kept under this kind and digest."""
        key = f"{kind} {digest}"
        with self._lock:
            if key in self._kept:
                self.hits[kind] += 1
                self._kept.move_to_end(key)
                found: Value = self._kept[key][0]
                return found
            self.misses[kind] += 1
        made = make()
        size = size_of(made)
        with self._lock:
            if key not in self._kept and size <= self.limit:
                self._kept[key] = made, size
                self._bytes += size
            while self._bytes > self.limit:
                self._bytes -= self._kept.popitem(last=False)[1][1]
        return made

    def __len__(self) -> int:
        """Results kept."""
        return len(self._kept)

    @property
    def bytes(self) -> int:
        """Bytes of the results kept."""
        return self._bytes


def size_of(value: object) -> int:
    """About how many bytes a result takes, its arrays and what holds them; what it shares with others counts too."""
    seen: set[int] = set()
    pending, total = [value], 0
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        total += getsizeof(item)
        if isinstance(item, np.ndarray):
            total += item.nbytes if item.base is not None else 0
        elif isinstance(item, Mapping):
            pending += [*item.keys(), *item.values()]
        elif isinstance(item, Sequence) and not isinstance(item, str | bytes):
            pending += item
        elif is_dataclass(item):
            pending += [getattr(item, part.name) for part in fields(item) if hasattr(item, part.name)]
    return total
