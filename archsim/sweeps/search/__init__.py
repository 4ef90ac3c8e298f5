"""Design search: objectives, constraints and a sampler over the space of a sweep study."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archsim.sweeps.search.document import read_search
    from archsim.sweeps.search.entry import search
    from archsim.sweeps.search.folder import replaced, run_search
    from archsim.sweeps.search.outcome import SearchOutcome
    from archsim.sweeps.search.request import SearchStudy, check_search

_HOMES = {
    "SearchOutcome": "outcome",
    "SearchStudy": "request",
    "check_search": "request",
    "read_search": "document",
    "replaced": "folder",
    "run_search": "folder",
    "search": "entry",
}
"""The module of each name; imported on first use, because the document of a sweep needs the block of a search."""

__all__ = ["SearchOutcome", "SearchStudy", "check_search", "read_search", "replaced", "run_search", "search"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"archsim.sweeps.search.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'archsim.sweeps.search' has no attribute '{name}'")
