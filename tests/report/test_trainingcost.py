"""What `archsim train-cost` prints and returns."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from archsim.cli import costing  # noqa: F401
from archsim.cli.group import cli
from archsim.errors import InputError

WORDS = ["train-cost", "insitu-32nm", "lenet5"]


def run(*words: str) -> str:
    done = CliRunner().invoke(cli, [*WORDS, *words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_the_report_names_phases_components_and_storage() -> None:
    text = run("--batch", "20", "--wide")
    for words in (
        "Phases of a batch of 20 images",
        "gradient_adc",
        "transposed_adc",
        "gradient sums, largest layer alone",
        "Training lenet5 on insitu-32nm ",
        "of it the update rule (beyond sgd)",
        "operations: 2 for each product",
    ):
        assert words in text


def test_short_options_are_overrides() -> None:
    short = json.loads(run("--batch", "20", "--dataflow", "naive_b", "--rule", "sgd", "--json"))
    settings = ("training.batch=20", "training.dataflow.name=naive_b", "training.update.rule=sgd")
    long = json.loads(run(*[word for setting in settings for word in ("--set", setting)], "--json"))
    assert short == long
    assert short["dataflow"] == "naive_b"
    assert short["rule"] == "sgd"
    assert short["batch"] == 20


def test_bad_names_are_explained() -> None:
    with pytest.raises(InputError, match="did you mean 'naive'"):
        run("--dataflow", "nave")
