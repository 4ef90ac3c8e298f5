"""What follows from a value of a hardware file, found by changing it: nothing here knows a path of the file.

What a run makes of a chip falls into parts that can be compared: what mapping and timing read, what is computed from
pictures, what is counted and priced, area, capacity. A value from which no part follows documents the chip and moves no
figure, whatever it is set to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from archsim.accounting import area_account, count_actions, price, programming_cost, static_rows, table_costs
from archsim.components import build_chip, cost_table, figures
from archsim.config import Hardware
from archsim.config.capacity import holdings
from archsim.config.changes import Changed
from archsim.errors import InputError
from archsim.function.crossbars.devices import StoredCells
from archsim.function.inference.reads import array_reads
from archsim.mapping import Plan
from archsim.mapping.view import mapping_view
from archsim.simulation.computing import Computed, machine_settings
from archsim.simulation.digests import Digests
from archsim.timing import Timing


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Ran:
    """A run: its plan, its timing, what was computed, and the cells' levels where something is charged by them."""

    plan: Plan
    timing: Timing
    computed: Computed
    stored: Mapping[str, StoredCells] | None


def _layout(run: Ran) -> object:
    chip = run.plan.chip
    edram = replace(chip.tile.edram, size_bytes=0)
    return mapping_view(replace(chip, name="", tile=replace(chip.tile, edram=edram)))


def _capacity(run: Ran) -> object:
    held = tuple((item.path, item.holds) for item in holdings(run.plan.hardware.model))
    return run.plan.chip.tile.edram.size_bytes, held


def _energy(run: Ran) -> object:
    counts = count_actions(run.plan, run.timing, run.computed.reads, run.stored)
    rows = [*price(counts, {**cost_table(run.plan.chip), **table_costs(run.plan)}), *static_rows(run.plan, run.timing)]
    return tuple((row.layer, row.component, row.action, row.count, row.energy_per_action_j) for row in rows)


def _area(run: Ran) -> object:
    return tuple((row.component, row.count, row.area_each_m2) for row in area_account(run.plan))


def _training(run: Ran) -> object:
    parts, device = run.plan.chip.training, run.plan.hardware.model.device
    return None if parts is None else (parts, device)


def _check(run: Ran) -> object:
    return {name: value for name, value in figures(run.plan.chip).items() if name not in ("name", "hash", "registers")}


PARTS: Mapping[str, Callable[[Ran], object]] = MappingProxyType(
    {
        "time": _layout,
        "area": _area,
        "energy": _energy,
        "pictures": lambda run: machine_settings(run.plan),
        "programming": lambda run: programming_cost(run.plan, run.stored),
        "capacity": _capacity,
        "training": _training,
        "check": _check,
    }
)
"""What follows from a chip's figures in a run with a given layout. A chip that differs in `time` may have another
layout; nothing else is then said of it. `capacity` is what memories hold, which matters where it does not suffice,
`check` what only `archsim check` prints, such as power at full load."""

FIGURES = frozenset(("time", "area", "energy", "programming"))
"""Parts that are figures of every run."""

_WORDS = MappingProxyType(
    {
        "pictures": "what is computed from pictures",
        "training": "what training costs",
        "check": "what archsim check prints",
    }
)


class Consequences:
    """Finds what follows from values of the chip of a run; what it compares with is worked out once."""

    def __init__(self, run: Ran) -> None:
        self._hardware, self._digests = run.plan.hardware, Digests()
        self._run = _on(run, self._hardware.without())
        self._known: dict[str, str | None] = {}

    def of(self, other: Hardware) -> Iterator[str]:
        """The `PARTS` in which another chip differs, in their order."""
        there = _on(self._run, other.without())
        for name in PARTS:
            if name not in self._known:
                self._known[name] = self._digest(self._run, name)
            if self._digest(there, name) != self._known[name]:
                yield name
                if name == "time":
                    return

    def without(self, change: Changed) -> Iterator[str]:
        """Those that follow from a change of the run's hardware; "time" for one that other values need, or that says
        what holds without it too."""
        try:
            other = self._hardware.without(change)
        except InputError:
            yield "time"
            return
        yield from ("time",) if other.model == self._run.plan.hardware.model else self.of(other)

    def _digest(self, run: Ran, part: str) -> str | None:
        """None where the chip lacks what the run needs."""
        try:
            return self._digests.of(PARTS[part](run))
        except InputError:
            return None


def _on(run: Ran, hardware: Hardware) -> Ran:
    plan, computed = replace(run.plan, chip=build_chip(hardware)), run.computed
    converted = None if computed.evaluation is None else computed.evaluation.conversions
    reads = array_reads(plan, computed.activity, converted)
    return replace(run, plan=plan, computed=replace(computed, reads=reads))


def setting_notes(run: Ran) -> Iterator[str]:
    """Values that were set from outside, or by a file over the one it extends, and move no figure of the run."""
    changes = run.plan.hardware.changes
    seen = Consequences(run) if changes else None
    for change in changes:
        assert seen is not None
        words = idle_words(seen.without(change), pictures=run.computed.evaluation is not None)
        if words:
            yield f"{change.path} = {change.text} {words}"


def idle_words(parts: Iterable[str], *, pictures: bool) -> str:
    """Words about a value from which these parts follow; none once one is a figure of the run, with `pictures` or
    without."""
    moved: list[str] = []
    for part in parts:
        if part in FIGURES or (part == "pictures" and pictures):
            return ""
        if part not in moved:
            moved.append(part)
    if not moved:
        return "moves nothing: as the chip is, no figure follows from it"
    if "capacity" in moved:
        return "acts as capacity: where it suffices no figure follows from it, and its cost stays as printed"
    return f"moves no figure of a run; it acts on {' and '.join(_WORDS[part] for part in moved)}"
