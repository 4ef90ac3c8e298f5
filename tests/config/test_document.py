"""Strict YAML: what is read, and every refusal with its line."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.config.document import LARGEST_FILE, Block, Items, Scalar, locate, parse_yaml, plain, read_yaml
from archsim.errors import InputError


def refusal(text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "f.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_scalars_stay_text_and_know_their_line() -> None:
    node = parse_yaml("a: 010\nb:\n  c: 1e-9\n  d: [yes, '0x10', 1_000, ~]\n  e:\n", "f.yaml")
    assert plain(node) == {"a": "010", "b": {"c": "1e-9", "d": ["yes", "0x10", "1_000", "~"], "e": ""}}
    assert isinstance(node, Block)
    assert locate(node, ["b", "c"]) == "f.yaml:3"
    assert locate(node, ["b", "d", 1]) == "f.yaml:4"
    assert locate(node, ["b", "missing", "deeper"]) == "f.yaml:2"
    assert isinstance(node.entries["b"], Block)
    assert isinstance(node.entries["b"].entries["d"], Items)
    assert node.entries["a"] == Scalar("010", "f.yaml:1")


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("a: 1\nb: 2\na: 3\n", ["f.yaml:3: repeats the key 'a' of line 1"]),
        ("a:\n\tb: 1\nc: 2\t\n", [f"f.yaml:{n}: holds a tab; YAML is indented with spaces" for n in (2, 3)]),
        (
            "a: &x 1\nb: *x\n",
            [
                "f.yaml:1: sets the anchor '&x'; anchors are not used here, 'extends' shares values",
                "f.yaml:2: uses the alias '*x'; aliases are not used here, write the value out",
            ],
        ),
        ("a: !!int 3\n", ["f.yaml:1: uses the tag 'tag:yaml.org,2002:int'; tags are not used here"]),
        ("a: !x {b: 1}\n", ["f.yaml:1: uses the tag '!x'; tags are not used here"]),
        (
            "a: {<<: {b: 1}}\n",
            ["f.yaml:1: uses the merge key '<<'; merges are not used here, 'extends' shares values"],
        ),
        ("a: 1\n---\nb: 2\n", ["f.yaml:2: starts a second document; expected one document in a file"]),
        ("? [a, b]\n: 1\n", ["f.yaml:1: has a key that is not plain text; expected 'key: value'"]),
        ("'': 1\n", ["f.yaml:1: has a key that is not plain text; expected 'key: value'"]),
        ("# nothing\n", ["f.yaml: holds only comments; expected a YAML document"]),
        ("a: [1, 2\nb: 3\n", ["f.yaml:2: not valid YAML: did not find expected ',' or ']'"]),
        ("a: 1\nb: \x07\n", ["f.yaml:2: holds a control character; expected a text file"]),
    ],
)
def test_refusals(text: str, problems: list[str]) -> None:
    found = refusal(text)
    if "not valid YAML" in problems[0]:  # the wording after it is PyYAML's
        assert [line.partition("YAML")[0] for line in found] == [line.partition("YAML")[0] for line in problems]
    else:
        assert found == problems


def test_all_problems_of_a_file_at_once() -> None:
    assert len(refusal("a: &x 1\na: 2\nb: *x\nc: !t 1\n---\nd: 1\n")) == 5


def test_deep_nesting_is_refused_not_followed() -> None:
    (problem,) = refusal("a: " + "[" * 5000 + "]" * 5000)
    assert problem == "f.yaml:1: is nested more than 60 deep"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    def problem(path: Path) -> str:
        with pytest.raises(InputError) as caught:
            read_yaml(path)
        return str(caught.value)

    def write(name: str, data: bytes) -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    assert problem(tmp_path).endswith("is a directory; expected a YAML file")
    assert problem(tmp_path / "no.yaml").endswith("no.yaml: no such file")
    assert problem(write("empty.yaml", b" \n")).endswith("empty.yaml: is empty; expected a YAML file")
    assert problem(write("latin.yaml", b"a: 1\nb: \xe4\n")).endswith(
        "latin.yaml:2: is not UTF-8 text; expected a YAML file"
    )
    assert "larger than 4 MiB" in problem(write("huge.yaml", b"#" * (LARGEST_FILE + 1)))
    assert problem(write("binary.yaml", b"a\x00b: 1")).endswith(":1: holds a control character; expected a text file")
    assert "not a usable path" in problem(Path("a\0b"))
    assert plain(read_yaml(write("bom.yaml", b"\xef\xbb\xbfa: 1\n"))) == {"a": "1"}


WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
TREES = st.recursive(
    WORDS, lambda child: st.lists(child, max_size=3) | st.dictionaries(WORDS, child, max_size=3), max_leaves=12
)


def spell(tree: object) -> str:
    if isinstance(tree, dict):
        return "{" + ", ".join(f"'{key}': {spell(value)}" for key, value in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(spell, tree)) + "]"
    return f"'{tree}'"


@given(st.dictionaries(WORDS, TREES, min_size=1, max_size=4))
def test_any_tree_of_text_is_read_as_it_stands(tree: dict[str, object]) -> None:
    assert plain(parse_yaml(spell(tree), "f.yaml")) == tree


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_position(text: str) -> None:
    with contextlib.suppress(InputError):
        parse_yaml(text, "f.yaml")
        return
    assert all(line.startswith("f.yaml") for line in refusal(text))
