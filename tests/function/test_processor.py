"""Which instructions compiled loops may use follows Numba's settings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from llvmlite import binding
from numba.core import config

from archsim.function.processor import processor_has


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    processor_has.cache_clear()
    yield
    processor_has.cache_clear()


def test_this_machine_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CPU_NAME", "CPU_FEATURES"):
        monkeypatch.setattr(config, name, None)
    monkeypatch.setattr(config, "ENABLE_AVX", 1)
    for feature in ("avx512vnni", "avx512vpopcntdq", "neon"):
        assert processor_has(feature) == bool(binding.get_host_cpu_features().get(feature, False))
    assert not processor_has("no-such-feature")


def test_another_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "ENABLE_AVX", 1)
    monkeypatch.setattr(config, "CPU_NAME", "generic")
    monkeypatch.setattr(config, "CPU_FEATURES", "+sse2,+avx512f,-avx512vnni")
    assert processor_has("avx512f", "sse2")
    assert not processor_has("avx512f", "avx512vnni")


def test_wide_vectors_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "ENABLE_AVX", 0)
    assert not processor_has("avx512f")
