"""How many decisions converters really make when searches are shortened: policies, kernels that count on real
activations, and the counts by array."""

from archsim.function.sparsity.counts import DecisionCounts, merge_decisions
from archsim.function.sparsity.policies import POLICIES, Columns, Search, search_of
from archsim.function.sparsity.search import LayerSearch, Searching

__all__ = [
    "POLICIES",
    "Columns",
    "DecisionCounts",
    "LayerSearch",
    "Search",
    "Searching",
    "merge_decisions",
    "search_of",
]
