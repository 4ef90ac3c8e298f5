"""Training of CNNs on NumPy: float, quantization-aware, distilled; what is trained is what the crossbars compute."""

from archsim.training.gradients import GradientRule
from archsim.training.optimizers import Optimizer, Schedule
from archsim.training.pictures import Augmentation, Pictures, decode
from archsim.training.quantizers import ACTIVATION_QUANTIZERS, WEIGHT_QUANTIZERS, Quantization
from archsim.training.recipe import Distillation, Recipe
from archsim.training.search import OutputSearch, OutputTrial, search_output_shift
from archsim.training.session import Trained, save_trained, train_network, write_network

__all__ = [
    "ACTIVATION_QUANTIZERS",
    "WEIGHT_QUANTIZERS",
    "Augmentation",
    "Distillation",
    "GradientRule",
    "Optimizer",
    "OutputSearch",
    "OutputTrial",
    "Pictures",
    "Quantization",
    "Recipe",
    "Schedule",
    "Trained",
    "decode",
    "save_trained",
    "search_output_shift",
    "train_network",
    "write_network",
]
