"""Accuracy curves on few pictures: reproducible, ordered, with honest intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import archsim
from archsim.function.inference.compare import wilson
from archsim.studies.devices import AXES, Axis, Point, accuracy_curve, monotone
from archsim.workload import Dataset, Graph, default_preprocessing, load_data, seeded_weights

FEW = {"programming error": (0, 20), "stuck cells": (0, 5), "ADC resolution": (3, 9)}


@pytest.fixture(scope="module")
def network() -> Graph:
    return seeded_weights(archsim.load_workload("lenet5"), 0)


@pytest.fixture(scope="module")
def pictures(network: Graph) -> Dataset:
    return load_data("digits", default_preprocessing(network), limit=24, classes=10)


@pytest.mark.parametrize("name", AXES)
def test_more_of_a_flaw_is_worse(name: str, network: Graph, pictures: Dataset) -> None:
    axis = replace(AXES[name], values=FEW[name])
    hardware = archsim.load_hardware("isaac-8bit-wan")
    points = accuracy_curve(axis, hardware, network, pictures, chips=2)
    assert [point.value for point in points] == list(axis.values)
    good, bad = points if axis.harder else points[::-1]
    assert good.logit_snr_db > bad.logit_snr_db + 10
    assert good.share >= bad.share
    assert monotone(axis, points)
    for point in points:
        assert point.measure == "agreement"  # the weights were drawn: no accuracy is claimed
        assert point.worst <= point.share <= point.best
        assert point.interval == wilson(round(point.share * 24), 24)
        assert (point.images, point.chips) == (24, 2)
    assert points == accuracy_curve(axis, hardware, network, pictures, chips=2)


def test_chips_have_draws_of_their_own(network: Graph, pictures: Dataset) -> None:
    axis = replace(AXES["programming error"], values=(10,))
    hardware = archsim.load_hardware("isaac-8bit-wan")
    one, two, both = (
        accuracy_curve(axis, hardware, network, pictures, chips=chips, seed=seed)[0].logit_snr_db
        for chips, seed in ((1, 0), (1, 1), (2, 0))
    )
    assert one != two
    assert both == pytest.approx((one + two) / 2)


def test_a_curve_that_rises_again_is_not_monotone() -> None:
    axis: Axis = AXES["stuck cells"]
    shares = np.array([0.9, 0.5, 0.8])

    def points(images: int) -> list[Point]:
        return [
            Point(
                axis=axis.name,
                value=value,
                images=images,
                chips=1,
                measure="accuracy",
                share=share,
                interval=wilson(round(share * images), images),
                worst=share,
                best=share,
                logit_snr_db=0.0,
                engine="integer",
            )
            for value, share in enumerate(shares.tolist())
        ]

    assert not monotone(axis, points(1000))
    assert monotone(axis, points(10))
