"""Training of CNNs on NumPy: float, quantization-aware, distilled; what is trained is what the crossbars compute."""

from archsim.training.optimizers import Optimizer, Schedule
from archsim.training.pictures import Augmentation, Pictures, decode
from archsim.training.quantizers import ACTIVATION_QUANTIZERS, WEIGHT_QUANTIZERS, Quantization
from archsim.training.recipe import Distillation, Recipe
from archsim.training.session import Trained, save_trained, train_network, write_network

__all__ = [
    "ACTIVATION_QUANTIZERS",
    "WEIGHT_QUANTIZERS",
    "Augmentation",
    "Distillation",
    "Optimizer",
    "Pictures",
    "Quantization",
    "Recipe",
    "Schedule",
    "Trained",
    "decode",
    "save_trained",
    "train_network",
    "write_network",
]
