"""Update rules that a user would choose from, on one device: accuracy, pulses, energy, storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from archsim.studies.claims import Table
from archsim.studies.huang2022.bench import REFERENCE, Bench
from archsim.studies.huang2022.learning import RULES, Sample, Task, sample
from archsim.studies.huang2022.patterns import device_of
from archsim.studies.request import Request
from archsim.training.insitu.counts import write_energy
from archsim.training.insitu.devices import SynapticDevice
from archsim.training.insitu.settings import QUARTERS, UpdateSettings
from archsim.training.insitu.storage import kept

RIVALS: Mapping[str, UpdateSettings] = {
    "sgd": replace(RULES["none"], pulse_scale=QUARTERS),
    "momentum": RULES["momentum+decay"],
    "momentum, rising": UpdateSettings(rule="momentum_rising", pulse_scale=QUARTERS),
    "Tiki-Taka v2": UpdateSettings(rule="tiki_taka", pulse_scale=replace(QUARTERS, value=4.0)),
    "mixed precision": UpdateSettings(rule="mixed_precision", pulse_scale=QUARTERS),
    "accumulate and fire": RULES["accumulate+decay"],
}
"""All with the same decay. The scale of Tiki-Taka v2 and the rate of mixed precision are those found on other seeds."""

BUDGET = "accumulate and fire"
"""The rule whose pulses are everybody's budget in the second comparison."""


def rival_tables(request: Request, task: Task, bench: Bench, seeds: Sequence[int]) -> list[Table]:
    """Each rule with its own settings, then all scaled to one budget of pulses, at NL 6 asymmetric and d2d 0.5."""
    device = replace(device_of(("asym", 6)), d2d=0.5)
    own = {}
    for name, update in RIVALS.items():
        request.told(f"rivals: {name}, {len(seeds)} seeds")
        own[name] = sample(task, device, update, seeds)
    budget = own[BUDGET].pulses
    equal = {}
    for name, update in RIVALS.items():
        request.told(f"rivals: {name} with {budget:.0f} pulses a weight")
        equal[name] = _on_budget(task, device, update, own[name], budget, seeds)
    title = "Rivals, 8x8 digits, NL 6 asymmetric, d2d 0.5"
    return [
        _table(f"{title}: own settings", own, bench),
        _table(f"{title}: scaled to the pulses of {BUDGET}", equal, bench),
    ]


def _on_budget(
    task: Task, device: SynapticDevice, update: UpdateSettings, own: Sample, budget: float, seeds: Sequence[int]
) -> Sample:
    """The rule with its scale changed so that it spends the budget: two corrections on one seed."""
    scale, spent, found = update.pulse_scale, own.pulses, own
    for _ in range(2):
        if abs(spent / budget - 1) < 0.1:
            break
        scale = replace(scale, value=scale.value * budget / spent)
        found = sample(task, device, replace(update, pulse_scale=scale), seeds[:1])
        spent = found.pulses
    same = scale == update.pulse_scale
    return own if same else sample(task, device, replace(update, pulse_scale=scale), seeds)


def _table(title: str, samples: Mapping[str, Sample], bench: Bench) -> Table:
    rows = [_row(name, item, bench) for name, item in samples.items()]
    columns = (
        ("rule", "rule", ""),
        ("accuracy", "accuracy [%]", ".1f"),
        ("error", "+-", ".1f"),
        ("pulses", "pulses/weight", ".1f"),
        ("write_uj", "cells [uJ]", ".2f"),
        ("bytes", "digital B/weight", ".0f"),
        ("arrays", "further arrays", ".0f"),
        ("update_uj", "VGG-8 update [uJ/image]", ".2f"),
    )
    return Table(title=title, rows=tuple(rows), columns=columns)


def _row(name: str, item: Sample, bench: Bench) -> dict[str, object]:
    """`write_uj`: what all pulses of a run conduct, half-selected cells left out (each has a transistor); `update_uj`:
    the update phase of the full VGG-8 with as many pulses per cell."""
    update, parts = RIVALS[name], kept(RIVALS[name])
    model = bench.files[REFERENCE].model
    write = None if model.device is None else model.device.write
    on, off = model.ima.cell.on_resistance, model.ima.cell.off_resistance
    if write is None or write.voltage is None or on is None or off is None:
        raise TypeError(f"hardware {bench.files[REFERENCE].name}: has no cells that are written by voltage")
    energies = [
        write_energy(
            run.record.counts,
            up=write.voltage,
            down=write.voltage,
            pulse=write.pulse,
            on=1 / on,
            off=1 / off,
            half_selected=False,
        )
        for run in item.runs
    ]
    per_cell = sum(run.record.pulses_per_cell for run in item.runs) / len(item.runs)
    share = f"{100 * per_cell:.6g} %"
    changes = {"training.update.rule": update.rule, "training.update.pulsed_cells": share}
    if update.rule == "tiki_taka":
        changes["training.update.fast_pulsed_cells"] = share
    cost = bench.cost(REFERENCE, changes)
    phase = next(part for part in cost.phases if part.phase == "update")
    return {
        "rule": name,
        "accuracy": item.mean,
        "error": item.error,
        "pulses": item.pulses,
        "write_uj": sum(energies) / len(energies) * 1e6,
        "bytes": sum(part.size for part in parts),
        "arrays": sum(part.cells for part in parts),
        "update_uj": phase.energy_j / cost.batch * 1e6,
    }
