"""Citations of a run as BibTeX: the works its numbers rest on, each with what for, and where network, weights and
pictures come from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from archsim import __version__
from archsim.result import Citation, Result

_MEETING = re.compile(r"\b(Symposium|Conference|Workshop|Proceedings|Proc\.)", re.IGNORECASE)
_PAGES = re.compile(r",? pages? ([0-9]+(?:-[0-9]+)?)")
_VOLUME = re.compile(
    r"^(?P<journal>[^,0-9]*[^,0-9 ]) (?P<volume>[0-9]+)(?:\((?P<number>[0-9]+)\))?(?:, (?P<rest>.*))?$"
)


def bibtex(*runs: Result, works: Sequence[Citation] = ()) -> str:
    """BibTeX entries of archsim itself, of all works the runs' numbers rest on (and further `works`), and of networks
    and pictures."""
    own = {"title": "archsim", "author": "{The archsim authors}", "note": f"Version {__version__}"}
    entries = [
        _entry("software", "archsim", own, "the simulation"),
        *[_work(item) for item in merged([*[item for run in runs for item in run.citations], *works])],
    ]
    inputs = {key: (values, used) for run in runs for key, values, used in _inputs(run)}
    entries += [_entry("misc", key, values, used) for key, (values, used) in inputs.items()]
    return "\n".join(entries)


def merged(works: Iterable[Citation]) -> list[Citation]:
    """Works, each once, with everything it was used for."""
    found: dict[str, Citation] = {}
    for item in works:
        before = found[item.key].used_by if item.key in found else ()
        found[item.key] = replace(item, used_by=tuple(dict.fromkeys((*before, *item.used_by))))
    return list(found.values())


def _work(item: Citation) -> str:
    authors = " and ".join(part.strip() for part in item.authors.split(","))
    kind, published = _venue(item)
    values = {"title": item.title, "author": authors, **published}
    if item.year is not None:
        values["year"] = str(item.year)
    if item.doi:
        values["doi"] = item.doi
    if item.url:
        values["url"] = item.url
    return _entry(kind, item.key, values, ", ".join(item.used_by))


def _venue(item: Citation) -> tuple[str, dict[str, str]]:
    """BibTeX type of a work, and its venue in that type's fields."""
    if _MEETING.search(item.venue):
        pages = _PAGES.search(item.venue)
        values = {"booktitle": _PAGES.sub("", item.venue)}
        return "inproceedings", {**values, **({"pages": _range(pages.group(1))} if pages else {})}
    journal = _VOLUME.match(item.venue) if item.doi else None
    if journal is None:
        return "misc", {"howpublished": item.venue}
    values = {"journal": journal["journal"], "volume": journal["volume"]}
    if journal["number"]:
        values["number"] = journal["number"]
    rest = journal["rest"] or ""
    pages = re.fullmatch(r"pages? ([0-9]+(?:-[0-9]+)?)", rest)
    if pages or rest:
        values["pages" if pages else "note"] = _range(pages.group(1)) if pages else rest
    return "article", values


def _range(pages: str) -> str:
    return pages.replace("-", "--")


def _inputs(run: Result) -> Iterator[tuple[str, dict[str, str], str]]:
    """Network and pictures: key, fields, and what they were used for. What no file names is said so."""
    origin = run.workload.source or "its files name no source"
    weights = {"file": "network and weights", "seeded": "network (weights drawn from a seed)"}
    used = weights.get(run.workload.weights or "", "network")
    yield f"network-{run.workload.name}", {"title": run.workload.name, "note": origin}, used
    if run.function is not None and run.function.data is not None:
        name = run.function.data.replace(":", "-")
        source = run.function.data_source or "pictures of the user"
        yield f"pictures-{name}", {"title": run.function.data, "note": source}, "pictures"


def _entry(kind: str, key: str, values: Mapping[str, str], used: str) -> str:
    body = "".join(f"  {name} = {{{_escape(value)}}},\n" for name, value in values.items())
    return f"% cited for: {used}\n@{kind}{{{key},\n{body}}}\n"


def _escape(text: str) -> str:
    return "".join(f"\\{char}" if char in "&%$#_" else char for char in text)
