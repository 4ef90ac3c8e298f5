"""Axes and settings of a study that move no figure, found on its first point (`unmoved` finds them from rows)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archsim.config import Hardware
from archsim.errors import ArchsimError, InputError
from archsim.function.inference.reads import array_reads
from archsim.mapper import map_network
from archsim.simulation.computing import Computed
from archsim.simulation.consequences import Consequences, Ran, idle_words
from archsim.simulation.run import time_plan
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.point import Point
from archsim.sweeps.search.choices import Interval, choices_of
from archsim.sweeps.space import points_of
from archsim.sweeps.study import COORDINATES, Study

_MOST_VALUES = 4
"""Values of an axis that are tried, evenly from the first to the last."""


def idle_notes(study: Study, inputs: Inputs) -> tuple[str, ...]:
    """Notes on axes and settings of a checked study from which no figure follows on any of its chips.

    Found on the first point: other values of an axis are put in the place of its value, the file's in the place of a
    setting. Nothing is said of a study whose first point cannot be run.
    """
    first = next(iter(points_of(study)))
    found: list[Mapping[str, str]] = []
    try:
        for chip in dict.fromkeys(study.hardware or (first.hardware,)):
            found.append(dict(_idle(study, first, inputs.hardware(chip), inputs)))
    except ArchsimError:
        return ()
    return tuple(note for path, note in found[0].items() if all(path in others for others in found))


def _idle(study: Study, first: Point, chip: Hardware, inputs: Inputs) -> Iterator[tuple[str, str]]:
    """(path, note) of what is idle on one chip."""
    hardware = chip.replace({**first.settings, "mapping.timings": "0"})
    plan = map_network(inputs.graph(first.workload), hardware)
    computed = Computed(reads=array_reads(plan, {}))
    run = Ran(plan=plan, timing=time_plan(plan, computed), computed=computed, stored=None)
    seen, axes = Consequences(run), _axes(study)
    for path, values in axes.items():
        words = idle_words(_moved(seen, hardware, path, values), pictures=first.input is not None)
        if words:
            yield path, f"axis {path} {words}"
    for change in hardware.changes:
        if change.path in study.settings and change.path not in axes:
            words = idle_words(seen.without(change), pictures=first.input is not None)
            if words:
                yield change.path, f"{change.path} = {change.text} {words}"


def _moved(seen: Consequences, hardware: Hardware, path: str, values: Sequence[Any]) -> Iterator[str]:
    """Parts in which chips with these values at a path differ from the first point's."""
    step = max(1, (len(values) - 1) // (_MOST_VALUES - 1))
    for value in (*values[::step], values[-1]):
        try:
            yield from seen.of(hardware.replace({path: value}))
        except InputError:  # it does not go with the others' first values: it is needed
            yield "time"


def _axes(study: Study) -> dict[str, list[Any]]:
    """Values of each path of the hardware file that the study varies; of a range both ends."""
    found: dict[str, list[Any]] = {}
    for choice in choices_of(study):
        ends = (choice.bounds.low, choice.bounds.high) if isinstance(choice, Interval) else range(len(choice.values))
        for pick in ends:
            for path, value in choice.at(pick).items():
                if path not in COORDINATES:
                    found.setdefault(path, []).append(value)
    return found
