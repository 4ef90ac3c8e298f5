from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import archsim
from archsim.report.figures.style import STYLES, styled
from archsim.result import Result

HOSTILE = "$x_1$ 100% <b>&</b> \\frac{a}{b} # \u4e2d"
"""A name with everything that mathtext, LaTeX, HTML and a font without Chinese might trip over."""


@pytest.fixture(scope="package")
def run() -> Result:
    plan = archsim.map_network(archsim.load_workload("lenet5-mnist"), archsim.load_hardware("isaac-8bit"))
    return archsim.simulate(plan, images=2, inputs="digits", limit=4, engine="kernel")


@pytest.fixture(scope="package")
def coarse(run: Result) -> Result:
    """The same on 6-bit converters."""
    hardware = archsim.load_hardware("isaac-8bit", {"ima.adc.bits": 6})
    plan = archsim.map_network(archsim.load_workload("lenet5-mnist"), hardware)
    return archsim.simulate(plan, images=2, inputs="digits", limit=4, engine="kernel")


@pytest.fixture
def hostile(run: Result) -> Result:
    """The run with hostile names of hardware, network, a layer and a component."""
    first = run.layers[0].name
    return replace(
        run,
        hardware=replace(run.hardware, name=HOSTILE),
        workload=replace(run.workload, name="_net_"),
        layers=tuple(replace(row, name=HOSTILE if row.name == first else row.name) for row in run.layers),
        actions=tuple(
            replace(
                row,
                layer=HOSTILE if row.layer == first else row.layer,
                component="_$adc$" if row.component == "adc" else row.component,
            )
            for row in run.actions
        ),
    )


@pytest.fixture
def ieee() -> Iterator[Any]:
    """The style, its settings in force."""
    with styled(STYLES["ieee"], "test"):
        yield STYLES["ieee"]
