"""Citations of a run as BibTeX, each with what it was used for."""

from __future__ import annotations

from archsim import __version__
from archsim.result import Citation, Result


def bibtex(run: Result) -> str:
    """BibTeX entries of all works the run's numbers rest on, and of archsim itself."""
    own = f"@software{{archsim,\n  title = {{archsim}},\n  version = {{{__version__}}},\n}}\n"
    return "\n".join([own, *[_entry(item) for item in run.citations]])


def _entry(item: Citation) -> str:
    authors = " and ".join(part.strip() for part in item.authors.split(","))
    values = {"title": item.title, "author": authors, "howpublished": item.venue, "year": str(item.year)}
    if item.doi:
        values["doi"] = item.doi
    if item.url:
        values["url"] = item.url
    body = "".join(f"  {key} = {{{_escape(value)}}},\n" for key, value in values.items())
    used = f"% cited for: {', '.join(item.used_by)}\n"
    return f"{used}@misc{{{item.key},\n{body}}}\n"


def _escape(text: str) -> str:
    return "".join(f"\\{char}" if char in "&%$#_" else char for char in text)
