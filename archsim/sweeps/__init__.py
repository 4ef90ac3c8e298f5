"""Sweeps over design spaces: studies, points, who runs them, and their table."""

from archsim.sweeps.crew import Crew, crew
from archsim.sweeps.document import find_sweep, read_sweep, sweep_names, sweep_schema
from archsim.sweeps.entry import sweep
from archsim.sweeps.hypercube import Choices, Hypercube, Range
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.loading import Sweep, load_sweep
from archsim.sweeps.point import Outcome, Point
from archsim.sweeps.points import run_points
from archsim.sweeps.run import Progress, run_study
from archsim.sweeps.store import PointStore
from archsim.sweeps.study import Network, Study

__all__ = [
    "Choices",
    "Crew",
    "Hypercube",
    "Inputs",
    "Network",
    "Outcome",
    "Point",
    "PointStore",
    "Progress",
    "Range",
    "Study",
    "Sweep",
    "crew",
    "find_sweep",
    "load_sweep",
    "read_sweep",
    "run_points",
    "run_study",
    "sweep",
    "sweep_names",
    "sweep_schema",
]
