"""The file as bytes: one document, nothing from outside, and nothing in it that a name could change."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.report.comparison import Comparison, side_by_side
from archsim.report.page import runs_page
from archsim.report.page.document import embedded, write_page
from archsim.result import Result
from tests.report.page.hostile import HOSTILE

VOID = {"meta", "wbr", "img", "input", "br", "link", "base"}


class Reader(HTMLParser):
    """Elements of a page with their attributes, its scripts, and the texts of some elements."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif data.strip():
            self.texts.append(data)


@pytest.fixture(scope="module", params=["one", "pair", "three", "hostile", "sweep", "hostile-sweep"])
def page(request: pytest.FixtureRequest, pages: dict[str, Path]) -> Reader:
    return Reader(pages[request.param].read_text(encoding="utf-8"))


def test_every_element_is_closed_and_ids_are_unique(page: Reader) -> None:
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_nothing_is_fetched(page: Reader) -> None:
    for tag, attributes in page.elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "form"}, attributes
        assert not {"src", "srcset", "background", "poster", "action"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        if "href" in attributes:
            assert re.match(r"#[a-z-]+$|https?://", attributes["href"] or "")


def test_only_the_scripts_of_the_page_may_run(page: Reader) -> None:
    policy = next(a["content"] for t, a in page.elements if t == "meta" and a.get("http-equiv")) or ""
    kinds = [attributes.get("type") for tag, attributes in page.elements if tag == "script"]
    runs = [text for text, kind in zip(page.scripts, kinds, strict=True) if kind is None]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in runs]
    assert re.findall(r"'sha256-([^']+)'", policy) == hashes
    assert "default-src 'none'" in policy
    assert len(kinds) - len(runs) == 1
    json.loads(page.scripts[kinds.index("application/json")])


def test_headings_captions_and_labels_are_there(page: Reader) -> None:
    tags = [tag for tag, _ in page.elements]
    assert tags.count("h1") == 1
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert all(later <= sooner + 1 for sooner, later in pairwise(levels))
    assert tags.count("caption") == tags.count("table")
    labelled = {attributes["for"] for tag, attributes in page.elements if tag == "label" and "for" in attributes}
    for tag, attributes in page.elements:
        if "data-chart" in attributes:
            assert attributes.get("aria-label")
        if tag in {"select", "input"} and attributes.get("type") != "checkbox":
            assert attributes["id"] in labelled


@pytest.mark.parametrize("name", ["hostile", "hostile-sweep"])
def test_hostile_names_are_text(pages: dict[str, Path], name: str) -> None:
    page = Reader(pages[name].read_text(encoding="utf-8"))
    for hostile in HOSTILE:
        assert hostile in "".join(page.texts)


def test_the_same_runs_give_the_same_page(pair: Comparison) -> None:
    assert runs_page(pair) == runs_page(side_by_side(pair.runs))


@given(st.recursive(st.text() | st.integers(), lambda part: st.lists(part) | st.dictionaries(st.text(), part)))
def test_embedded_data_reads_back_and_ends_no_script(data: object) -> None:
    text = embedded({"data": data})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"data": data}


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        embedded({"data": float("nan")})


def test_bad_targets_are_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a directory"):
        write_page(tmp_path, "")
    with pytest.raises(InputError, match="cannot be written: No such file"):
        write_page(tmp_path / "none" / "page.html", "")


def test_nine_runs_are_too_many(runs: tuple[Result, ...]) -> None:
    with pytest.raises(InputError, match="at most 8 runs, got 9"):
        side_by_side([runs[0]] * 9).html("unused.html")


def test_eight_runs_fit(runs: tuple[Result, ...]) -> None:
    page = Reader(runs_page(side_by_side([*runs, *runs, *runs[:2]])))
    assert sum(1 for _, attributes in page.elements if "data-chart" in attributes) == 8 * 4 + 5
