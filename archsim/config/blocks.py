"""What the blocks of a hardware file are made of: sources, costs as printed, actions, static power."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from archsim.config.types import (
    AdcBits,
    Area,
    Bytes,
    Count,
    Cycle,
    DacBits,
    Energy,
    Frequency,
    Lines,
    Name,
    Power,
    SampleRate,
    Share,
    Text,
    Truth,
)


class Model(BaseModel):
    """Base of every block: unknown keys are errors, nothing changes after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Sourced(Model):
    """A block with numbers. `source` names where they are printed: bibliography key, comma, place in the work.

    Several works are separated by semicolons. `recalled` marks values from memory of a work that could not be read
    again: they need `notes`, and `archsim check` prints them.
    """

    source: Text
    notes: Text | None = None
    recalled: Truth = False

    @model_validator(mode="after")
    def _recalled_needs_notes(self) -> Self:
        if self.recalled and not self.notes:
            raise ValueError("is recalled from memory but has no 'notes' that say so; expected notes")
        return self


class Cost(Model):
    """Printed power and area of `per` instances together; an area of 0 needs the block's notes to say why."""

    power: Power | None = None
    area: Area
    per: Share = 1
    source: Text | None = None


class ArrayPoint(Model):
    """Size of the array a printed figure belongs to; power and area go with the number of cells."""

    rows: Lines
    columns: Lines


class ArrayCost(Cost):
    at: ArrayPoint | None = None


class CyclePoint(Model):
    """Read cycle at which a power was printed: the energy of an action stays when the cycle changes."""

    cycle: Cycle


class CycleCost(Cost):
    at: CyclePoint | None = None


class DacPoint(Model):
    """Resolution of the row drivers that a printed drive belongs to, and the array read that it drives."""

    bits: DacBits


class DacCost(Cost):
    """No law with a source carries row drivers, and reads at graded voltages, to another resolution."""

    at: DacPoint = DacPoint.model_validate({"bits": "1"})


class AdcPoint(Model):
    """Resolution and rate at which a converter's figures were printed."""

    bits: AdcBits
    rate: SampleRate


class AdcCost(Cost):
    at: AdcPoint | None = None


class ShiftAddPoint(Model):
    """Converters that feed the shift-and-add units in the printed design, and their rate."""

    adcs: Count
    rate: SampleRate


class ShiftAddCost(Cost):
    at: ShiftAddPoint | None = None


class RegisterPoint(Model):
    """Arrays that share a register, lines of each (rows of inputs or columns of outputs), cycle, and bits of a line
    that a cycle takes, as printed."""

    crossbars: Count
    lines: Lines
    cycle: Cycle
    bits: DacBits = 1


class RegisterCost(Cost):
    at: RegisterPoint | None = None


class CollectorPoint(Model):
    """Size of a tile's output register and the time of the window that fills it, as printed."""

    size: Bytes
    interval: Cycle


class CollectorCost(Cost):
    at: CollectorPoint | None = None


class MemoryPoint(Model):
    """Bytes that passed in a cycle where a memory's or a bus's power was printed."""

    bytes_per_cycle: Bytes
    cycle: Cycle


class MemoryCost(Cost):
    at: MemoryPoint | None = None


class RouterPoint(Model):
    """Ports of the printed router and the rate of flits at each."""

    ports: Count
    flit_rate: Frequency


class RouterCost(Cost):
    at: RouterPoint | None = None


class Static(Model):
    """Power drawn whether or not anything happens, of `per` instances together.

    `gated: true` is switched off with its unit (an IMA or tile without work), `false` is always on.
    """

    power: Power
    gated: Truth
    per: Share = 1
    source: Text | None = None


class Action(Model):
    """Energy of `per` actions together, as printed. `20.45 pJ` alone is short for `{energy: 20.45 pJ}`."""

    energy: Energy
    per: Share = 1
    source: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"energy": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        block = handler.resolve_ref_schema(handler(schema))
        return {"anyOf": [block["properties"]["energy"], block]}


class Component(Sourced):
    """A circuit with a cost. An action's energy is taken from `actions`, else derived from the printed power."""

    ACTIONS: ClassVar[tuple[str, ...]] = ()
    """Names allowed in `actions`; empty means any."""

    cost: Cost
    static: Static | None = None
    actions: dict[Name, Action] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_actions(self) -> Self:
        unknown = [name for name in self.actions if self.ACTIONS and name not in self.ACTIONS]
        if unknown:
            raise ValueError(f"actions: unknown action '{unknown[0]}'; expected {' | '.join(self.ACTIONS)}")
        return self


class Overhead(Component):
    """A circuit beside the data path (control, instruction memory, ...).

    `per_cycle_in_use` charges the action `cycle` for every tile clock cycle in which its unit works; `per_decision`
    what decides activation precision: `value` for each input it sees, `decide` for each group of inputs (both once in
    every IMA the group drives); `per_input_cycle` what tells a converter how far a sum can reach: `row` for each row it
    looks at and `sense` once, for every set of rows and input cycle in every IMA the set drives, and `column` for each
    limit of a column that is looked up (policy column_bound); `not_simulated` is part of the cost table (for access
    counts from elsewhere) but nothing in a run counts it.
    """

    count: Count = 1
    charge: Literal["per_cycle_in_use", "per_decision", "per_input_cycle", "not_simulated"]
