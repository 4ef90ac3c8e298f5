"""`archsim search STUDY`: a sweep study with a block `search:`."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from archsim.config.complaints import problems_of
from archsim.config.document import Block, Scalar, plain
from archsim.errors import InputError, Problem
from archsim.sweeps.document import placed, read_root, study_of
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.search.block import SearchBlock
from archsim.sweeps.search.request import SearchStudy, search_findings
from archsim.sweeps.study import Study


def read_search(
    path: str | os.PathLike[str], inputs: Inputs | None = None, changes: dict[str, Any] | None = None
) -> SearchStudy:
    """A search study from its YAML file; `changes` replaces fields of `SearchStudy`.

    A Latin hypercube needs no `samples` here: its ranges are searched.

    Raises
    ------
    InputError
        Every problem, each with file and line.
    """
    file, inputs = Path(path), inputs or Inputs()
    root = read_root(file)
    problems: list[Problem] = []
    space: Study | None = None
    try:
        space = study_of(_sampled(root), file.stem, inputs, most=None)
    except InputError as error:
        problems += error.problems
    node = root.entries.get("search")
    if node is None:
        what = "search: is missing; expected a block with objectives, such as {objectives: [energy_j, latency_s]}"
        raise InputError([*problems, Problem(root.where, what)])
    try:
        block = SearchBlock.model_validate(plain(node))
    except ValidationError as error:
        # the block is part of the document, which has complained of it
        raise InputError(problems or problems_of(error, SearchBlock, node)) from None
    given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in block}
    search = replace(SearchStudy(space=space or Study(name=""), **given), **(changes or {}))
    problems += [placed(root, finding) for finding in search_findings(search, inputs if space else None)]
    if problems:
        raise InputError(problems)
    return search


def _sampled(root: Block) -> Block:
    """The document with a number of samples where it has ranges and none."""
    cube = root.entries.get("latin_hypercube")
    if not isinstance(cube, Block) or "samples" in cube.entries:
        return root
    filled = Block({**cube.entries, "samples": Scalar("1", cube.where)}, cube.where)
    return Block({**root.entries, "latin_hypercube": filled}, root.where)
