"""Counting conversions from several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from archsim.function.crossbars.meter import Conversions, Meter


def test_sums_do_not_depend_on_threads() -> None:
    meter = Meter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: meter.add(f"layer {n % 2}", n % 5, n % 3), range(600)))
    assert meter.read() == {
        "layer 0": Conversions(sum(n % 5 for n in range(0, 600, 2)), sum(n % 3 for n in range(0, 600, 2))),
        "layer 1": Conversions(sum(n % 5 for n in range(1, 600, 2)), sum(n % 3 for n in range(1, 600, 2))),
    }


def test_reading_is_a_snapshot() -> None:
    meter = Meter()
    meter.add("a", 1, 0)
    held = meter.read()
    meter.add("a", 1, 0)
    assert held["a"].unproven == 1
