"""Timing: a plan as an event machine, its engines, and what the stamps say."""

from archsim.timing.compile import compile_machine
from archsim.timing.machine import Machine, Stamps
from archsim.timing.rate import steady_rate
from archsim.timing.relief import find_relief
from archsim.timing.run import AUTO, DETAILS, ENGINE_NAMES, Observer, run_timing, time_machine
from archsim.timing.summary import StageTiming, Timing, last_half_spread

__all__ = [
    "AUTO",
    "DETAILS",
    "ENGINE_NAMES",
    "Machine",
    "Observer",
    "StageTiming",
    "Stamps",
    "Timing",
    "compile_machine",
    "find_relief",
    "last_half_spread",
    "run_timing",
    "steady_rate",
    "time_machine",
]
