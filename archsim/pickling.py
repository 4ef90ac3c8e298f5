"""Read-only mappings can be pickled, so that graphs, plans and results travel to other processes.

Python refuses to pickle `types.MappingProxyType`, which archsim's frozen data hold.
"""

from __future__ import annotations

import copyreg
from types import MappingProxyType
from typing import Any

Mapping = MappingProxyType[Any, Any]


def read_only(values: dict[Any, Any]) -> Mapping:
    """A read-only view of a dict."""
    return MappingProxyType(values)


def _reduce(mapping: Mapping) -> tuple[Any, tuple[dict[Any, Any]]]:
    return read_only, (dict(mapping),)


copyreg.pickle(MappingProxyType, _reduce)
