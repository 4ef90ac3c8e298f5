"""The works that figures rest on: those of the runs, and those of the hardware files of sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from archsim.config import load_hardware
from archsim.config.hardware import citations
from archsim.errors import InputError
from archsim.report.citations import bibtex, merged
from archsim.report.figures.sources import Source
from archsim.result import Citation


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """BibTeX as text, and the keys of the works on hardware in it."""

    text: str
    keys: tuple[str, ...]


def references_of(sources: Sequence[Source]) -> References:
    """References of runs and sweeps. A sweep holds the names of its hardware files: they are read again, and where one
    is not there (any more) the text says so."""
    runs = [item.run for item in sources if item.run is not None]
    works: list[Citation] = []
    missing = []
    for name in dict.fromkeys(name for item in sources if item.table is not None for name in item.table.hardware):
        try:
            works += [Citation(**asdict(item)) for item in citations(load_hardware(name))]
        except InputError:
            missing.append(
                f"% the hardware file {' '.join(name.split())} of a sweep is not here: its works are missing\n"
            )
    keys = [item.key for item in merged([*[item for run in runs for item in run.citations], *works])]
    return References(text="".join(missing) + bibtex(*runs, works=works), keys=tuple(keys))
