"""The public surface, and the run an architect does first."""

from __future__ import annotations

import subprocess
import sys

import pytest

import archsim
from archsim.errors import InputError


def test_public_names_are_what_is_listed() -> None:
    assert sorted(archsim.__all__) == sorted(set(archsim._HOMES))
    for name in archsim.__all__:
        assert getattr(archsim, name).__doc__, f"{name} has no docstring"
    assert set(archsim.__all__) <= set(dir(archsim))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        archsim.nothing  # noqa: B018


def test_import_is_light() -> None:
    code = (
        "import sys, archsim; print([n for n in ('numpy', 'numba', 'pydantic', 'onnx', 'simpy') if n in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_compare_two_converters() -> None:
    hardware = archsim.load_hardware("isaac-8bit")
    net = archsim.load_workload("lenet5")
    runs = [archsim.simulate(archsim.map_network(net, hw)) for hw in (hardware, hardware.replace({"ima.adc.bits": 6}))]
    found = archsim.compare(runs)
    assert [difference.path for difference in found.differs] == ["ima.adc.bits"]
    assert found.totals()["latency_s"][0] == found.totals()["latency_s"][1]
    assert found.energy_by_component()["adc"][1] < found.energy_by_component()["adc"][0]
    assert found.ratios()["energy_j"][0] == 1.0
    assert found.notes == ()


def test_compare_needs_two_and_says_what_it_mixes() -> None:
    hardware = archsim.load_hardware("isaac-8bit")
    run = archsim.simulate(archsim.map_network(archsim.load_workload("lenet5"), hardware))
    with pytest.raises(InputError, match="at least two runs"):
        archsim.compare([run])
    other = archsim.simulate(archsim.map_network(archsim.load_workload("resnet8-cifar10"), hardware), images=2)
    assert archsim.compare([run, other]).notes == (
        "the runs have different networks: ratios mix that in",
        "the runs have different image counts: ratios mix that in",
    )


@pytest.mark.parametrize(
    ("keyword", "value", "said"), [("engine", "simpi", "expected auto"), ("images", 0, "1 or more")]
)
def test_wrong_arguments(keyword: str, value: object, said: str) -> None:
    plan = archsim.map_network(archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit"))
    with pytest.raises(InputError, match=said):
        archsim.simulate(plan, **{keyword: value})  # type: ignore[arg-type]
