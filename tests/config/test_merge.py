"""`extends`, deep merge and overrides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.config.document import Block, Node, Scalar, plain
from archsim.config.merge import apply_overrides, deep_merge, read_extended
from archsim.errors import InputError

KEYS = st.sampled_from("abcd")
TREES = st.recursive(st.sampled_from(["1", "2"]), lambda child: st.dictionaries(KEYS, child, max_size=3), max_leaves=8)
DOCUMENTS = st.dictionaries(KEYS, TREES, max_size=4)


def block(tree: object) -> Node:
    if isinstance(tree, dict):
        return Block({key: block(child) for key, child in tree.items()}, "f:1")
    return Scalar(str(tree), "f:1")


def merged(below: object, above: object) -> object:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {key: merged(below.get(key, {}), above[key]) if key in above else below[key] for key in below | above}


def as_block(tree: dict[str, object]) -> Block:
    node = block(tree)
    assert isinstance(node, Block)
    return node


@given(DOCUMENTS, DOCUMENTS)
def test_deep_merge_is_the_obvious_recursion(below: dict[str, object], above: dict[str, object]) -> None:
    assert plain(deep_merge(as_block(below), as_block(above))) == merged(below, above)


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_deep_merge_identities(a: dict[str, object], b: dict[str, object], c: dict[str, object]) -> None:
    assert plain(deep_merge(as_block(a), as_block(a))) == a
    assert plain(deep_merge(as_block({}), as_block(a))) == a
    left = deep_merge(deep_merge(as_block(a), as_block(b)), as_block(c))
    right = deep_merge(as_block(a), deep_merge(as_block(b), as_block(c)))
    if all(set(map(type, _leaves(x))) <= {str} for x in (a, b, c)) and plain(left) != plain(right):
        # a scalar between two blocks cuts what lies below it: only then may the order of merging matter
        assert _has_cut(a, b, c)


def _leaves(tree: object) -> list[object]:
    return [leaf for child in tree.values() for leaf in _leaves(child)] if isinstance(tree, dict) else [tree]


def _has_cut(a: object, b: object, c: object) -> bool:
    if isinstance(a, dict) and isinstance(b, dict) and isinstance(c, dict):
        return any(_has_cut(a.get(k), b.get(k), c.get(k)) for k in a.keys() | b.keys() | c.keys())
    return isinstance(b, str) and isinstance(c, dict)


@given(DOCUMENTS, st.lists(KEYS, min_size=1, max_size=3), st.sampled_from(["x", "y"]))
def test_an_override_sets_one_path_and_nothing_else(document: dict[str, object], keys: list[str], value: str) -> None:
    after, problems = apply_overrides(as_block(document), {".".join(keys): value})
    under: object = document
    for key in keys[:-1]:
        under = under.get(key, {}) if isinstance(under, dict) else under
    if problems:
        assert not isinstance(under, dict)
        return
    change: object = value
    for key in reversed(keys):
        change = {key: change}
    assert plain(after) == merged(document, change)


def test_override_values_become_the_text_a_file_would_hold() -> None:
    class Whole:
        def __index__(self) -> int:
            return 7

    values = {"a": np.int64(6), "b": np.float32(0.5), "c": np.True_, "d": Whole(), "e": "1 ns"}
    values |= {"f": {"x": 1, "y": {"z": False}}}
    document, problems = apply_overrides(as_block({"f": {"w": "0", "y": {"v": "1"}}}), values)
    assert not problems
    assert plain(document) == {
        "a": "6",
        "b": "0.5",
        "c": "true",
        "d": "7",
        "e": "1 ns",
        "f": {"w": "0", "x": "1", "y": {"v": "1", "z": "false"}},
    }


def test_override_problems_come_together() -> None:
    bad = {"a.b": 1, "": 1, "a..b": 1, "c .d": 1, "extends": "x", "e": object(), "f": None, "g": 10**5000}
    _, problems = apply_overrides(as_block({"a": "1"}), bad)
    assert [str(problem) for problem in problems] == [
        "--set a.b: 'a' is a value, not a block; it has no 'b'",
        "--set : is not a dotted path; expected one such as ima.adc.bits",
        "--set a..b: is not a dotted path; expected one such as ima.adc.bits",
        "--set c .d: is not a dotted path; expected one such as ima.adc.bits",
        "--set extends: cannot be set from outside; name another hardware file instead",
        "--set e: cannot be set to a value of type object; expected text, a number or a mapping",
        "--set f: cannot be set to a value of type NoneType; expected text, a number or a mapping",
        "--set g: cannot be set to a value of type int; expected text, a number or a mapping",
    ]


def test_extends_by_path_and_by_name(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("name: base\na: {b: 1, c: 2}\n")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "mid.yaml").write_text("name: mid\nextends: base.yaml\na: {c: 3}\n")
    (tmp_path / "deeper" / "top.yaml").write_text("name: top\nextends: ../mid.yaml\na: {d: 4}\n")
    document, _, problems = read_extended(tmp_path / "deeper" / "top.yaml")
    assert not problems
    assert plain(document) == {"name": "top", "a": {"b": "1", "c": "3", "d": "4"}}
    (tmp_path / "named.yaml").write_text("name: n\nextends: isaac-ce\n")
    document, _, _ = read_extended(tmp_path / "named.yaml")
    assert "ima" in document.entries
    assert "extends" not in document.entries


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a": "name: a\nextends: a.yaml\n"}, "a.yaml:2: extends itself: a.yaml -> a.yaml"),
        (
            {"a": "name: a\nextends: b.yaml\n", "b": "name: b\n\nextends: a.yaml\n"},
            "b.yaml:3: extends itself: a.yaml -> b.yaml -> a.yaml",
        ),
        ({"a": "extends: isaac-ce\n"}, "a.yaml:1: a file that extends another needs a 'name' of its own"),
        ({"a": "name: a\nextends: [b]\n"}, "a.yaml:2: extends: expected one name or path"),
        ({"a": "name: a\nextends:\n"}, "a.yaml:2: extends: expected one name or path"),
        ({"a": "name: a\nextends: isaac\n"}, "a.yaml:2: extends: 'isaac': no shipped hardware"),
        ({"a": "- 1\n"}, "a.yaml:1: is no mapping; expected 'key: value' lines at the top"),
    ],
)
def test_extends_refusals(files: dict[str, str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_extended(Path("a.yaml"))
    assert str(caught.value).startswith(message)


def test_a_long_chain_ends(tmp_path: Path) -> None:
    for i in range(30):
        (tmp_path / f"f{i}.yaml").write_text(f"name: f{i}\nextends: f{i + 1}.yaml\n")
    with pytest.raises(InputError, match="chain of more than 20"):
        read_extended(tmp_path / "f0.yaml")
