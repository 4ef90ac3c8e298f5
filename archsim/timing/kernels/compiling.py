"""How the timing kernels are compiled."""

from __future__ import annotations

from numba import njit

loop = njit(cache=True, _nrt=False)
"""For loops that allocate nothing: without Numba's runtime there is no reference counting, which would cost six times the work itself."""
inlined = njit(cache=True, _nrt=False, forceinline=True)
"""For parts of such a loop: called as functions they would pass every field of every array."""
