"""Training studies in YAML, and `archsim train`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from archsim.errors import InputError
from archsim.report.training import described
from archsim.training.document import read_study
from archsim.training.loop import Progress
from archsim.training.optimizers import Optimizer, Schedule
from archsim.training.pictures import Augmentation
from archsim.training.quantizers import Quantization
from archsim.training.recipe import Distillation
from archsim.training.study import run_study
from archsim.workload import load_workload
from tests.command import Run, command_in

SMALL = "workload: lenet5\ndata: digits\nlimit: 200\nepochs: 1\noptimizer: {name: adam, learning_rate: 0.001}\n"


def written(tmp_path: Path, text: str, name: str = "study.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_study(written(tmp_path, text))
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `archsim train` in an empty directory."""
    return partial(command_in(tmp_path, monkeypatch, capsys), "train")


def test_every_field_arrives(tmp_path: Path) -> None:
    study = read_study(
        written(
            tmp_path,
            """
name: w4a3
description: "all fields"
workload: lenet5-mnist
start: seeded
data: digits:train
test: digits:test
limit: 500
epochs: 20
batch: 32
loss: sse
batch_norm: false
optimizer: {name: adam, learning_rate: 1e-3, momentum: 0.8, beta1: 0.8, beta2: 99 %, weight_decay: 0.1}
schedule: {name: step, warmup: 0.5, at: [10, 15], factor: 0.2}
augmentation: {shift: 2, mirror: true, fill: 9}
quantization:
  {weight_bits: 4, activation_bits: 3, weights: per_tensor, activations: learned, calibration: p99.9, images: 64}
distillation: {teacher: lenet5-mnist, temperature: 2, share: 0.5}
seed: 7
output: runs/w4a3
""",
        )
    )
    assert (study.name, study.workload, study.start, study.data, study.test) == (
        "w4a3", "lenet5-mnist", "seeded", "digits:train", "digits:test",
    )  # fmt: skip
    assert (study.limit, study.batch_norm, study.teacher, study.output) == (500, False, "lenet5-mnist", "runs/w4a3")
    recipe = study.recipe
    assert (recipe.epochs, recipe.batch, recipe.loss, recipe.seed) == (20, 32, "sse", 7)
    assert recipe.optimizer == Optimizer(
        name="adam", learning_rate=1e-3, momentum=0.8, beta1=0.8, beta2=0.99, weight_decay=0.1
    )
    assert recipe.schedule == Schedule(name="step", warmup=0.5, at=(10, 15), factor=0.2)
    assert recipe.augmentation == Augmentation(shift=2, mirror=True, fill=9)
    assert recipe.quantization == Quantization(
        weight_bits=4, activation_bits=3, weights="per_tensor", activations="learned", calibration="p99.9", images=64
    )
    assert recipe.distillation == Distillation(temperature=2, share=0.5)


def test_all_problems_at_once_with_their_lines(tmp_path: Path) -> None:
    found = problems(tmp_path, "data: digits\nepochs: 1e3\noptimiser: {name: adam}\nbatch: 0\nloss: l2\nseed: -1\n")
    assert len(found) == 6
    text = "\n".join(found)
    for said in (
        "study.yaml:2: epochs:", "did you mean 'optimizer'", "study.yaml:4: batch:", "cross_entropy | sse",
        "study.yaml:6: seed:", "workload: is missing",
    ):  # fmt: skip
        assert said in text
    text = "\n".join(
        problems(
            tmp_path,
            "workload: lenet5\ndata: digits\nepochs: 3\nschedule:\n  warmup: 3\nquantization:\n  weights: per_chanel\n"
            "  calibration: max\n",
        )
    )
    for said in ("study.yaml:5: schedule.warmup", "study.yaml:7: quantization.weights", "per_channel", "study.yaml:8:"):
        assert said in text
    assert "is no mapping" in problems(tmp_path, "- 3\n")[0]


def test_what_a_study_names_is_checked_together(tmp_path: Path) -> None:
    study = read_study(
        written(
            tmp_path,
            "name: a/b\nworkload: lenet5\ndata: digit\ntest: fashon\nepochs: 1\ndistillation: {teacher: lenet9}\n",
        )
    )
    with pytest.raises(InputError) as caught:
        run_study(study)
    text = str(caught.value)
    for said in (
        "output: is missing",
        "'a/b' cannot name a file",
        "did you mean 'digits'",
        "did you mean 'fashion'",
        "lenet9",
    ):
        assert said in text
    taken = written(tmp_path, "x", "taken")
    with pytest.raises(InputError, match="is not a directory"):
        run_study(read_study(written(tmp_path, SMALL)), output=str(taken))


def test_train_command(train: Run, tmp_path: Path) -> None:
    written(tmp_path, SMALL + "output: out\n")
    done = train("study.yaml", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["network"] == str(Path("out") / "study.onnx")
    assert found["epochs"] == 1
    assert 0.05 < found["test_accuracy"] < 1
    assert done.stderr.startswith("epoch 1/1, loss ")
    assert load_workload(tmp_path / "out" / "study.onnx").structure() == load_workload("lenet5").structure()
    again = train("study.yaml", "--threads", "1")
    assert again.returncode == 0
    assert again.stderr == ""  # nothing was left to train
    assert "1 epochs, " in again.stdout
    other = written(tmp_path, SMALL + "seed: 1\noutput: out\n", "study.yaml")
    refused = train(other)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "belongs to another training" in refused.stderr


@pytest.mark.parametrize("words", [["missing.yaml"], ["."], ["study.yaml", "--threads", "0"], []])
def test_wrong_words_end_in_two_without_a_traceback(train: Run, words: list[str]) -> None:
    done = train(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr


def test_progress_in_words() -> None:
    state = Progress(
        done=5, total=20, epoch=2, epochs=4, loss=0.25, accuracy=0.9, test_accuracy=None, seconds_left=3725.4
    )
    assert described(state) == "epoch 2/4, loss 0.2500, accuracy 90.00%, 1:02:05 left"
