"""One run: plan -> timing and function -> accounting -> result. The only place where they meet.

`simulate` is the three steps in one call; studies that repeat only some of them call `compute`, `time_plan` and
`account` themselves.
"""

from archsim.simulation.computing import Computed, Data, Progress, compute
from archsim.simulation.reuse import Reuse
from archsim.simulation.run import account, simulate, time_plan

__all__ = ["Computed", "Data", "Progress", "Reuse", "account", "compute", "simulate", "time_plan"]
