"""Tables behind the cost claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archsim.studies.claims import Table
from archsim.studies.huang2022.bench import NAIVE, REFERENCE, SETS, Bench, Changes

PAPER = "Huang et al. 2022 (found)"
RULES = ("sgd", "momentum", "accumulate", "mixed_precision", "tiki_taka")

STEPS: tuple[tuple[str, Changes], ...] = (
    ("gradients add up on the chip", {"training.dataflow.gradients": "accumulated"}),
    ("activations fetched once", {"training.dataflow.activation_fetch": "once"}),
    (
        "errors stay on the chip, written once",
        {"training.dataflow.errors_in": "chip", "training.dataflow.error_writes": "once"},
    ),
    ("images share rows of the gradient arrays", {"training.dataflow.stack_images": "true"}),
)
"""From naive_c to the optimised data flow, in the order in which they are taken."""

MAC: Changes = {
    "training.dataflow.gradient_in": "mac",
    "training.gradient_mac.count": 64,
    "training.gradient_mac.rate": "1 Gop/s",
    "training.gradient_mac.cost.area": "0 mm2",
    "training.gradient_mac.source": "NeuroSim21, no such units; energies assumed",
    "training.gradient_mac.notes": "A row of a sensitivity table: energies assumed, area left out.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the optimisation: energy [J an image] after it, and what it saved."""

    name: str
    energy_j: float
    saved_j: float


def savings(bench: Bench, constants: str) -> list[Step]:
    """Energy after each step from naive_c to optimised."""
    changes: dict[str, object] = {}
    before = bench.naive(constants, "naive_c").energy_per_image_j
    steps = [Step(name="naive_c", energy_j=before, saved_j=float("inf"))]
    for name, change in STEPS:
        changes |= change
        after = bench.naive(constants, "naive_c", changes).energy_per_image_j
        steps.append(Step(name=name, energy_j=after, saved_j=before - after))
        before = after
    return steps[1:]


def beside_table(bench: Bench, wide: Changes, double: Changes) -> Table:
    """The paper's three figures and what counting gives under each set."""
    rows: list[Mapping[str, Any]] = []
    for constants in SETS:
        cost = bench.cost(constants)
        rows.append(
            {
                "set": constants,
                "read_pj": bench.conversion_j(constants, "adc") * 1e12,
                "gradient_pj": bench.conversion_j(constants, "gradient_adc") * 1e12,
                "uj": cost.energy_per_image_j * 1e6,
                "tops_per_w": cost.ops_per_j / 1e12,
                "ratio": bench.ratio(constants, "naive_b"),
                "momentum_16": cost.rule_share,
                "momentum_24": bench.cost(constants, wide).rule_share,
                "momentum_32": bench.cost(constants, double).rule_share,
            }
        )
    rows.append(
        {
            "set": PAPER,
            "read_pj": None,
            "gradient_pj": None,
            "uj": 3_688_427_520 / 23.59e12 * 1e6,
            "tops_per_w": 23.59,
            "ratio": 12.0,
            "momentum_16": 0.042,
            "momentum_24": 0.042,
            "momentum_32": 0.042,
        }
    )
    columns = (
        ("set", "constants", ""),
        ("read_pj", "6 b [pJ]", ".3f"),
        ("gradient_pj", "4 b [pJ]", ".3f"),
        ("uj", "uJ/image", ".1f"),
        ("tops_per_w", "TOPS/W", ".2f"),
        ("ratio", "naive_b/opt.", ".1f"),
        ("momentum_16", "momentum 8 b r+w", ".2%"),
        ("momentum_24", "+ gradient", ".2%"),
        ("momentum_32", "16 b r+w", ".2%"),
    )
    title = "VGG-8, batch 200, beside the paper (its uJ/image follows from 3.69 GOP; shown, not claimed)"
    return Table(title=title, rows=tuple(rows), columns=columns)


def variant_table(bench: Bench) -> Table:
    """Every naive variant under every set."""
    rows = []
    for variant in NAIVE:
        row: dict[str, Any] = {"variant": variant}
        for constants in SETS:
            cost = bench.naive(constants, variant)
            row[f"{constants} uj"] = cost.energy_per_image_j * 1e6
            row[f"{constants} ratio"] = bench.ratio(constants, variant)
        rows.append(row)
    columns = [("variant", "data flow", "")]
    for constants in SETS:
        columns += [(f"{constants} uj", f"{constants} [uJ]", ".0f"), (f"{constants} ratio", "ratio", ".1f")]
    return Table(title="Naive data flows over the optimised one", rows=tuple(rows), columns=tuple(columns))


def savings_table(bench: Bench) -> Table:
    """What each step saves, under the reference set."""
    rows = tuple(
        {"step": step.name, "uj": step.energy_j * 1e6, "saved": step.saved_j * 1e6}
        for step in savings(bench, REFERENCE)
    )
    columns = (("step", "step from naive_c", ""), ("uj", "uJ/image", ".1f"), ("saved", "saved", ".1f"))
    return Table(title=f"From naive_c to optimised, {REFERENCE}", rows=rows, columns=columns)


def phase_table(bench: Bench) -> Table:
    """Latency and energy of the phases."""
    rows = tuple(
        {
            "set": constants,
            "phase": phase.phase,
            "ms": phase.latency_s * 1e3,
            "memory_ms": phase.memory_s * 1e3,
            "uj": phase.energy_j / bench.cost(constants).batch * 1e6,
            "tops_per_w": None if phase.ops_per_j is None else phase.ops_per_j / 1e12,
        }
        for constants in SETS
        for phase in bench.cost(constants).phases
    )
    columns = (
        ("set", "constants", ""),
        ("phase", "phase", ""),
        ("ms", "latency [ms]", ".2f"),
        ("memory_ms", "off-chip [ms]", ".3f"),
        ("uj", "uJ/image", ".2f"),
        ("tops_per_w", "TOPS/W", ".1f"),
    )
    title = "Phases of a batch of 200, one after the other (2 operations a product: forward, error, gradient)"
    return Table(title=title, rows=rows, columns=columns)


def storage_table(bench: Bench) -> Table:
    """What is kept beyond the weights; sums that add up on the chip need memory there."""
    rows = tuple(
        {"name": row.name, "where": row.where, "mb": row.bits / 8e6, "mm2": row.area_m2 * 1e6 or None}
        for row in bench.cost(REFERENCE).storage
    )
    columns = (("name", "data", ""), ("where", "in", ""), ("mb", "MB", ".1f"), ("mm2", "eDRAM [mm2]", ".1f"))
    return Table(title="Storage beyond the weights, optimised data flow", rows=rows, columns=columns)


def changes_of(bench: Bench) -> dict[str, Changes]:
    """Rows of the sensitivity table."""
    edram = "40.9 pJ"
    drive = "0.39 pJ"
    return {
        "reference": {},
        "all converters x 0.5": bench.scaled_converters(REFERENCE, 0.5),
        "all converters x 2": bench.scaled_converters(REFERENCE, 2),
        "8-bit weights in 2 cells, 32 tiles": {"precision.weight_bits": 8, "tile.count": 32, "tile.grid.columns": 8},
        "GDDR5, 14 pJ a bit": {"training.dram.actions.bit": "14 pJ", "training.dram.bandwidth": "536 GB/s"},
        "row drive 0.39 pJ": {"ima.dac.actions.drive": drive, "training.gradient.driver.actions.drive": drive},
        "half of the bits one": {"training.assumed.input_ones": "50 %", "training.assumed.error_ones": "50 %"},
        "eDRAM x 2": {"tile.edram.actions.access": edram, "training.accumulator.actions.access": edram},
        "digital gradients, 0.15 pJ a product": {**MAC, "training.gradient_mac.actions.mac": "0.15 pJ"},
        "digital gradients, 0.30 pJ a product": {**MAC, "training.gradient_mac.actions.mac": "0.3 pJ"},
        "activations stay on the chip": {"training.dataflow.activations_in": "chip"},
        **{f"batch {size}": {"training.batch": size} for size in (50, 100, 400, 800)},
    }


def sensitivity_table(bench: Bench) -> Table:
    """The reference set with one thing changed at a time."""
    rows = []
    for name, changes in changes_of(bench).items():
        cost = bench.cost(REFERENCE, changes)
        rows.append(
            {
                "change": name,
                "uj": cost.energy_per_image_j * 1e6,
                "tops_per_w": cost.ops_per_j / 1e12,
                "ratio_a": bench.ratio(REFERENCE, "naive_a", changes),
                "ratio_b": bench.ratio(REFERENCE, "naive_b", changes),
                "ratio_c": bench.ratio(REFERENCE, "naive_c", changes),
                "momentum": cost.rule_share,
            }
        )
    columns = (
        ("change", "change", ""),
        ("uj", "uJ/image", ".0f"),
        ("tops_per_w", "TOPS/W", ".1f"),
        ("ratio_a", "naive_a", ".1f"),
        ("ratio_b", "naive_b", ".1f"),
        ("ratio_c", "naive_c", ".1f"),
        ("momentum", "momentum", ".2%"),
    )
    return Table(title=f"Sensitivity of {REFERENCE}", rows=tuple(rows), columns=columns)


def rule_table(bench: Bench) -> Table:
    """What update rules keep, move and compute."""
    rows = []
    for rule in RULES:
        cost = bench.cost(REFERENCE, {"training.update.rule": rule})
        per_weight = cost.weights
        rows.append(
            {
                "rule": rule,
                "share": cost.rule_share,
                "bits": cost.count("update", "dram", "bit") / per_weight,
                "arithmetic": (cost.count("update", "alu", "multiply") + cost.count("update", "alu", "add"))
                / per_weight,
                "pulses": cost.count("update", "crossbar", "pulse") / per_weight,
                "reads": cost.count("update", "adc", "convert") / per_weight,
                "update_uj": next(phase.energy_j for phase in cost.phases if phase.phase == "update")
                / cost.batch
                * 1e6,
            }
        )
    columns = (
        ("rule", "rule", ""),
        ("bits", "off-chip bits", ".1f"),
        ("arithmetic", "operations", ".1f"),
        ("pulses", "pulses", ".3f"),
        ("reads", "conversions", ".2f"),
        ("update_uj", "update [uJ/image]", ".2f"),
        ("share", "adds to sgd", ".2%"),
    )
    title = f"Update rules, per weight and batch of 200, {REFERENCE} (pulses assumed, see hardware file)"
    return Table(title=title, rows=tuple(rows), columns=columns)
