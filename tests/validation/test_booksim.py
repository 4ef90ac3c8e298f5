"""The network beside BookSim 2: zero load within a cycle, latency within 10 % up to 80 % of saturation."""

from __future__ import annotations

import pytest

from archsim.mapping.network import Network
from archsim.timing.simpy_engine import run_simpy

from ..mapping.ways import walk  # noqa: TID252
from ..timing.building import Edge, Stage, build  # noqa: TID252
from .booksim import CONSTANT, ROUTER_CYCLES, UNLIMITED, Series, reference
from .synthetic import FLIT_PS, Setting, chip_of, latency, ways

SERIES = [series for series in reference(UNLIMITED) if series.flits <= 4]


def test_the_series_are_all_there() -> None:
    assert {str(series) for series in reference(UNLIMITED)} == {
        f"{network}-{flits}" for network in ("mesh-uniform", "mesh-transpose", "torus-uniform") for flits in (1, 4, 16)
    }
    assert [series.settled for series in SERIES] == [0.6, 0.6, 0.3, 0.3, 0.6, 0.6]


@pytest.mark.parametrize("flits", [1, 4, 16])
@pytest.mark.parametrize("topology", ["mesh", "torus"])
def test_an_idle_network_takes_booksims_cycles(topology: str, flits: int) -> None:
    """Between any two nodes, one of them too: 2 + 4 x routers + (flits - 1), and a cycle more for each link of a
    torus."""
    setting = Setting(topology=topology, side=4, flits=flits, router_cycles=ROUTER_CYCLES[topology])
    network = Network.of(chip_of(setting))
    for source, row in enumerate(ways(setting)):
        for target, hops in enumerate(row):
            routers = len(walk(network, source, target))
            stamps = run_simpy(build([Stage("a"), Stage("b")], [Edge("a", "b", routes=(hops,))]))
            took = int(stamps.arrive[0] - stamps.write[0]) / FLIT_PS
            links = (routers - 1) * (topology == "torus")
            assert took + CONSTANT[topology] == 2 + 4 * routers + links + flits - 1


@pytest.mark.parametrize("series", SERIES, ids=str)
def test_latency_over_load_is_booksims(series: Series) -> None:
    """Saturation lies between the last load at which BookSim settled and the next; it is taken at its lower end."""
    lowest, expected = series.points[0]
    assert series.measured(lowest) == pytest.approx(expected, abs=1)
    compared = [(load, expected) for load, expected in series.points if load <= 0.8 * series.settled]
    assert len(compared) >= 4
    for load, expected in compared:
        assert series.measured(load) == pytest.approx(expected, rel=0.1), load


@pytest.mark.parametrize("series", [one for one in reference(UNLIMITED) if one.traffic == "uniform"], ids=str)
def test_unlimited_queues_are_optimistic_near_saturation(series: Series) -> None:
    """There packets wait for virtual channels and in the wake of blocked ones, which is not modelled."""
    load, expected = series.points[-1]
    assert series.measured(load) < 0.9 * expected


def mean(topology: str, traffic: str, load: float) -> float:
    return latency(Setting(topology=topology, side=4, flits=4), traffic, load, 1500)


@pytest.mark.parametrize("traffic", ["uniform", "transpose", "neighbor"])
def test_the_ideal_network_bounds_the_others(traffic: str) -> None:
    for load in (0.05, 0.25, 0.5):
        ideal, torus, mesh = (mean(topology, traffic, load) for topology in ("ideal", "torus", "mesh"))
        assert ideal < torus
        assert ideal < mesh


def test_the_ideal_network_carries_all_that_ports_can() -> None:
    """Transpose keeps every port busy with one flow: no queue at 0.95 but that at the source, where a mesh's busiest
    link, which three nodes' packets cross, is three times overloaded."""
    idle = mean("ideal", "transpose", 0.01)
    assert mean("ideal", "transpose", 0.95) < 20 * idle
    assert mean("mesh", "transpose", 0.95) > 200 * idle
