"""Calibration: what is observed, for which tensors, and that batching changes nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archsim.errors import InputError
from archsim.function.quantization.calibrate import CALIBRATORS, calibrate
from archsim.function.quantization.steps import plan_steps
from archsim.function.reference.run import run_float
from archsim.workload.graph import Parameters
from tests.function.nets import everything, plain


def images(count: int = 6, size: int = 12) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, 3, size, size)).astype(np.float32)


@pytest.mark.parametrize("method", sorted(CALIBRATORS))
def test_ranges_lie_inside_the_extremes_whatever_the_batches(method: str) -> None:
    graph, x = everything(), images()
    tensors = run_float(graph, x, "all")
    found = calibrate(graph, [x], method=method)
    assert set(found.values) == {"x", *(step.tensor for step in plan_steps(graph))}
    for name, (low, high) in found.values.items():
        assert tensors[name].min() <= low <= high <= tensors[name].max()
    parts = calibrate(graph, [x[:1], x[1:4], x[4:]], method=method)
    assert parts.values.keys() == found.values.keys()
    for name, limits in parts.values.items():
        assert limits == pytest.approx(found.values[name])
    for name, mean in parts.means.items():
        assert mean == pytest.approx(found.means[name])


def test_minmax_is_the_extremes_and_means_are_those_of_the_channels() -> None:
    graph, x = everything(), images()
    tensors = run_float(graph, x, "all")
    found = calibrate(graph, [x], origin="here")
    assert found.origin == "here"
    for name, limits in found.values.items():
        assert limits == (tensors[name].min(), tensors[name].max())
    assert set(found.means) == {"x", "c1.r", "dw.6", "sum.r", "squeeze", "gated", "flat"}
    for name, mean in found.means.items():
        values = tensors[name]
        assert mean == pytest.approx(values.mean(axis=(0, *range(2, values.ndim)), dtype=np.float64), abs=1e-6)


def test_bad_calibrations_are_refused() -> None:
    graph = plain()
    with pytest.raises(InputError, match="unknown method 'entropy'"):
        calibrate(graph, [images(1, 8)], method="entropy")
    with pytest.raises(InputError, match="at least one picture"):
        calibrate(graph, [])
    weight = graph.parameters["c2"].weight.copy()
    weight[0, 0, 0, 0] = np.inf
    broken = graph.with_parameters({**graph.parameters, "c2": Parameters(weight)}, "file")
    with pytest.raises(InputError, match=r"layer c2\.r: output is not finite"):
        calibrate(broken, [images(1, 8)])
    assert replace(calibrate(graph, [images(1, 8)]), means={}).means == {}
