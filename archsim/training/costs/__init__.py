"""What in-situ training costs: `training_cost(network, hardware)`."""

from archsim.training.costs.batch import rule_states, training_cost
from archsim.training.costs.clock import Clock
from archsim.training.costs.result import PHASES, PhaseCost, TrainingCost, TrainingRow

__all__ = ["PHASES", "Clock", "PhaseCost", "TrainingCost", "TrainingRow", "rule_states", "training_cost"]
