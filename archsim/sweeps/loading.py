"""A sweep as it is read back: `archsim.load_sweep`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from archsim.errors import InputError
from archsim.sweeps.pareto import losses, nondominated, parse_objective
from archsim.sweeps.store import HEAD, read_json
from archsim.sweeps.table import table_rows
from archsim.sweeps.unmoved import unmoved

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]
_SHOWN = 12
WORK = ("workload", "images", "input", "limit")
"""Coordinates of the work: network, images in the stream, pictures computed."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Sweep:
    """The rows of a sweep in study order: coordinates (`axes` are those that vary), `error` and `error_type` (empty
    where fine), the metrics of `Result.flat`, and the `notes` of the run; `points` is how many there will be when all
    are finished."""

    name: str
    description: str
    axes: tuple[str, ...]
    rows: tuple[Row, ...]
    points: int
    notes: tuple[str, ...] = ()
    """On axes and settings of the study that move no figure."""
    study: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    directory: Path | None = None

    @property
    def done(self) -> tuple[Row, ...]:
        """Rows of points that could be run."""
        return tuple(row for row in self.rows if not row["error"])

    @property
    def failed(self) -> tuple[Row, ...]:
        """Rows of points that could not, each with its error."""
        return tuple(row for row in self.rows if row["error"])

    @property
    def idle(self) -> tuple[str, ...]:
        """Notes on axes and settings from which no figure follows: those known before any point was run, and axes that
        moved none of the rows."""
        told = (axis for axis in unmoved(self.rows, self.axes) if not any(f"axis {axis} " in n for n in self.notes))
        return (*self.notes, *(f"axis {axis} moved no figure of the rows" for axis in told))

    def to_pandas(self) -> pd.DataFrame:
        """All rows as a DataFrame."""
        import pandas as pd

        return pd.DataFrame([dict(row) for row in self.rows])

    def front(self, objectives: Sequence[str]) -> tuple[Row, ...]:
        """Rows that no other row of the same work (`work_of`) beats in all objectives, in study order. An objective is
        a column whose small values are good; `-accuracy` or `max:accuracy` one whose large values are.

        Raises
        ------
        InputError
            No objective, or one that no row has.
        """
        wanted = [parse_objective(text) for text in objectives]
        known = dict.fromkeys(name for row in self.done for name in row)
        missing = [item.metric for item in wanted if item.metric not in known]
        if missing or not wanted:
            what = f"no row has {', '.join(missing)}" if missing else "no objective"
            raise InputError(f"{what}; expected such as energy_per_image_j, latency_s, -accuracy", where="front")
        works: dict[tuple[Any, ...], list[Row]] = {}
        for row in self.done:
            works.setdefault(work_of(row), []).append(row)
        kept = {
            row["point"]
            for rows in works.values()
            for row, keep in zip(rows, nondominated(losses(rows, wanted)), strict=True)
            if keep
        }
        return tuple(row for row in self.done if row["point"] in kept)

    def __repr__(self) -> str:
        failed = f", {len(self.failed)} failed" if self.failed else ""
        axes = f" over {', '.join(self.axes)}" if self.axes else ""
        return f"<Sweep {self.name}: {len(self.rows)} of {self.points} points{axes}{failed}>"

    def _repr_html_(self) -> str:
        """Coordinates and main figures of the first rows, for notebooks."""
        wanted = [*self.axes, "latency_s", "energy_per_image_j", "area_m2", "accuracy", "error"]
        frame = self.to_pandas()
        shown = frame[[name for name in dict.fromkeys(wanted) if name in frame.columns]]
        return str(shown.to_html(max_rows=_SHOWN, na_rep="", notebook=True))


def work_of(row: Row) -> tuple[Any, ...]:
    """What a row's design was asked to do: designs compare on the same work."""
    return tuple(row.get(name) for name in WORK)


def load_sweep(directory: str | os.PathLike[str]) -> Sweep:
    """The rows of a sweep's folder that are finished so far.

    Raises `InputError` where it is none, or damaged.
    """
    folder = Path(directory)
    folder = folder if folder.name != HEAD else folder.parent
    head = read_json(folder / HEAD)
    try:
        return Sweep(
            name=str(head["name"]),
            description=str(head["description"]),
            axes=tuple(map(str, head["axes"])),
            rows=tuple(MappingProxyType(row) for row in table_rows(folder)),
            points=int(head["points"]),
            notes=tuple(map(str, head.get("notes", ()))),
            study=MappingProxyType(dict(head["study"])),
            directory=folder,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"is no head of a sweep ({error}); expected what archsim sweep wrote", str(folder / HEAD)
        ) from None
