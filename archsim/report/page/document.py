"""One HTML file that needs nothing else: markup by Jinja with every text escaped, charts by Plotly, which is inside.

A content security policy in the page allows exactly the scripts written here, by their hashes, and no request to
anywhere: names from files could not run anything even if they were taken for markup.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.errors import InputError
from archsim.files import write_whole

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = "templates"


def render(
    template: str, context: Mapping[str, Any], data: Mapping[str, Any], own: Sequence[str] = ("page.js",)
) -> str:
    """HTML text of a template; `data` is what its `own` scripts find in `archsim-data`. The same input gives the same
    text.

    Raises `ValueError` for numbers in `data` that are not finite.
    """
    from markupsafe import Markup

    scripts = (_plotly(), *map(_resource, own))
    return (
        _environment()
        .get_template(template)
        .render(
            **context,
            style=Markup(_resource("page.css")),
            scripts=[Markup(script) for script in scripts],
            policy=_policy(scripts),
            data=Markup(embedded(data)),
        )
    )


def embedded(data: Mapping[str, Any]) -> str:
    """JSON that may stand inside a script element: nothing in it ends the element or starts a comment."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def write_page(path: str | os.PathLike[str], text: str) -> Path:
    """Write a page; it appears whole or not at all.

    Raises `InputError` where it cannot be written.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError("is a directory; expected a file to write", where=str(target))
    try:
        write_whole(target, text)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(target)) from None
    return target


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader(__package__, TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["breakable"] = _breakable
    return made


def _breakable(name: str) -> str:
    """A name, escaped, that may break into lines behind dots, slashes and underscores."""
    from markupsafe import Markup

    return Markup("<wbr>").join(re.split(r"(?<=[./_])(?=[^./_])", name))


def _resource(name: str) -> str:
    return (files(__package__) / TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    """The charting library as its package ships it."""
    script: str = import_module("plotly.offline").get_plotlyjs()
    return script.replace("\r\n", "\n")


def _policy(scripts: tuple[str, ...]) -> str:
    """The content security policy of a page with these scripts, and nothing from outside."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'"
