"""Non-uniform weights: level sets from real weights, by name, and what they ask of cells.

The seam is `quantizers.LEVEL_QUANTIZERS`. Weights of importance (mean squared gradients) come in as arrays.
"""

from archsim.function.quantization.levels.fit import Fit, LevelRule, fit_levels
from archsim.function.quantization.levels.quantizers import LEVEL_QUANTIZERS, UNIFORM

__all__ = ["LEVEL_QUANTIZERS", "UNIFORM", "Fit", "LevelRule", "fit_levels"]
