"""How the timing kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numba import njit
from numba.core import event

_BARE: dict[str, Any] = {"cache": True, "_nrt": False}
loop = njit(**_BARE)
"""For loops that allocate nothing. Without Numba's runtime there is no reference counting, which would take most of
the time."""
inlined = njit(**_BARE, forceinline=True)
"""For parts of such a loop: called as functions they would pass every field of every array."""


@contextmanager
def announced(say: Callable[[], None]) -> Iterator[None]:
    """Call `say` once, before the first timing kernel is compiled; never when all come from Numba's cache."""

    class Announcer(event.Listener):
        told = False

        def on_start(self, occurrence: event.Event) -> None:
            module = occurrence.data["dispatcher"].py_func.__module__
            if not self.told and module.startswith("archsim.timing"):
                self.told = True
                say()

        def on_end(self, occurrence: event.Event) -> None:
            """Nothing is said of the end."""

    with event.install_listener("numba:compile", Announcer()):
        yield
