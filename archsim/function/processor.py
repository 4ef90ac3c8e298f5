"""What the processor that compiled loops run on can do."""

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import binding
from numba.core import config

SETTINGS: Any = config
"""Numba's settings, which it declares at run time."""


@cache
def processor_has(*features: str) -> bool:
    """Whether compiled loops may use all these features, by LLVM's names (`avx512vnni`).

    Numba compiles for this machine unless its settings name another processor (NUMBA_CPU_NAME, NUMBA_CPU_FEATURES) or
    switch its wide vectors off (NUMBA_ENABLE_AVX=0).
    """
    if not SETTINGS.ENABLE_AVX:
        return False
    if SETTINGS.CPU_NAME is None and SETTINGS.CPU_FEATURES is None:
        host = binding.get_host_cpu_features()  # type: ignore[no-untyped-call]
        return all(host.get(name, False) for name in features)
    named = (SETTINGS.CPU_FEATURES or "").split(",")
    return all(f"+{name}" in named for name in features)
