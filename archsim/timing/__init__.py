"""Timing: a plan as an event machine, its engines, and what the stamps say."""

from archsim.timing.compile import compile_machine
from archsim.timing.machine import Machine, Stamps
from archsim.timing.run import DETAILS, ENGINES, Observer, run_timing, time_machine
from archsim.timing.summary import StageTiming, Timing

__all__ = [
    "DETAILS",
    "ENGINES",
    "Machine",
    "Observer",
    "StageTiming",
    "Stamps",
    "Timing",
    "compile_machine",
    "run_timing",
    "time_machine",
]
