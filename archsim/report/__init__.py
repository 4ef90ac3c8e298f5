"""Reports: they read results and never compute a figure of their own."""

from archsim.report.comparison import Comparison, compare

__all__ = ["Comparison", "compare"]
