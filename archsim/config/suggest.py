"""Did-you-mean suggestions for names in error messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST_NAME_COMPARED = 120


def closest(word: str, options: Iterable[str]) -> str | None:
    """The option most like `word` (case ignored), or None when nothing is near."""
    if len(word) > _LONGEST_NAME_COMPARED:
        return None
    by_folded = {option.casefold(): option for option in options}
    found = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Text to append to a message: `"; did you mean 'isaac-ce'?"`, or `""` when nothing is near."""
    found = closest(word, options)
    return f"; did you mean '{found}'?" if found is not None else ""


def excerpt(text: str, length: int = 60) -> str:
    """`text` quoted for a message, cut to `length` characters so that no input can flood the terminal."""
    return repr(text) if len(text) <= length else f"{text[:length]!r}..."
