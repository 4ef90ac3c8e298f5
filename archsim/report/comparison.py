"""Comparing runs: totals with ratios, energy by component, what is held equal and what differs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.accounting import energy_by
from archsim.errors import InputError
from archsim.notebook import html_lines, html_table
from archsim.report.caveats import notes_of_runs
from archsim.report.formatting import heading, plain_value, quantity, tidy
from archsim.result import Result
from archsim.units import format_quantity

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A path of the hardware documents and its value in each run (None where the run's document lacks it)."""

    path: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Comparison:
    """Runs side by side; the first is the reference of every ratio. `labels` tell them apart by what differs."""

    runs: tuple[Result, ...]
    differs: tuple[Difference, ...]
    equal: tuple[str, ...]
    """Dotted paths of the hardware documents that all runs share with equal values."""
    notes: tuple[str, ...]
    """What else than the figures of the hardware files is in the ratios."""
    labels: tuple[str, ...]

    @property
    def run_notes(self) -> tuple[str, ...]:
        """Notes of the runs, each once; those that not all runs have begin with the labels of the runs."""
        return tuple(notes_of_runs([run.notes for run in self.runs], self.labels))

    @property
    def subject(self) -> str:
        """What all runs share of hardware and network names, for titles."""
        shared = [{run.hardware.name for run in self.runs}, {run.workload.name for run in self.runs}]
        return " / ".join(name for names in shared if len(names) == 1 for name in names)

    def totals(self) -> dict[str, list[float | int | None]]:
        """Each total over the runs."""
        rows = [asdict(run.totals) for run in self.runs]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def ratios(self) -> dict[str, list[float | None]]:
        """Each total over the reference's; None where either is missing or the reference is zero."""
        return {
            name: [None if value is None or not values[0] else value / values[0] for value in values]
            for name, values in self.totals().items()
        }

    def energy_by_component(self) -> dict[str, list[float]]:
        """Energy [J] of each component over the runs."""
        parts = [energy_by(run.actions, "component") for run in self.runs]
        return {name: [part.get(name, 0.0) for part in parts] for name in dict.fromkeys(n for p in parts for n in p)}

    def html(self, path: str | os.PathLike[str]) -> Path:
        """Write one self-contained HTML page; returns its path.

        Raises `InputError` for more than eight runs, or where the file cannot be written.
        """
        from archsim.report.page import write_runs

        return write_runs(self, path)

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(self.labels)}{f' ({self.subject})' if self.subject else ''}>"

    def __rich__(self) -> RenderableType:
        from archsim.report.sidebyside import comparison_report

        return comparison_report(self)

    def _repr_html_(self) -> str:
        """Totals with ratios, energies and what differs as tables, for notebooks."""
        ratios = self.ratios()
        totals = [
            (heading(key), *_cells([quantity(key, value) for value in values], ratios[key]))
            for key, values in self.totals().items()
        ]
        energy = [
            (name, *_cells([format_quantity(joule, "J") for joule in joules], [_over(j, joules[0]) for j in joules]))
            for name, joules in self.energy_by_component().items()
        ]
        differs = [(item.path, *map(tidy, item.values)) for item in self.differs]
        columns = ["", self.labels[0], *[head for label in self.labels[1:] for head in (label, "ratio")]]
        return (
            html_table(f"Totals{f' of {self.subject}' if self.subject else ''}", columns, totals)
            + html_table("Energy by component", columns, energy)
            + html_table("Differs", ["", *self.labels], differs)
            + html_lines((*self.notes, *self.run_notes))
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for `archsim compare --json`."""
        return {
            "runs": [
                {"label": label, "hardware": run.hardware.name, "workload": run.workload.name, "images": run.images}
                for label, run in zip(self.labels, self.runs, strict=True)
            ],
            "totals": self.totals(),
            "ratios": self.ratios(),
            "energy_by_component_j": self.energy_by_component(),
            "function": [asdict(run.function) if run.function else None for run in self.runs],
            "differs": [{"path": item.path, "values": list(item.values)} for item in self.differs],
            "held_equal": list(self.equal),
            "notes": list(self.notes),
            "run_notes": list(self.run_notes),
        }


def _cells(values: Sequence[str], ratios: Sequence[float | None]) -> list[str]:
    """Values, behind all but the first the ratio to it."""
    factors = ["-" if ratio is None else f"{ratio:.3g}x" for ratio in ratios]
    return [values[0], *[cell for pair in zip(values[1:], factors[1:], strict=True) for cell in pair]]


def _over(value: float, reference: float) -> float | None:
    return value / reference if reference else None


def compare(runs: Sequence[Result], names: Sequence[str] = ()) -> Comparison:
    """Put runs side by side. `names` (such as those of their folders) label runs that nothing else tells apart.

    Raises `InputError` for fewer than two. Runs of different networks or image counts compare, but the notes say so.
    """
    if len(runs) < 2:
        raise InputError(f"a comparison needs at least two runs, got {len(runs)}", where="compare")
    return side_by_side(runs, names)


def side_by_side(runs: Sequence[Result], names: Sequence[str] = ()) -> Comparison:
    """As `compare`, and of one run alone too, for pages that show either."""
    flat = [dict(_leaves(run.hardware.expanded or {})) for run in runs]
    paths = list(dict.fromkeys(path for leaves in flat for path in leaves))
    differs, equal = [], []
    for path in paths:
        values = tuple(leaves.get(path) for leaves in flat)
        first, *others = map(plain_value, values)
        if all(value == first for value in others):
            equal.append(path)
        else:
            differs.append(Difference(path=path, values=values))
    return Comparison(
        runs=tuple(runs),
        differs=tuple(differs),
        equal=tuple(equal),
        notes=tuple(_notes(runs)),
        labels=_labels(runs, differs, names),
    )


def _labels(runs: Sequence[Result], differs: Sequence[Difference], names: Sequence[str]) -> tuple[str, ...]:
    """A label for each run: hardware, network and images where they differ, then as many figures of the hardware file
    as it takes to tell the runs apart."""
    parts = [
        [run.hardware.name for run in runs],
        [run.workload.name for run in runs],
        [f"{run.images} image{'' if run.images == 1 else 's'}" for run in runs],
    ]
    chosen = [part for part in parts if len(set(part)) > 1]
    for item in differs:
        told = len(set(zip(*chosen, strict=True)))
        figures = [f"{item.path}={tidy(value)}" for value in item.values]
        if told < len(runs) and len(set(zip(*chosen, figures, strict=True))) > told:
            chosen.append(figures)
    labels = tuple(" / ".join(words) for words in zip(*chosen, strict=True))
    if len(set(labels)) == len(runs):
        return labels
    if len(set(names)) == len(runs):
        return tuple(names)
    return tuple(f"run {number}" for number in range(1, len(runs) + 1)) if len(runs) > 1 else (runs[0].hardware.name,)


def _notes(runs: Sequence[Result]) -> Iterator[str]:
    """What else than the figures of the hardware files is in the ratios."""
    for what, found in (
        ("networks", [run.workload.hash for run in runs]),
        ("image counts", [run.images for run in runs]),
        ("sources of activity", [run.activity for run in runs]),
        ("archsim versions", [run.archsim_version for run in runs]),
        ("judged outputs", [run.function.output for run in runs if run.function]),
    ):
        if len(set(found)) > 1:
            yield f"the runs have different {what}: ratios mix that in"
    widths = [_widths(run) for run in runs]
    if len(set(widths)) > 1:
        yield f"the runs have different operand widths ({', '.join(widths)}): ratios mix that in"
    always = [tuple(dict.fromkeys(row.component for row in run.actions if row.action == "static")) for run in runs]
    if len(set(always)) > 1:
        parts = [_static(run, components) for run, components in zip(runs, always, strict=True)]
        yield (
            f"power drawn without any action is charged to different components: {'; '.join(parts)}; dynamic energy "
            "leaves it out"
        )


def _widths(run: Result) -> str:
    precision: Mapping[str, Any] = (run.hardware.expanded or {}).get("precision", {})
    return f"{precision.get('weight_bits', '?')}-bit weights and {precision.get('input_bits', '?')}-bit inputs"


def _static(run: Result, components: Sequence[str]) -> str:
    total = run.totals.energy_j
    part = 1 - run.totals.dynamic_energy_j / total if total else 0.0
    charged = ", ".join(components) if len(components) <= 4 else f"{len(components)} components"
    return f"{run.hardware.name} to {charged or 'none'} ({part:.0%} of its energy)"


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Values of a hardware document that are figures: descriptions, sources and notes are left out."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key not in ("bibliography", "description", "source", "notes", "name", "extends"):
                yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, node
