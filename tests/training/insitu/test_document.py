"""The `insitu` block of a training study: what it gives, and everything wrong with it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsim.errors import InputError
from archsim.training.document import find_study, read_study
from archsim.training.insitu.devices import SynapticDevice
from archsim.training.insitu.recipe import Converters, InSitu
from archsim.training.insitu.settings import PulseScale, UpdateSettings

HEAD = "workload: mlp-784-100-10\ndata: digits\nepochs: 2\noutput: out\n"


def study(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(HEAD + text)
    return path


def test_an_empty_block_is_the_default(tmp_path: Path) -> None:
    assert read_study(study(tmp_path, "insitu: {}\n")).recipe.insitu == InSitu()
    assert read_study(study(tmp_path, "seed: 1\n")).recipe.insitu is None


def test_every_field_arrives(tmp_path: Path) -> None:
    text = """insitu:
  device: {ltp: 6, ltd: -6, levels: 64, c2c: 1 %, c2c_per: update, d2d: 0.5, d2d_draws: shared, on_off: 10}
  rule: momentum_rising
  order: v21
  pulse_scale: {value: 2, factors: [1, 0.5], marks: 0.7}
  gamma: 0.8
  rising: [0.1, 0.9]
  digital: int8
  adc: {forward: 6, backward: 5, gradient: 4, references: nonlinear, reading: bit_serial, rows: 64}
  activation_bits: 6
  activation_range: 8
  error_bits: 7
  error_rounding: stochastic
  initial: 0.25
"""
    assert read_study(study(tmp_path, text)).recipe.insitu == InSitu(
        device=SynapticDevice(
            ltp=6, ltd=-6, levels=64, c2c=0.01, c2c_per="update", d2d=0.5, d2d_draws="shared", on_off=10
        ),
        update=UpdateSettings(
            rule="momentum_rising", order="v21", pulse_scale=PulseScale(value=2, factors=(1, 0.5), marks=(0.7,)),
            gamma=0.8, rising=(0.1, 0.9), digital="int8",
        ),
        converters=Converters(
            forward=6, backward=5, gradient=4, references="nonlinear", reading="bit_serial", rows=64
        ),
        activation_bits=6, activation_range=8, error_bits=7, error_rounding="stochastic", initial=0.25,
    )  # fmt: skip


def test_curves_without_labels_need_none(tmp_path: Path) -> None:
    found = read_study(study(tmp_path, "insitu: {device: {curve: soft_bounds}}\n")).recipe.insitu
    assert found is not None
    assert (found.device.ltp, found.device.ltd) == (0, 0)


def test_all_problems_at_once_with_their_lines(tmp_path: Path) -> None:
    text = """optimizer: {name: adam}
insitu:
  device: {curve: exponental, levels: 1}
  rule: momentm
  rising: 0.5
  error_bits: 14
"""
    with pytest.raises(InputError) as caught:
        read_study(study(tmp_path, text))
    found = str(caught.value)
    for line, what in (
        (7, "insitu.device.curve: is 'exponental'"),
        (7, "insitu.device.levels: is 1"),
        (8, "did you mean 'momentum'?"),
        (9, "insitu.rising: has 1 numbers"),
        (10, "insitu.error_bits: is 14"),
        (5, "optimizer: has no effect beside insitu"),
    ):
        assert any(f"study.yaml:{line}:" in part and what in part for part in found.splitlines()), (line, what)
    with pytest.raises(InputError, match="accumulate fires whole pulses"):
        read_study(study(tmp_path, "insitu: {rule: accumulate, order: v21}\n"))
    with pytest.raises(InputError, match=r"insitu\.adc\.forward"):
        read_study(study(tmp_path, "insitu: {adc: {forward: 40}}\n"))
    with pytest.raises(InputError, match="quantization: has no place beside insitu"):
        read_study(study(tmp_path, "insitu: {}\nquantization: {}\n"))


@pytest.mark.parametrize("name", ["mlp-digits-insitu", "lenet5-insitu", "vgg8-narrow-insitu"])
def test_shipped_studies_are_read(name: str) -> None:
    assert read_study(find_study(name)).recipe.insitu is not None
