"""One self-contained HTML page: of runs side by side, or of a sweep."""

from archsim.report.page.runs import runs_page, write_runs
from archsim.report.page.sweep import sweep_page, write_sweep

__all__ = ["runs_page", "sweep_page", "write_runs", "write_sweep"]
