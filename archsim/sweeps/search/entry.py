"""`archsim.search`."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from archsim.sweeps.crew import crew
from archsim.sweeps.document import find_sweep
from archsim.sweeps.entry import as_written
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.search.document import read_search
from archsim.sweeps.search.folder import run_search
from archsim.sweeps.search.loop import Told
from archsim.sweeps.search.outcome import SearchOutcome
from archsim.sweeps.search.request import SearchStudy, check_search


def search(
    study: str | os.PathLike[str] | SearchStudy,
    *,
    output: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    dask: str | None = None,
    executor: Executor | None = None,
    told: Told | None = None,
    update: bool = False,
) -> SearchOutcome:
    """Look for designs that are good in several respects at once.

    >>> archsim.search("isaac-designs", output="found", workers=2)   # doctest: +SKIP

    Parameters
    ----------
    study : a shipped search study, the path of one (a sweep study with a block `search:`), or a
        `archsim.sweeps.search.SearchStudy`.
    output : folder of the search; one that is there goes on. Without one nothing is kept.
    workers, dask, executor : who runs the points, see `archsim.sweeps.crew`.
    told : hears of progress after each point.
    update : take over a folder of another space or of a sweep.

    Raises
    ------
    InputError
        All that is wrong with the study; no optuna or moocore (extra: search); a folder of something else.
    SimulationError
        An executor that takes no more points.
    """
    inputs = Inputs()
    if isinstance(study, SearchStudy):
        wanted = replace(study, space=as_written(study.space))
        check_search(wanted, inputs)
    else:
        wanted = read_search(find_sweep(os.fspath(study)), inputs)
    with crew(workers=workers, dask=dask, executor=executor) as lanes:
        folder = None if output is None else Path(output)
        return run_search(wanted, folder, lanes, inputs, told=told, update=update)
