"""Paper-ready figures of runs and sweeps: exact column widths, embedded fonts, colours and hatches for any printer."""

from archsim.report.figures.canvas import FORMATS
from archsim.report.figures.style import STYLES, Style, can_draw
from archsim.report.figures.writing import Request, draw_figures

__all__ = ["FORMATS", "STYLES", "Request", "Style", "can_draw", "draw_figures"]
