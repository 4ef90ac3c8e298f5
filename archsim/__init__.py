"""archsim: cycle-level simulation of ISAAC-style analog in-memory CNN accelerators.

>>> import archsim
>>> hw = archsim.load_hardware("isaac-8bit")
>>> plan = archsim.map_network(archsim.load_workload("resnet8-cifar10"), hw)
>>> run = archsim.simulate(plan)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import archsim.pickling  # noqa: F401

if TYPE_CHECKING:
    from archsim.config import Hardware, load_hardware
    from archsim.errors import ArchsimError, DeadlockError, InputError, SimulationError
    from archsim.mapper import map_network
    from archsim.mapping import Plan
    from archsim.report import Comparison, compare
    from archsim.result import Result, load_result
    from archsim.simulation import simulate
    from archsim.sweeps import Sweep, load_sweep, sweep
    from archsim.sweeps.search import SearchOutcome, SearchStudy, search
    from archsim.training.costs import TrainingCost, training_cost
    from archsim.workload import Graph, load_workload

__version__ = "0.1.0"

_HOMES = {
    "Hardware": "archsim.config",
    "load_hardware": "archsim.config",
    "ArchsimError": "archsim.errors",
    "DeadlockError": "archsim.errors",
    "InputError": "archsim.errors",
    "SimulationError": "archsim.errors",
    "Plan": "archsim.mapping",
    "map_network": "archsim.mapper",
    "Comparison": "archsim.report",
    "compare": "archsim.report",
    "Result": "archsim.result",
    "load_result": "archsim.result",
    "simulate": "archsim.simulation",
    "Sweep": "archsim.sweeps",
    "load_sweep": "archsim.sweeps",
    "sweep": "archsim.sweeps",
    "SearchOutcome": "archsim.sweeps.search",
    "SearchStudy": "archsim.sweeps.search",
    "search": "archsim.sweeps.search",
    "TrainingCost": "archsim.training.costs",
    "training_cost": "archsim.training.costs",
    "Graph": "archsim.workload",
    "load_workload": "archsim.workload",
}
"""Where each public name lives; it is imported on first use, so that `import archsim` costs next to nothing."""

__all__ = [
    "ArchsimError",
    "Comparison",
    "DeadlockError",
    "Graph",
    "Hardware",
    "InputError",
    "Plan",
    "Result",
    "SearchOutcome",
    "SearchStudy",
    "SimulationError",
    "Sweep",
    "TrainingCost",
    "compare",
    "load_hardware",
    "load_result",
    "load_sweep",
    "load_workload",
    "map_network",
    "search",
    "simulate",
    "sweep",
    "training_cost",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'archsim' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
