"""The seam between inference and noise: windows keep their numbers whatever the batches, blocks and threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsim.function.crossbars.analog import analog_engine
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.converter import Sums, Transfer, converter_for
from archsim.function.crossbars.noise import ReadProduct, from_image, noise_key, of_block, starting_at
from archsim.function.inference.infer import infer
from archsim.function.quantization.calibrate import calibrate
from archsim.function.quantization.network import QuantizedNetwork
from archsim.function.quantization.quantize import quantize
from archsim.function.unroll import Block, Geometry
from tests.function.circuits import with_units
from tests.function.crossbars.analog.test_engine import slicing
from tests.function.nets import everything

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def network() -> QuantizedNetwork:
    graph = everything(size=10)
    ranges = calibrate(graph, [pictures(4)], origin="test")
    return quantize(graph, ranges)


def pictures(count: int) -> Array:
    return np.random.default_rng(0).normal(size=(count, 3, 10, 10)).astype(np.float32)


def circuit(seed: int = 1, noise: float = 0.6) -> Circuit:
    def cells(levels: Array, rng: np.random.Generator) -> Array:
        return (levels + 0.05 * rng.standard_normal(levels.shape)).astype(np.float32)

    converter = converter_for(Transfer(kind="unit", bits=8), Sums(largest=192))
    return Circuit(slicing=with_units(slicing()), converter=converter, cells=cells, read_noise=noise, seed=seed)


def test_same_seed_same_bytes_whatever_threads_and_batches(network: QuantizedNetwork) -> None:
    x = pictures(6)
    whole = infer(network, x, engine=analog_engine(circuit()), threads=1).logits
    for threads, batch in ((1, 1), (2, 6), (2, 2), (3, 4)):
        found = infer(network, x, engine=analog_engine(circuit()), threads=threads, batch=batch).logits
        assert found.tobytes() == whole.tobytes()
    # the pictures of a data set one call at a time, as a long evaluation does
    engine = analog_engine(circuit())
    parts = [infer(network, x[i : i + 2], engine=from_image(engine, i)).logits for i in (0, 2, 4)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    assert not np.array_equal(whole, infer(network, x, engine=analog_engine(circuit(seed=2))).logits)


def test_equal_pictures_have_noise_of_their_own(network: QuantizedNetwork) -> None:
    twice = np.repeat(pictures(1), 2, axis=0)
    noisy = infer(network, twice, engine=analog_engine(circuit())).logits
    assert not np.array_equal(noisy[0], noisy[1])
    still = infer(network, twice, engine=analog_engine(circuit(noise=0.0))).logits
    assert np.array_equal(still[0], still[1])


def test_windows_are_numbered_through_pictures_and_lines() -> None:
    geometry = Geometry(channels=1, height=5, width=4, out_height=5, out_width=4, columns=2)
    seen = ReadProduct(product=lambda _, windows, __: windows, geometry=geometry)
    block = Block(start=1, stop=3, first_row=2, rows=2)
    expected = [28, 29, 30, 31, 32, 33, 34, 35, 48, 49, 50, 51, 52, 53, 54, 55]
    assert of_block(seen, np.zeros((1, 16, 1)), block).tolist() == expected
    later = starting_at(starting_at(seen, 2), 1)
    assert of_block(later, np.zeros((1, 16, 1)), block).tolist() == [n + 60 for n in expected]
    assert later(np.zeros((1, 3, 1))).tolist() == [60, 61, 62]


def test_products_without_noise_pass_through() -> None:
    def plain(x: Array) -> Array:
        return 2 * x

    assert starting_at(plain, 5) is plain
    assert of_block(plain, np.ones(3), Block(start=0, stop=1, first_row=0, rows=1)).tolist() == [2, 2, 2]


def test_keys_differ_by_everything_they_name() -> None:
    keys = [noise_key(0, "a"), noise_key(1, "a"), noise_key(0, "b"), noise_key(0, "a", 1)]
    assert len({int(key) for key in keys}) == 4
    assert noise_key(0, "a") == keys[0]
