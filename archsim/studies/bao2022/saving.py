"""Energy of the converters on real activations: every policy, law and resolution, priced as runs are.

Nothing but the converters' block of the hardware file differs between the rows of a design point, so the mapping is
made once; decisions are counted once for each converter and policy, and each law prices the same counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import fsum

import numpy as np

from archsim.accounting import count_actions, energy_by, price, static_rows
from archsim.components import build_chip, cost_table
from archsim.config import Hardware
from archsim.function.crossbars.select import Machine, select
from archsim.function.inference.activity import LayerActivity
from archsim.function.inference.infer import infer
from archsim.function.inference.reads import array_reads
from archsim.function.precision.offline import plan_counting
from archsim.function.quantization.network import QuantizedNetwork
from archsim.mapper import map_network
from archsim.mapping import Plan
from archsim.studies.bao2022.data import Material
from archsim.studies.bao2022.nets import Net, Point, inputs
from archsim.timing import Timing, run_timing

POLICIES = ("none", "skip_zero", "bound", "column_bound", "oracle")
LAWS = ("linear", "sar", "exponential")
DIGITS = 100
"""Test pictures whose activations are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A converter: its name in tables, bits, and range (`unit`: one code per level, saturating; `full_scale`: the
    largest sum is the last code, truncating)."""

    name: str
    bits: int
    range: str = "unit"

    def changes(self, policy: str, law: str) -> dict[str, object]:
        """What it sets in a hardware file."""
        return {
            "ima.adc.bits": self.bits,
            "ima.adc.transfer.kind": "uniform",
            "ima.adc.transfer.range": self.range,
            "ima.adc.scaling": law,
            "ima.adc.sparsity.policy": policy,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Dynamic energy of one picture by component [J], with `static_j` of the links beside it, under one policy."""

    set: str
    point: Point
    seed: int
    reading: Reading
    law: str
    policy: str
    energy_j: Mapping[str, float]
    static_j: float
    skipped: float
    decisions_mean: float

    @property
    def adc_j(self) -> float:
        """Energy of the converters."""
        return self.energy_j["adc"]

    @property
    def dynamic_j(self) -> float:
        """Energy of all actions."""
        return fsum(self.energy_j.values())

    @property
    def sensing_j(self) -> float:
        """Energy of the circuits that a policy needs."""
        return self.energy_j.get("active_rows", 0.0)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Mapped:
    """A net on its chip, mapped and timed once."""

    net: Net
    network: QuantizedNetwork
    hardware: Hardware
    plan: Plan
    timing: Timing


def mapped(net: Net) -> Mapped:
    """A quantized net on the chip of its design point."""
    assert net.point is not None
    assert net.network is not None
    hardware = net.point.hardware()
    plan = map_network(net.trained.graph, hardware)
    return Mapped(net=net, network=net.network, hardware=hardware, plan=plan, timing=run_timing(plan, engine="kernel"))


def with_converter(here: Mapped, changes: Mapping[str, object]) -> Plan:
    """The same mapping with another converter, which no mapping and no timing depends on."""
    return replace(here.plan, chip=build_chip(here.hardware.replace(dict(changes))))


def costs(
    here: Mapped, readings: tuple[Reading, ...], material: Material, told: Callable[[str], None]
) -> Iterator[Cost]:
    """Every policy and law at each reading."""
    assert here.net.point is not None
    pictures = inputs(here.network, material, DIGITS)
    for reading in readings:
        told(f"decisions of {here.net.point.name}, seed {here.net.seed + 1}, {reading.name}")
        for policy in POLICIES:
            activity = counted(here, with_converter(here, reading.changes(policy, "sar")), pictures)
            for law in LAWS:
                plan = with_converter(here, reading.changes(policy, law))
                yield cost(here, plan, activity, material.name, reading, law, policy)


def counted(
    here: Mapped, plan: Plan, pictures: np.ndarray[tuple[int, ...], np.dtype[np.generic]]
) -> dict[str, LayerActivity]:
    """Activity of pictures on a plan's machine, its converters' decisions included."""
    machine = Machine.of(plan)
    selection = select(here.network, machine, lambda: pictures)
    found = infer(
        here.network, pictures, engine=selection.engine, counting=plan_counting(plan), searching=selection.searching
    )
    return {layer.name: layer for layer in found.activity}


def cost(
    here: Mapped, plan: Plan, activity: dict[str, LayerActivity], name: str, reading: Reading, law: str, policy: str
) -> Cost:
    """Counts times the cost table, as a run prices them."""
    rows = price(count_actions(plan, here.timing, array_reads(plan, activity)), cost_table(plan.chip))
    lengths = [layer.reads.decisions.lengths for layer in activity.values() if layer.reads and layer.reads.decisions]
    whole = np.sum(lengths, axis=0) if lengths else np.zeros(reading.bits + 1, np.int64)
    made = int(whole[1:].sum())
    assert here.net.point is not None
    return Cost(
        set=name,
        point=here.net.point,
        seed=here.net.seed,
        reading=reading,
        law=law,
        policy=policy,
        energy_j=energy_by(rows, "component"),
        static_j=fsum(row.energy_j for row in static_rows(plan, here.timing)),
        skipped=int(whole[0]) / int(whole.sum()) if lengths else 0.0,
        decisions_mean=int(whole @ np.arange(len(whole))) / made if made else float(reading.bits),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What a policy saves of the converters' energy against no policy at the same law and reading, mean over seeds.

    `share` is the converters' part of dynamic energy without a policy, `gain` dynamic energy without over with it, its
    circuits included; `gain_all` the same with the links' static energy.
    """

    set: str
    point: Point
    reading: Reading
    law: str
    policy: str
    saved: float
    seeds: tuple[float, ...]
    share: float
    gain: float
    gain_all: float
    sensing: float
    skipped: float
    decisions_mean: float


def savings(found: list[Cost]) -> list[Saving]:
    """One row for each set, point, reading, law and policy but `none`."""
    keys = {(item.set, item.point, item.reading, item.law, item.policy, item.seed): item for item in found}
    rows = dict.fromkeys(key[:5] for key in keys if key[4] != "none")
    return [_saving(row, keys) for row in rows]


def _saving(
    row: tuple[str, Point, Reading, str, str], keys: Mapping[tuple[str, Point, Reading, str, str, int], Cost]
) -> Saving:
    name, point, reading, law, policy = row
    seeds = sorted(key[5] for key in keys if key[:5] == row)
    pairs = [(keys[(name, point, reading, law, "none", seed)], keys[(*row, seed)]) for seed in seeds]

    def mean(values: Iterator[float]) -> float:
        return fsum(values) / len(pairs)

    saved = tuple(1 - with_.adc_j / base.adc_j for base, with_ in pairs)
    return Saving(
        set=name,
        point=point,
        reading=reading,
        law=law,
        policy=policy,
        saved=mean(iter(saved)),
        seeds=saved,
        share=mean(base.adc_j / base.dynamic_j for base, _ in pairs),
        gain=mean(base.dynamic_j / with_.dynamic_j for base, with_ in pairs),
        gain_all=mean((base.dynamic_j + base.static_j) / (with_.dynamic_j + with_.static_j) for base, with_ in pairs),
        sensing=mean(with_.sensing_j / base.adc_j for base, with_ in pairs),
        skipped=mean(with_.skipped for _, with_ in pairs),
        decisions_mean=mean(with_.decisions_mean for _, with_ in pairs),
    )
