"""What a plan is worth: its steady interval, or the latency of one image alone, by the kernel engine at fixed read
cycles."""

from __future__ import annotations

from collections.abc import Callable

from archsim.mapping.plan import Plan
from archsim.timing.bounds import interval_bound_ps
from archsim.timing.compile import compile_machine
from archsim.timing.rate import quick_interval_ps, single_latency_ps

Judge = Callable[[Plan, float, float], float]
"""Of a plan, given the best value so far and what this plan's cannot be below: one that is clearly worse, or as good as
can be, need not be known exactly."""

OBJECTIVES: dict[str, Judge] = {
    "interval": lambda plan, best, bound: quick_interval_ps(compile_machine(plan), best, bound),
    "latency": lambda plan, *_: single_latency_ps(compile_machine(plan)),
}
"""By `mapping.objective`: what is judged [ps], the less the better; infinite for a plan that deadlocks."""


def bound_ps(plan: Plan) -> float:
    """What the interval cannot be below [ps], nor, but for the filling of a lane's registers, the latency."""
    return interval_bound_ps(compile_machine(plan))
