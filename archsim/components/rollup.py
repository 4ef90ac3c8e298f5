"""Area, power and static power of a machine, component by component; the rows add up to the totals exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import fsum

from archsim.components.cost import circuits
from archsim.components.load import FULL_LOAD
from archsim.components.tree import Chip, Circuit


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaRow:
    """`count` instances of a component with `area_each_m2`."""

    component: str
    count: int
    area_each_m2: float
    source: str

    @property
    def area_m2(self) -> float:
        """Area of all instances."""
        return self.count * self.area_each_m2


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerRow:
    """`count` instances of a component with `power_each_w` at full load, static power included."""

    component: str
    count: int
    power_each_w: float
    source: str

    @property
    def power_w(self) -> float:
        """Power of all instances."""
        return self.count * self.power_each_w


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRow:
    """`count` instances of a component in one unit of `level` (ima, tile or chip), each and together. `charged_w` is
    what a run charges for them at full load (`charged_at_full_load`), None where full load is not defined."""

    component: str
    level: str
    count: int
    area_each_m2: float
    area_m2: float
    power_each_w: float
    power_w: float
    charged_w: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticRow:
    """Static power of one instance; `count` instances in each unit of `level` (`ima`, `tile`, or `chip`).

    `gated` power is drawn only while the unit has work, other power all the time.
    """

    component: str
    level: str
    count: int
    power_each_w: float
    gated: bool
    source: str


def area_rows(chip: Chip, chips: int = 1) -> list[AreaRow]:
    """Area of `chips` chips; `total_area` of the rows is their area."""
    return [
        AreaRow(component=name, count=count * chips, area_each_m2=circuit.area_m2, source=circuit.source)
        for name, count, circuit in _instances(chip)
    ]


def power_rows(chip: Chip, chips: int = 1) -> list[PowerRow]:
    """Printed full-load power of `chips` chips."""
    return [
        PowerRow(component=name, count=count * chips, power_each_w=circuit.power_w, source=circuit.source)
        for name, count, circuit in _instances(chip)
    ]


def part_rows(chip: Chip) -> list[PartRow]:
    """Components of one IMA, one tile (its IMAs left out) and one chip (its tiles left out), in the file's figures."""
    rows = []
    for name, level, circuit in circuits(chip):
        count = chip.routers if name == "router" else circuit.count
        rows.append(
            PartRow(
                component=name,
                level=level,
                count=count,
                area_each_m2=circuit.area_m2,
                area_m2=count * circuit.area_m2,
                power_each_w=circuit.power_w,
                power_w=count * circuit.power_w,
                charged_w=None if (charged := charged_at_full_load(chip, name, circuit)) is None else count * charged,
            )
        )
    return rows


def charged_at_full_load(chip: Chip, name: str, circuit: Circuit) -> float | None:
    """Watts of one instance of a component at full load by its energies of actions and its static power: the power of
    the hardware file in the currency of runs. None where full load is not defined for what a run counts."""
    if name == "crossbar" and chip.tile.ima.crossbar.energy == "v2gt":
        return None
    rates = [
        cost.energy_j * FULL_LOAD[name, action](chip.hardware.model)
        for action, cost in circuit.actions.items()
        if (name, action) in FULL_LOAD
    ]
    return fsum(rates) / circuit.count + circuit.static_w if rates else None


def static_rows(chip: Chip) -> list[StaticRow]:
    """Components that draw power without doing anything."""
    return [
        StaticRow(
            component=name,
            level=level,
            count=chip.routers if name == "router" else circuit.count,
            power_each_w=circuit.static_w,
            gated=circuit.gated,
            source=circuit.source,
        )
        for name, level, circuit in circuits(chip)
        if circuit.static_w > 0
    ]


def total_area(rows: list[AreaRow]) -> float:
    """Sum of the rows in m2, correctly rounded."""
    return fsum(row.area_m2 for row in rows)


def total_power(rows: list[PowerRow]) -> float:
    """Sum of the rows in W, correctly rounded."""
    return fsum(row.power_w for row in rows)


def _instances(chip: Chip) -> Iterator[tuple[str, int, Circuit]]:
    """Components of one chip with the number of their instances."""
    units = {"ima": chip.tiles * chip.tile.imas, "tile": chip.tiles, "chip": 1}
    for name, level, circuit in circuits(chip):
        yield name, chip.routers if name == "router" else circuit.count * units[level], circuit
