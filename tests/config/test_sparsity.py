"""The `ima.adc.sparsity` block: what is accepted, and every complaint."""

from __future__ import annotations

import re

import pytest

from archsim.components import build_chip
from archsim.config import Hardware, load_hardware
from archsim.errors import InputError
from archsim.function.sparsity.policies import POLICIES

HERE = "ima.adc.sparsity"


def changed(base: str = "isaac-8bit", **values: object) -> Hardware:
    return load_hardware(base).replace({name.replace("__", "."): value for name, value in values.items()})


@pytest.mark.parametrize("policy", [*POLICIES])
def test_every_policy_of_the_function_package_can_be_set(policy: str) -> None:
    found = changed(ima__adc__sparsity__policy=policy)
    block = found.model.ima.adc.sparsity
    assert block is not None
    assert block.policy == policy
    assert block.needs_inputs == (policy != "none")
    assert found.model.decided_from_inputs == (("the length of conversions",) if policy != "none" else ())


def test_shipped_chips() -> None:
    for name, bits, inputs in (("nvcnn-w8a8", 8, 8), ("nvcnn-w4a3", 4, 3)):
        chip = build_chip(load_hardware(name))
        block = chip.tile.ima.adc.sparsity
        assert block is not None
        assert block.policy == "bound"
        assert chip.tile.ima.crossbar.cell.bits == chip.precision.weight_bits == bits
        assert chip.input_cycles == inputs
        assert chip.weight_slices == 1
        assert chip.columns_per_weight == 2
        assert chip.tile.ima.adc.bits == chip.adc_bits_required == bits + 6
    assert load_hardware("isaac-8bit").model.ima.adc.sparsity is None


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"ima__adc__sparsity__policy": "bounds"}, "did you mean 'bound'"),
        ({"ima__adc__sparsity__threshold": 3}, "threshold"),
        (
            {"ima__adc__sparsity__policy": "bound", "ima__adc__scaling": "none"},
            "ima.adc.sparsity.policy: is bound, but scaling: none has no cost of a shorter search",
        ),
        (
            {"ima__adc__sparsity__policy": "skip_zero", "ima__adc__transfer__kind": "ideal"},
            "transfer.kind: ideal makes no decisions to leave out",
        ),
    ],
)
def test_complaints(values: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=re.escape(complaint)):
        changed("isaac-8bit", **values)


def test_sensing_belongs_to_imas_and_has_two_costs() -> None:
    unit: dict[str, object] = {
        "charge": "per_input_cycle",
        "actions": {"row": "1 pJ", "sense": "1 pJ"},
        "cost": {"area": "0.001 mm2"},
        "source": "Shafiee2016, Table I",
    }
    with pytest.raises(InputError, match=r"expected it in ima.overheads"):
        changed(tile__overheads__counter=unit)
    with pytest.raises(InputError, match=r"actions.sense is missing; charge: per_input_cycle counts row and sense"):
        changed(ima__overheads__counter={**unit, "actions": {"row": "1 pJ"}})


def test_skipping_needs_no_law() -> None:
    assert changed(ima__adc__sparsity__policy="skip_zero", ima__adc__scaling="none").model.ima.adc.scaling == "none"
