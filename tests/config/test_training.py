"""The `training` block: presets, what is accepted, and every complaint."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from archsim.config import Hardware, load_hardware
from archsim.config.shipped import shipped
from archsim.config.training import DATAFLOWS, RULES, Dataflow, Update
from archsim.errors import InputError

FILES = ("insitu-32nm", "insitu-32nm-published-adc", "insitu-32nm-neurosim-implied")


def changed(**values: object) -> Hardware:
    return load_hardware("insitu-32nm").replace({name.replace("__", "."): value for name, value in values.items()})


def flow(name: str, **values: object) -> Dataflow:
    changes = {f"training__dataflow__{key}": value for key, value in values.items()}
    block = changed(training__dataflow__name=name, **changes).model.training
    assert block is not None
    return block.dataflow


def test_presets_are_the_names_that_can_be_set() -> None:
    assert set(DATAFLOWS) == set(get_args(Dataflow.model_fields["name"].annotation))
    assert set(RULES) == set(get_args(Update.model_fields["rule"].annotation))


def test_a_preset_fills_in_what_is_not_said() -> None:
    assert flow("optimised") == Dataflow()
    naive = flow("naive_b")
    assert (naive.stack_images, naive.gradients, naive.spill_bits) == (False, "spilled", 30)
    assert (naive.activation_fetch, naive.errors_in, naive.error_writes) == ("each_shift", "dram", "each_shift")
    assert flow("naive_a") == flow("naive").model_copy(update={"name": "naive_a"})
    assert flow("naive_c").activation_fetch == "each_array"
    assert flow("naive_d").activation_fetch == "once"
    assert flow("naive_e").gradients == "accumulated"


def test_what_is_said_wins_over_the_preset() -> None:
    assert flow("naive_b", spill_bits=8).spill_bits == 8
    assert flow("naive_b", stack_images="true").stack_images is True
    block = changed(training__update__rule="accumulate", training__update__pulsed_cells="4 %").model.training
    assert block is not None
    assert block.update.pulsed_cells == 0.04
    assert changed(training__update__rule="accumulate").model.training.update.pulsed_cells == 0.01  # type: ignore[union-attr]


def test_inference_files_have_none() -> None:
    for name in ("isaac-ce", "puma", "nvcnn-w8a8"):
        assert load_hardware(name).model.training is None


@pytest.mark.parametrize("name", FILES)
def test_shipped_files_differ_in_converters_only(name: str) -> None:
    base, other = load_hardware("insitu-32nm").model, load_hardware(name).model
    assert base.training is not None
    assert other.training is not None
    gradient = other.training.gradient.model_copy(update={"adc": base.training.gradient.adc})
    same = {"transposed_adc": base.training.transposed_adc, "gradient": gradient}
    assert other.training.model_copy(update=same) == base.training
    assert other.ima.model_copy(update={"adc": base.ima.adc}) == base.ima
    assert other.ima.adc.bits == base.ima.adc.bits == 6
    assert other.training.gradient.adc.bits == 4


BAD = [
    ({"training__dataflow__name": "nave"}, "did you mean 'naive'?"),
    ({"training__update__rule": "momentm"}, "did you mean 'momentum'?"),
    ({"training__gradient__columns": 4}, "4 columns do not hold the 8 bits of an error"),
    ({"training__dataflow__gradient_in": "mac"}, "expected a block training.gradient_mac"),
    ({"mapping__replication": "balanced"}, "every copy of a weight would have to be written alike"),
    ({"precision__encoding": "differential"}, "expected offset or flip with training"),
    ({"precision__weight_bits": 8, "ima__crossbar__slices": "columns"}, "must not be slices of one weight"),
    ({"ima__adc__sparsity__policy": "bound"}, "is for inference"),
    ({"training__batch": 0}, "0 is out of range"),
    ({"training__assumed__input_ones": "120 %"}, "out of range"),
]


@pytest.mark.parametrize(("values", "said"), BAD)
def test_contradictions_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        changed(**values)
    assert all(problem.where.startswith("--set ") for problem in caught.value.problems)


def test_needs_a_write_block_and_every_energy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (shipped("hwconfigs") / "insitu-32nm.yaml").read_text(encoding="utf-8")
    cut = source.replace("actions: {bit: 3.9 pJ}", "").replace(
        "{cell_read: 0.0003 pJ, write: 0.05 pJ}", "{write: 1 pJ}"
    )
    start, end = cut.index("\ndevice:"), cut.index("\ntraining:")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(cut[:start] + cut[end:], encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_hardware("mine.yaml")
    said = "\n".join(map(str, caught.value.problems))
    assert "training.dram: actions.bit is missing" in said
    assert "training.gradient.array: actions.cell_read is missing" in said
    assert "needs device.write" in said
