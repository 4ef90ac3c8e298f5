"""The NvCNN study: the quick form as users run it, full sets of the user, and claims that can fail."""

from __future__ import annotations

import gzip
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from archsim.cli.entry import cli
from archsim.errors import InputError
from archsim.studies import Request
from archsim.studies.bao2022.data import full_set, material, read_idx
from archsim.studies.bao2022.judge import (
    FULL,
    accuracy_claims,
    calibrated_share,
    identity_claims,
    law_claims,
    limit_claims,
    order_claims,
    saving_claims,
)
from archsim.studies.bao2022.nets import POINTS, W2A2, W4A3, W4A4, W8A8, Plan, Score, epochs, quantized_recipe
from archsim.studies.bao2022.requirement import FlawPoint, Resolution, limit, practical
from archsim.studies.bao2022.saving import LAWS, POLICIES, Reading, Saving
from archsim.training.recipe import check_recipe
from archsim.workload import load_workload

GRAPH = load_workload("lenet5")
Array = NDArray[Any]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One quick run through the command line; its progress goes to standard error."""
    folder = tmp_path_factory.mktemp("bao")
    found = CliRunner().invoke(
        cli, ["reproduce", "bao2022", "--quick", "--json", "-o", str(folder)], standalone_mode=False
    )
    assert found.exception is None, found.exception
    report: dict[str, Any] = json.loads(found.stdout)
    assert json.loads((folder / "bao2022.json").read_text()) == report
    return report


@pytest.mark.slow
def test_quick_form_meets_what_does_not_depend_on_training(report: dict[str, Any]) -> None:
    claims = {claim["id"]: claim for claim in report["claims"]}
    assert set(claims) == {"order.policies", "identity.w8a8", "identity.w4a3"}
    assert all(claim["pass"] for claim in claims.values())
    assert any("too briefly" in note for note in report["notes"])


@pytest.mark.slow
def test_tables_have_every_combination(report: dict[str, Any]) -> None:
    accuracy, requirements, bits, flaws, saved, calibrated = (table["rows"] for table in report["tables"])
    assert [row["point"] for row in accuracy] == ["float", "W8A8", "W4A3", "W2A2"]
    assert [row["point"] for row in requirements] == ["W8A8", "W4A3"]
    assert {(row["point"], row["kind"]) for row in bits} == {
        (point, kind) for point in ("W8A8", "W4A3") for kind in ("saturating", "truncating")
    }
    assert {row["flaw"] for row in flaws} == {"cell sigma [% of G]"}
    assert len(saved) == 2 * 4 * len(LAWS) * (len(POLICIES) - 1)
    for row in saved:
        assert row["paper"] == {"W8A8": 0.79, "W4A3": 0.53}[row["point"]]
    skipped = {
        (row["point"], row["law"], row["reading"]): row["saved"] for row in saved if row["policy"] == "skip_zero"
    }
    for (point, _, reading), value in skipped.items():
        assert value == pytest.approx(skipped[point, "sar", reading], rel=1e-9)
    assert [row["implied"] for row in calibrated] == pytest.approx([0.841, 0.246], abs=5e-4)
    assert [chart["name"] for chart in report["charts"]] == [
        "adc-energy", "adc-bits-saturating", "adc-bits-truncating", "cell-sigma"
    ]  # fmt: skip


def saving(point: Any, policy: str, law: str, saved: float, reading: str = FULL) -> Saving:
    return Saving(
        set="digits", point=point, reading=Reading(name=reading, bits=point.full_bits), law=law, policy=policy,
        saved=saved, seeds=(saved,), share=0.5, gain=1 / (1 - 0.5 * saved), gain_all=1.0, sensing=0.0, skipped=0.0,
        decisions_mean=3.0,
    )  # fmt: skip


def ladder(saved: dict[Any, float], reading: str) -> list[Saving]:
    """Rows whose policies save more and more, with these savings of `bound`."""
    steps = {"skip_zero": -0.1, "bound": 0.0, "column_bound": 0.01, "oracle": 0.02}
    return [
        saving(point, policy, law, value + step, reading)
        for point, value in saved.items()
        for law in LAWS
        for policy, step in steps.items()
    ]


def test_claims_can_fail() -> None:
    rows = ladder({W8A8: 0.84, W4A3: 0.65}, FULL) + ladder({W8A8: 0.73, W4A3: 0.56}, "W + 6 bits, saturating")
    good = [*saving_claims(rows), *order_claims(rows), *identity_claims(rows)]
    assert all(claim.passed for claim in good)
    assert len(good) == 4 + 1 + 2
    far = [replace(row, saved=row.saved - 0.08) for row in rows]
    assert [claim.passed for claim in saving_claims(far)] == [False] * 4
    swapped = [replace(row, saved=0.99) if row.policy == "skip_zero" else row for row in rows]
    assert not any(claim.passed for claim in order_claims(swapped))
    wrong = [replace(row, gain=1.2 * row.gain) for row in rows]
    assert not any(claim.passed for claim in identity_claims(wrong))
    # 84 and 65 % differ by 19 points
    assert not any(claim.passed for claim in law_claims(rows))
    assert ["drop 12.0 decisions of 15" in claim.reason for claim in law_claims(rows)] == [True, False]
    alike = ladder({W8A8: 0.55, W4A3: 0.57}, FULL)
    assert all(claim.passed for claim in law_claims(alike))


def test_accuracy_claims() -> None:
    def score(point: Any, mean: float) -> Score:
        return Score(set="digits", point=point, mean=mean, interval=(mean - 0.01, mean), seeds=(mean,), images=2000)

    good = [score(W8A8, 0.989), score(W4A3, 0.986), score(W2A2, 0.93)]
    assert all(claim.passed for claim in accuracy_claims(good))
    bad = [score(W8A8, 0.989), score(W4A3, 0.982), score(W2A2, 0.97)]
    assert not any(claim.passed for claim in accuracy_claims(bad))
    assert [claim.paper for claim in accuracy_claims(good)] == [98.82, None, None]
    clothes = [replace(item, set="fashion") for item in (*bad, score(W4A4, 0.985))]
    lost = next(accuracy_claims(clothes))
    assert not lost.passed
    assert "W4A4 loses 0.4, the fourth bit of activations the other 0.3" in lost.reason
    narrower = {(W8A8, "cell sigma"): 20.0, (W4A3, "cell sigma"): 15.0}
    assert [claim.passed for claim in limit_claims(narrower)] == [False]
    assert list(limit_claims({**narrower, (W4A3, "cell sigma"): None})) == []


def test_published_pairs_imply_the_shares_of_the_reading() -> None:
    """1 - s r = 1 / g: 84.1 % from (79 %, 2.98), 24.6 % from (53 %, 1.15)."""
    assert calibrated_share(0.79, 2.98) == pytest.approx(0.841, abs=5e-4)
    assert calibrated_share(0.53, 1.15) == pytest.approx(0.246, abs=5e-4)


def test_practical_bits_and_limits_by_hand() -> None:
    def row(bits: int, accuracy: float, kind: str = "saturating") -> Resolution:
        return Resolution(
            set="digits", point=W4A3, kind=kind, bits=bits, accuracy=accuracy, interval=(0, 1), agreement=1.0,
            lossless=0.985, images=2000,
        )  # fmt: skip

    rows = [row(11, 0.985), row(10, 0.984), row(9, 0.9835), row(8, 0.985), row(11, 0.98, "truncating")]
    assert practical(rows, W4A3, "saturating") == 10
    assert practical(rows, W4A3, "truncating") == 11

    def point(value: float, accuracy: float) -> FlawPoint:
        return FlawPoint(
            set="digits", point=W4A3, flaw="cell sigma", unit="%", value=value, bits=6, accuracy=accuracy,
            chips=(accuracy,), images=100,
        )  # fmt: skip

    assert limit([point(0, 0.98), point(5, 0.976), point(10, 0.964)]) == pytest.approx(7.5)
    assert limit([point(0, 0.98), point(5, 0.976)]) is None


@pytest.mark.parametrize("point", POINTS)
def test_every_point_has_a_chip_and_a_recipe(point: Any) -> None:
    chip = point.hardware().model
    assert (chip.precision.weight_bits, chip.precision.input_bits) == (point.weights, point.activations)
    assert (chip.ima.cell.bits, chip.ima.adc.bits) == (point.weights, point.weights + 7)
    assert chip.precision.encoding == "differential"
    pictures = material("digits", GRAPH, Request(quick=True))
    check_recipe(quantized_recipe(Plan(seeds=1, float_epochs=2, epochs=1), pictures, 0, point))


def arrays(train: int = 6, test: int = 4, seed: int = 0) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    found = {}
    for part, count in (("train", train), ("test", test)):
        found[f"x_{part}"] = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
        found[f"y_{part}"] = rng.integers(0, 10, count).astype(np.uint8)
    return found


def idx(values: Array) -> bytes:
    head = struct.pack(">BBBB", 0, 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.tobytes()


NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


def test_full_sets_are_read_in_every_form(tmp_path: Path) -> None:
    digits, fashion = arrays(seed=1), arrays(seed=2)
    (tmp_path / "deep").mkdir()
    (tmp_path / "Fashion-MNIST").mkdir()
    for key, name in NAMES.items():
        (tmp_path / "deep" / f"{name}.gz").write_bytes(gzip.compress(idx(digits[key])))
        (tmp_path / "Fashion-MNIST" / name.replace("-idx", ".idx")).write_bytes(idx(fashion[key]))
    single = tmp_path / "one" / "any.npz"
    single.parent.mkdir()
    np.savez(single, **digits)
    for name, wanted, data in (
        ("digits", digits, tmp_path),
        ("fashion", fashion, tmp_path),
        ("digits", digits, single),
    ):
        found = full_set(name, Request(data=data))
        assert found is not None
        for key in NAMES:
            np.testing.assert_array_equal(found[key], wanted[key])
    assert full_set("fashion", Request(data=single)) is None
    whole = material("digits", GRAPH, Request(data=tmp_path))
    assert whole.full
    assert (len(whole.train), len(whole.test)) == (6, 4)
    np.testing.assert_array_equal(whole.data.pixels()[..., 0], digits["x_test"])
    assert whole.test.labels is not None
    np.testing.assert_array_equal(whole.test.labels, digits["y_test"])
    np.savez(tmp_path / "mnist.npz", **arrays(train=20000))
    large = material("digits", GRAPH, Request(data=tmp_path))
    assert (epochs(40, whole), epochs(40, large), epochs(1, large)) == (40, 32, 1)


def test_what_is_wrong_with_a_full_set_is_said(tmp_path: Path) -> None:
    assert full_set("digits", Request(data=tmp_path)) is None
    assert full_set("digits", Request()) is None
    (tmp_path / NAMES["x_train"]).write_bytes(idx(arrays()["x_train"]))
    with pytest.raises(InputError, match=r"holds a part of the full digits; expected also train-labels-idx1-ubyte"):
        full_set("digits", Request(data=tmp_path))
    for content, what in ((b"\0\0\x0d\x01", "no idx file of bytes"), (idx(np.zeros(5, np.uint8))[:-1], "has 4 values")):
        (tmp_path / "broken").write_bytes(content)
        with pytest.raises(InputError, match=what):
            read_idx(tmp_path / "broken")
    bad = tmp_path / "bad.npz"
    for change, what in (
        ({"x_train": np.zeros((6, 20, 20), np.uint8)}, r"expected uint8 \[N, 28, 28\]"),
        ({"y_test": np.full(4, 11)}, "classes 0 to 9"),
    ):
        np.savez(bad, **{**arrays(), **change})
        with pytest.raises(InputError, match=what):
            full_set("digits", Request(data=bad))
    np.savez(bad, x=np.zeros(3))
    with pytest.raises(InputError, match=r"holds x; expected x_train"):
        full_set("digits", Request(data=bad))
    bad.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"cannot be read as an .npz archive"):
        full_set("digits", Request(data=bad))
