"""Reports of agreement: hand-worked figures and published intervals."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from archsim.errors import InputError
from archsim.function.inference.compare import compare, snr_db, wilson


def test_wilson_against_published_values() -> None:
    # Newcombe, Stat. Med. 17 (1998), Table I, method 3: 81/263, 15/148, 0/20, 1/29
    for successes, trials, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (1, 29, 0.0061, 0.1718)]:
        assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(20, 20)[1] == 1.0


def test_snr_by_hand() -> None:
    assert snr_db(100.0, 1.0) == pytest.approx(20.0)
    assert snr_db(5.0, 0.0) == inf
    assert snr_db(0.0, 5.0) == -inf


def test_report_by_hand() -> None:
    reference = np.array([[3.0, 0.0], [0.0, 4.0], [1.0, 0.0], [0.0, 2.0]])
    measured = np.array([[3.0, 0.0], [0.0, 4.0], [0.0, 1.0], [0.0, 2.0]])
    report = compare(reference, measured[:, :, None, None], np.array([0, 1, 1, 0]))
    assert (report.images, report.top1_agreement) == (4, 0.75)
    assert report.logit_snr_db == pytest.approx(10 * np.log10(30 / 2))
    assert (report.accuracy, report.float_accuracy) == (0.75, 0.5)
    assert report.accuracy_interval == wilson(3, 4)
    assert report.float_accuracy_interval == wilson(2, 4)


def test_accuracy_is_never_reported_for_drawn_weights_or_without_labels() -> None:
    logits = np.eye(3)
    for report in (compare(logits, logits, np.arange(3), weights="seeded"), compare(logits, logits)):
        assert report.top1_agreement == 1.0
        assert report.accuracy is report.float_accuracy is report.accuracy_interval is None


def test_all_misfits_are_named() -> None:
    with pytest.raises(InputError) as caught:
        compare(np.zeros((2, 3)), np.zeros((2, 4)), np.zeros(5))
    assert [problem.where for problem in caught.value.problems] == ["logits", "labels"]
