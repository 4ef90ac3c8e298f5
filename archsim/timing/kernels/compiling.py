"""How the timing kernels are compiled."""

from __future__ import annotations

from functools import partial
from typing import Any

from archsim.compiling import kernel

_BARE: dict[str, Any] = {"_nrt": False}
loop: Any = partial(kernel, **_BARE)
"""For loops that allocate nothing. Without Numba's runtime there is no reference counting, which would take most of
the time."""
inlined: Any = partial(kernel, **_BARE, forceinline=True)
"""For parts of such a loop: called as functions they would pass every field of every array."""
