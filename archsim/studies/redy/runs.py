"""Claims taken from whole runs (`archsim.simulate`) of isaac-8bit and redy with the same ranges."""

from __future__ import annotations

from collections.abc import Iterator
from time import process_time

from archsim.config import load_hardware
from archsim.function.precision.calibration import Calibration
from archsim.function.precision.offline import plan_settings
from archsim.mapper import map_network
from archsim.mapping import Plan
from archsim.result import Result
from archsim.simulation import simulate
from archsim.studies.claims import Claim
from archsim.studies.redy.measure import Bench
from archsim.studies.redy.thresholds import first
from archsim.workload import workload_hash

PICTURES = 4
REPEATS = 3


def run_claims(bench: Bench) -> Iterator[Claim]:
    """Conversions saved against mean bits, and what deciding costs the simulator (SqueezeNet)."""
    name = bench.case.name
    plans = [map_network(bench.case.graph, load_hardware(chip)) for chip in ("isaac-8bit", "redy")]
    static, redy = (run(bench, plan) for plan in plans)
    before, after, weighted = 0.0, 0.0, 0.0
    for old, new in zip(static.layers, redy.layers, strict=True):
        if new.input_bits_mean is not None and new.kind != "linear":
            before, after = before + old.adc_conversions, after + new.adc_conversions
            weighted += old.adc_conversions * new.input_bits_mean
    difference = abs((1 - after / before) - (1 - weighted / before / 8))
    note = "|conversions saved - (1 - mean bits / 8)| over convolutions, whole runs; rounding of a division at most"
    yield Claim(
        id=f"identity.conversions.{name}", paper=0, measured=difference, low=0, high=1e-12, status="derived", note=note
    )
    if name == "squeezenet1.1":
        times = [min(_seconds(bench, plan) for _ in range(REPEATS)) for plan in plans]
        note = "processor time of the redy run over the static run"
        ratio = times[1] / times[0]
        yield Claim(id=f"speed.{name}", paper=None, measured=ratio, low=0, high=1.5, status="derived", note=note)


def run(bench: Bench, plan: Plan) -> Result:
    """The first pictures through a plan, with the bench's first ranges."""
    data = first(bench.case.evaluation, min(PICTURES, len(bench.case.evaluation)))
    return simulate(plan, inputs=data, calibrate=saved_ranges(bench, plan), engine="kernel")


def saved_ranges(bench: Bench, plan: Plan) -> Calibration:
    """The bench's ranges as a run takes them."""
    method, ranges = next(iter(bench.ranges.items()))
    graph = bench.case.graph
    return Calibration(
        workload=graph.name,
        network=workload_hash(graph),
        data=ranges.origin,
        pictures=(),
        settings={"method": method, **plan_settings(plan)},
        ranges=dict(ranges.values),
        means={name: tuple(map(float, values)) for name, values in ranges.means.items()},
    )


def _seconds(bench: Bench, plan: Plan) -> float:
    start = process_time()
    run(bench, plan)
    return process_time() - start
