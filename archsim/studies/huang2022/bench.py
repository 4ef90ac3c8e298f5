"""The full VGG-8 on the in-situ chip, under three named sets of converter constants."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from archsim.components import build_chip, cost_table
from archsim.config import Hardware, load_hardware
from archsim.training.costs import Clock, TrainingCost, training_cost
from archsim.workload import load_workload

SETS: Mapping[str, str] = MappingProxyType(
    {
        "saberi": "insitu-32nm",
        "published-adc": "insitu-32nm-published-adc",
        "neurosim-implied": "insitu-32nm-neurosim-implied",
    }
)
"""Constant sets and the hardware files that hold them: the SAR law used for ISAAC, converters of published
accelerators, and what a run of the authors' own tool implies (not independent of the paper)."""

REFERENCE = "published-adc"
NAIVE = ("naive_a", "naive_b", "naive_c", "naive_d", "naive_e")
CONVERTERS = {
    "ima.adc.actions.convert": ("adc", "convert"),
    "training.transposed_adc.actions.convert": ("transposed_adc", "convert"),
    "training.gradient.adc.actions.convert": ("gradient_adc", "convert"),
}

Changes = Mapping[str, object]
NOTHING: Changes = MappingProxyType({})


class Bench:
    """VGG-8 for CIFAR-10; equal questions are answered once."""

    def __init__(self) -> None:
        self.graph = load_workload("vgg8")
        self.clock = Clock()
        self.files: dict[str, Hardware] = {name: load_hardware(file) for name, file in SETS.items()}
        self._known: dict[tuple[str, tuple[tuple[str, str], ...]], TrainingCost] = {}

    def cost(self, constants: str, changes: Changes = NOTHING) -> TrainingCost:
        """Cost of a batch with a set of constants, and values set by path."""
        key = constants, tuple(sorted((path, str(value)) for path, value in changes.items()))
        if key not in self._known:
            hardware = self.files[constants]
            hardware = hardware.replace(changes) if changes else hardware
            self._known[key] = training_cost(self.graph, hardware, clock=self.clock)
        return self._known[key]

    def naive(self, constants: str, variant: str, changes: Changes = NOTHING) -> TrainingCost:
        """The same under a naive data flow."""
        return self.cost(constants, {**changes, "training.dataflow.name": variant})

    def ratio(self, constants: str, variant: str, changes: Changes = NOTHING) -> float:
        """Energy of a naive data flow over that of the optimised one."""
        return self.naive(constants, variant, changes).energy_j / self.cost(constants, changes).energy_j

    def conversion_j(self, constants: str, component: str) -> float:
        """Energy of one conversion."""
        return cost_table(build_chip(self.files[constants]))[component, "convert"].energy_j

    def scaled_converters(self, constants: str, factor: float) -> dict[str, object]:
        """All converters' energies times a factor."""
        costs = cost_table(build_chip(self.files[constants]))
        return {path: f"{costs[key].energy_j * factor * 1e12:.9f} pJ" for path, key in CONVERTERS.items()}
