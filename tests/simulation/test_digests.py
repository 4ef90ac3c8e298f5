"""Digests tell any two contents apart, and only contents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import archsim
from archsim.components import build_chip
from archsim.mapping.view import mapping_view
from archsim.simulation.digests import Digests
from archsim.workload import Dataset, default_preprocessing, load_data


def digest(value: object) -> str:
    return Digests().of(value)


@dataclass(frozen=True, slots=True)
class Pair:
    first: object
    second: object = None


@dataclass(frozen=True, slots=True)
class Other:
    first: object
    second: object = None


@dataclass(frozen=True)
class Hidden:
    shown: int
    counted: int = field(default=0, compare=False)


SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=3)
VALUE = st.recursive(
    SCALAR,
    lambda part: (
        st.lists(part, max_size=3)
        | st.lists(part, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=2), part, max_size=3)
        | st.builds(Pair, part, part)
    ),
    max_leaves=6,
)


@given(one=VALUE, other=VALUE)
def test_equal_digests_are_equal_texts(one: object, other: object) -> None:
    """`repr` of these values says all of them."""
    assert (digest(one) == digest(other)) == (repr(one) == repr(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        ("a", b"a"),
        (["ab", "c"], ["a", "bc"]),
        ([[1], 2], [[1, 2]]),
        ((1, 2), [1, 2]),
        ({"a": 1}, [["a", 1]]),
        (Pair(1), Other(1)),
        (Pair(1, 2), Pair(2, 1)),
        (Hidden(1, 2), Hidden(1, 3)),
        (np.zeros(4), np.zeros((2, 2))),
        (np.zeros(4, np.int64), np.zeros(4)),
        (np.zeros(3, np.uint8), np.zeros(3, np.int8)),
        (np.zeros(3), [0.0, 0.0, 0.0]),
        (np.arange(6).reshape(2, 3), np.arange(6).reshape(2, 3).T),
        (np.float32(1), np.float64(1)),
        (frozenset([1, 2]), (1, 2)),
        (partial(pow, 2), partial(pow, 3)),
        (partial(pow, 2), partial(pow, exp=2)),
        (partial(pow, 2), partial(divmod, 2)),
        (Path("a"), "a"),
    ],
)
def test_contents_are_told_apart(one: object, other: object) -> None:
    assert digest(one) != digest(other)


def test_how_something_is_held_does_not_count() -> None:
    base = np.arange(24).reshape(4, 6)
    assert digest(base[::2, 1::2]) == digest(base[::2, 1::2].copy())
    assert digest(np.asfortranarray(base)) == digest(base)
    assert digest(frozenset("ab")) == digest(frozenset("ba"))
    assert digest(Pair("".join(["a", "b"]), np.zeros(2))) == digest(Pair("ab", np.zeros(2)))
    assert digest({}) == digest({}) != digest({"a": None})


@pytest.mark.parametrize(
    "value", [lambda x: x, object(), iter([]), np.array([object()]), {"a": (lambda: 0,)}, Pair(partial(lambda: 0))]
)
def test_what_has_no_content_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="no digest"):
        digest(value)


def test_a_name_that_leads_elsewhere_is_refused() -> None:
    def renamed() -> None: ...

    renamed.__module__, renamed.__qualname__ = "builtins", "pow"
    with pytest.raises(TypeError, match="no digest"):
        digest(renamed)


def test_parts_left_out_of_a_view_do_not_count() -> None:
    chips = [build_chip(archsim.load_hardware("isaac-ce").replace({"ima.adc.bits": bits})) for bits in (7, 8)]
    assert digest(chips[0]) != digest(chips[1])
    assert digest(mapping_view(chips[0])) == digest(mapping_view(chips[1]))


# ---------------------------------------------------------------------- pictures


def pictures(folder: Path, names: tuple[str, ...] = ("0.png", "1.png"), first: int = 0) -> Dataset:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        Image.fromarray(np.full((32, 32, 3), first + number, np.uint8)).save(folder / name)
    return load_data(folder, default_preprocessing(archsim.load_workload("resnet8-cifar10")))


def test_pictures_count_by_their_files(tmp_path: Path) -> None:
    here, there = pictures(tmp_path / "a"), pictures(tmp_path / "b")
    moved = replace(there, name=here.name)
    assert digest(here) == digest(moved)
    assert digest(here) != digest(there)  # named after its folder, and results say that name
    pictures(tmp_path / "b", first=5)
    assert digest(here) != digest(moved)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: replace(data, indices=data.indices[:1], names=data.names[:1]),
        lambda data: replace(data, labels=data.labels + 1),
        lambda data: replace(data, source=data.source + 1),
        lambda data: replace(data, preprocessing=replace(data.preprocessing, scale=(1.0,))),
        lambda data: replace(data, notes=("one",)),
    ],
)
def test_arrays_of_pictures_count_by_what_is_chosen(tmp_path: Path, change: Callable[[Dataset], Dataset]) -> None:
    x = np.arange(4 * 32 * 32 * 3, dtype=np.uint8).reshape(4, 32, 32, 3)
    np.savez(tmp_path / "x.npz", x=x, y=np.arange(4))
    data = load_data(tmp_path / "x.npz", default_preprocessing(archsim.load_workload("resnet8-cifar10")))
    assert digest(change(data)) != digest(data)


def test_large_things_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = archsim.load_workload("lenet5-mnist")
    digests = Digests()
    before = digests.of((graph, 1))
    monkeypatch.setattr("archsim.simulation.digests._array", lambda _: pytest.fail("looked at again"))
    assert digests.of((graph, 1)) == before
    with pytest.raises(pytest.fail.Exception):
        Digests().of(graph)
