"""The `activation_precision` block: what is accepted, and every complaint."""

from __future__ import annotations

import re

import pytest

from archsim.config import Hardware, load_hardware
from archsim.errors import InputError
from archsim.function.precision.policies import POLICIES

HERE = "activation_precision"


def set_to(base: str = "isaac-8bit", **values: object) -> Hardware:
    return load_hardware(base).replace({f"{HERE}.{name.replace('__', '.')}": value for name, value in values.items()})


def test_every_policy_of_the_function_package_can_be_set() -> None:
    """On `redy`, changing the policy alone works where the file's tau or nothing suffices; others name what lacks."""
    for policy, definition in POLICIES.items():
        if definition.parameter == "bits":
            with pytest.raises(InputError, match=rf"bits is missing; policy {policy} needs it"):
                set_to("redy", policy=policy)
            found = set_to("redy", policy=policy, bits=6)
        else:
            found = set_to("redy", policy=policy)
        block = found.model.activation_precision
        assert block is not None
        assert block.policy == policy
        assert block.needs_inputs == (policy not in ("static", "static_mixed"))


def test_shipped_operating_point() -> None:
    block = load_hardware("redy").model.activation_precision
    assert block is not None
    assert (block.policy, block.tau, block.granularity, block.minimum_bits) == ("redy_var", 3e-4, "group", 2)
    assert not block.free_running
    assert not block.fully_connected
    assert load_hardware("isaac-8bit").model.activation_precision is None


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"policy": "redy_var"}, "tau is missing; policy redy_var needs it"),
        ({"policy": "static"}, "bits is missing; policy static needs it"),
        ({"policy": "static_mixed"}, "bits is missing; policy static_mixed needs it (of layers"),
        ({"policy": "static", "bits": 9}, "activation_precision.bits: is 9, more than precision.input_bits: 8"),
        ({"policy": "static_mixed", "bits": 8, "layer_bits__c1": 12}, "layer_bits.c1: is 12, more than"),
        ({"policy": "range", "minimum_bits": 10}, "minimum_bits: is 10, more than precision.input_bits"),
        ({"policy": "redy_var", "tau": 2}, "out of range; expected 0 to 1"),
        ({"policy": "redi_var", "tau": "1e-3"}, "redy_var"),
        ({"policy": "range", "granularity": "pixel"}, "group"),
        ({"policy": "range", "thresholds": 3}, "thresholds"),
    ],
)
def test_complaints(values: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=re.escape(complaint)):
        set_to(**values)


def test_multi_bit_drivers_and_wide_operands_are_refused_together() -> None:
    with pytest.raises(InputError) as caught:
        set_to("isaac-ce", policy="range").replace({"ima.dac.bits": 2, "precision.input_bits": 24})
    assert "expected ima.dac.bits: 1, not 2" in str(caught.value)
    assert "at most 16 bits" in str(caught.value)


def test_decision_hardware_needs_its_energies_and_its_place() -> None:
    redy = load_hardware("redy")
    for level in ("tile", "chip"):
        path = f"{level}.overheads.unit"
        with pytest.raises(InputError) as caught:
            redy.replace(
                {
                    f"{path}.charge": "per_decision",
                    f"{path}.cost.area": "1 um2",
                    f"{path}.source": "Sabri2023, abstract",
                }
            )
        assert "actions.value is missing" in str(caught.value)
        assert "expected it in ima.overheads" in str(caught.value)


def test_the_decision_takes_a_cycle_of_every_window() -> None:
    from archsim.components import build_chip

    plain, redy = (build_chip(load_hardware(name)) for name in ("isaac-8bit", "redy"))
    assert redy.window_latency_ps - plain.window_latency_ps == 100_000
    assert redy.window_interval_ps == plain.window_interval_ps
