"""Names of files, and text in captions."""

from __future__ import annotations

import re
from collections.abc import Sequence


def slug(text: str) -> str:
    """Text as part of a file's name, without dots: LaTeX would take what follows one for the kind of file."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:60]


def slugs(labels: Sequence[str]) -> tuple[str, ...]:
    """Starts of file names, told apart by a number where letters do not."""
    words = [slug(label) for label in labels]
    folded = [word.casefold() for word in words]
    return tuple(
        f"{word}-{place}-" if folded.count(word.casefold()) > 1 or not word else f"{word}-"
        for place, word in enumerate(words, 1)
    )


_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "µ": r"\textmu{}",
    "²": r"\textsuperscript{2}",
    **{char: f"\\{char}" for char in "$&%#_"},
}


def tex(text: str) -> str:
    """Text that LaTeX prints as it stands."""
    return "".join(_TEX.get(char, char) for char in " ".join(text.split()))


def inline(label: str) -> str:
    """A label within a sentence: its first letter small, unless it begins an abbreviation."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]
