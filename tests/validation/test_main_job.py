"""The main job on real pictures: predictions, agreement with the float network, and activity as published for the
nets."""

from __future__ import annotations

from pathlib import Path

import pytest

import archsim
from archsim.function.reference.run import run_float
from archsim.result import Result
from archsim.workload import load_data, preprocessing_for

SHARED = Path(__file__).parents[2] / "../shared/data"


@pytest.fixture(scope="module")
def cats() -> Result:
    plan = archsim.map_network(archsim.load_workload("squeezenet1.1"), archsim.load_hardware("isaac-8bit"))
    return archsim.simulate(plan, inputs="cats")


def test_squeezenet_knows_the_four_cats(cats: Result) -> None:
    found = cats.function
    assert found is not None
    assert [item.predicted for item in found.predictions] == [281, 283, 284, 285]
    assert found.accuracy == found.float_accuracy == found.top1_agreement == 1.0
    assert found.calibration == "shipped"
    assert found.logit_snr_db is not None
    assert found.logit_snr_db >= 25


def test_zero_fractions_after_activation(cats: Result) -> None:
    """Sanity targets measured on 200 ImageNet photographs in float: mean 0.55, conv1 0.49, squeeze layers 0.18 to 0.45,
    fire9/expand3x3 0.95; four pictures may differ by 0.05. conv1 in 8 bits has 0.07 more: its largest output is so far
    above the rest that small positive values round to zero."""
    zeros = {layer.name: layer.output_zero_fraction for layer in cats.layers if layer.output_zero_fraction is not None}
    assert zeros["fire9/expand3x3"] == pytest.approx(0.95, abs=0.05)
    squeezes = [zero for name, zero in zeros.items() if "squeeze" in name]
    assert min(squeezes) >= 0.18 - 0.05
    assert max(squeezes) <= 0.45 + 0.05
    assert sum(zeros.values()) / len(zeros) == pytest.approx(0.55, abs=0.05)
    graph = archsim.load_workload("squeezenet1.1")
    data = load_data("cats", preprocessing_for("squeezenet1.1", graph))
    exact = run_float(graph, data.images(), keep=["conv1.relu"])["conv1.relu"]
    assert float((exact == 0).mean()) == pytest.approx(0.49, abs=0.05)
    assert 0 < zeros["conv1"] - float((exact == 0).mean()) < 0.1


def test_more_pictures_do_not_change_timing_and_dynamic_energy(cats: Result) -> None:
    plan = archsim.map_network(archsim.load_workload("squeezenet1.1"), archsim.load_hardware("isaac-8bit"))
    bare = archsim.simulate(plan)
    assert bare.totals.latency_s == cats.totals.latency_s
    assert bare.totals.energy_j == cats.totals.energy_j
    assert bare.function is None
    assert bare.activity.startswith("assumed")


@pytest.mark.slow
def test_resnet8_keeps_its_accuracy_on_cifar10_jpegs() -> None:
    """A fifth of the 10,000 test copies; all of them are run before a release."""
    pictures = SHARED / "cifar10_jpg.zip"
    if not pictures.is_file():
        pytest.skip("the JPEG copies of CIFAR-10 do not ship (research terms)")
    plan = archsim.map_network(archsim.load_workload("resnet8-cifar10"), archsim.load_hardware("isaac-8bit"))
    found = archsim.simulate(plan, inputs=pictures / "test", limit=2000).function
    assert found is not None
    assert found.float_accuracy == pytest.approx(0.697, abs=0.02)
    assert found.accuracy == pytest.approx(found.float_accuracy, abs=0.01)
    assert found.top1_agreement >= 0.97
