"""Values of a study: text as written, and what a column of them is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from archsim.config.document import Plain

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def as_text(value: object) -> Plain:
    """A value as a file would hold it: text, or mappings and lists of text.

    Raises `ValueError` for what no file holds.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return {str(key): as_text(child) for key, child in value.items()}
    if isinstance(value, Sequence):
        return [as_text(child) for child in value]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return as_text(value.tolist())
    if isinstance(value, int | float):
        return str(value) if isinstance(value, int) else repr(value)
    raise ValueError(f"is a {type(value).__name__}; expected text, a number, a truth value, a list or a mapping")


def shown(value: Plain) -> str:
    """A value in one cell of a table."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def column(values: Iterable[Plain | None]) -> dict[str, Any]:
    """What each text of a column becomes: whole numbers or numbers where all are, truth values where all are, else
    itself. Texts with units stay as they are written."""
    texts = dict.fromkeys(shown(value) for value in values if value is not None)
    if all(_WHOLE.fullmatch(text) for text in texts):
        return {text: int(text) for text in texts}
    if all(_NUMBER.fullmatch(text) for text in texts):
        return {text: float(text) for text in texts}
    if all(text in ("true", "false") for text in texts):
        return {text: text == "true" for text in texts}
    return {text: text for text in texts}
