"""Packet latency over load beside BookSim's (`booksim_latency.csv`).

    python -m tests.validation.booksim

prints the comparison as the table of README; `test_booksim` holds it to its tolerances.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from .synthetic import Setting, latency

REFERENCE = Path(__file__).with_name("booksim_latency.csv")
ROUTER_CYCLES = {"mesh": 4, "torus": 5}
"""A router and the link behind it: 3 cycles of BookSim's router, and 1 of a mesh's links or 2 of a torus's."""
CONSTANT = {"mesh": 1, "torus": 0}
"""Cycles by which BookSim's packets are later at zero load. With r routers and f flits they take 2 + 4 r + f - 1 cycles
on a mesh, archsim's 4 r + f; on a torus 2 + 4 r + (r - 1) + f - 1 and 5 r + f: the same."""
UNLIMITED = (2, 8)
"""Virtual channels, and flits that each of them buffers, of the series that unlimited queues are compared with."""
PACKETS = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """BookSim's latencies of one network and traffic: `points` are (flits a node and cycle, cycles)."""

    topology: str
    side: int
    traffic: str
    flits: int
    points: tuple[tuple[float, float], ...]

    @property
    def setting(self) -> Setting:
        """The same network here."""
        return Setting(
            topology=self.topology, side=self.side, flits=self.flits, router_cycles=ROUTER_CYCLES[self.topology]
        )

    @property
    def settled(self) -> float:
        """The highest load at which BookSim's latency settled: saturation is above it."""
        return max(load for load, _ in self.points)

    def measured(self, load: float) -> float:
        """Latency here [cycles], with the constant."""
        return latency(self.setting, self.traffic, load, PACKETS) + CONSTANT[self.topology]

    def __str__(self) -> str:
        return f"{self.topology}-{self.traffic}-{self.flits}"


def reference(buffers: tuple[int, int]) -> list[Series]:
    """All series of routers with so many virtual channels of so many flits."""
    found: dict[tuple[str, int, str, int], list[tuple[float, float]]] = {}
    lines = [line for line in REFERENCE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    for row in csv.DictReader(lines):
        if (int(row["vcs"]), int(row["vc_buf_flits"])) != buffers or row["packet_latency"] == "unstable":
            continue
        key = row["topology"], int(row["k"]), row["traffic"], int(row["packet_flits"])
        point = float(row["offered_flits_per_node_cycle"]), float(row["packet_latency"])
        found.setdefault(key, []).append(point)
    return [
        Series(topology=topology, side=side, traffic=traffic, flits=flits, points=tuple(points))
        for (topology, side, traffic, flits), points in found.items()
    ]


def table() -> str:
    """Markdown: cycles at the lowest load, then the difference at each one, in brackets above 80 % of saturation."""
    every = reference(UNLIMITED)
    loads = sorted({load for series in every for load, _ in series.points})
    heads = ["network, traffic", "flits", f"at {loads[0]:g}: BookSim, archsim", *[f"{load:g}" for load in loads[1:]]]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for series in every:
        known = dict(series.points)
        cells = []
        for load in loads[1:]:
            if load not in known:
                cells.append("-")
                continue
            said = f"{100 * (series.measured(load) / known[load] - 1):+.1f} %"
            cells.append(said if load <= 0.8 * series.settled else f"({said})")
        zero = f"{known[loads[0]]:.1f}, {series.measured(loads[0]):.1f}"
        name = f"{series.topology}, {series.traffic}"
        lines.append("| " + " | ".join([name, str(series.flits), zero, *cells]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
