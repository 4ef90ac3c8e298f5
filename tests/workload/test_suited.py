"""Shipped pictures for networks that need some."""

from __future__ import annotations

import pytest

from archsim.workload import load_workload, suited_set


@pytest.mark.parametrize(
    ("network", "data"),
    [("squeezenet1.1", "cats"), ("resnet18", "cats"), ("lenet5", "digits"), ("resnet8-cifar10", None), ("vgg8", None)],
)
def test_suited_sets(network: str, data: str | None) -> None:
    assert suited_set(load_workload(network)) == data
