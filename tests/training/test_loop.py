"""Training runs: they learn, they are reproducible, and being killed changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archsim.errors import InputError, SimulationError
from archsim.function.inference.infer import infer
from archsim.function.quantization.network import Pixels
from archsim.function.quantization.quantize import quantize
from archsim.training import (
    Augmentation,
    Distillation,
    Optimizer,
    Quantization,
    Recipe,
    Schedule,
    Trained,
    save_trained,
    train_network,
)
from archsim.training.loop import Progress
from archsim.training.pictures import Pictures, normalised
from archsim.workload import Graph

from .nets import GRAY, RGB, blobs, residual, sequential

FLOAT = Recipe(
    epochs=3, batch=40, optimizer=Optimizer(name="adam", learning_rate=3e-3), augmentation=Augmentation(shift=1)
)
QUANTIZED = replace(FLOAT, epochs=2, quantization=Quantization(weight_bits=4, activation_bits=4, activations="learned"))
CASES = {
    "float": (sequential(None), GRAY, FLOAT, False),
    "norms": (residual(None), RGB, replace(FLOAT, optimizer=Optimizer(learning_rate=0.02)), True),
    "quantized": (residual(), RGB, QUANTIZED, False),
}


class Killed(Exception):
    """Stands for the end of the process."""


def bytes_of(trained: Trained) -> dict[str, bytes]:
    found = {name: part.weight.tobytes() for name, part in trained.graph.parameters.items()}
    found |= {
        f"{name} bias": part.bias.tobytes() for name, part in trained.graph.parameters.items() if part.bias is not None
    }
    return found | {"ranges": repr(dict(trained.ranges.values)).encode(), "history": repr(trained.history).encode()}


def pictures_for(graph: Graph, preprocessing: object, count: int, seed: int) -> Pictures:
    return blobs(count, preprocessing, graph[graph.outputs[0]].size, seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES)
def test_a_run_killed_anywhere_ends_with_the_same_bytes(case: str, tmp_path: Path) -> None:
    graph, preprocessing, recipe, norms = CASES[case]
    pictures, test = (pictures_for(graph, preprocessing, count, seed) for count, seed in ((100, 1), (40, 2)))

    def run(folder: Path | None, kill_after: int | None = None, threads: int = 1) -> Trained:
        seen = 0

        def told(state: Progress) -> None:
            nonlocal seen
            seen += 1
            if seen == kill_after:
                raise Killed

        return train_network(
            graph, pictures, recipe, batch_norm=norms, test=test, folder=folder, progress=told, threads=threads,
            save_seconds=0,
        )  # fmt: skip

    whole = bytes_of(run(None))
    for kill_after in (1, 2, 3, 5):  # inside an epoch, at its last batch, in the next one
        folder = tmp_path / str(kill_after)
        with pytest.raises(Killed):
            run(folder, kill_after)
        assert bytes_of(run(folder, threads=2)) == whole
    assert bytes_of(run(folder)) == whole  # finished: nothing is left to do
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint.npz"]


def test_checkpoints_of_other_trainings_are_refused(tmp_path: Path) -> None:
    graph, pictures = sequential(None), blobs(50, GRAY, 5)
    once = replace(FLOAT, epochs=1)
    train_network(graph, pictures, once, folder=tmp_path)
    for other in (replace(once, seed=1), replace(once, epochs=2)):
        with pytest.raises(InputError, match="belongs to another training"):
            train_network(graph, pictures, other, folder=tmp_path)
    with pytest.raises(InputError, match="belongs to another training"):
        train_network(graph, blobs(50, GRAY, 5, seed=9), once, folder=tmp_path)
    path = tmp_path / "checkpoint.npz"
    for damage in (path.read_bytes()[:-200], b"", b"nothing"):
        path.write_bytes(damage)
        with pytest.raises(InputError, match="is no checkpoint, or a damaged one"):
            train_network(graph, pictures, once, folder=tmp_path)


def test_a_really_killed_process_goes_on(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(
        "name: net\nworkload: lenet5\ndata: digits\ntest: digits:test\nlimit: 600\nepochs: 4\n"
        "optimizer: {name: adam, learning_rate: 0.002}\naugmentation: {shift: 2}\n"
    )
    command = "from archsim.cli import main; main()"
    held = (  # cannot finish before it is killed, however late that comes
        "import time; from archsim.training import loop; save = loop.save_run\n"
        "def until_last(path, run, key):\n"
        "    while run.epoch == 4: time.sleep(0.01)\n"
        "    save(path, run, key)\n"
        f"loop.save_run = until_last; {command}"
    )

    def start(folder: str, code: str = command) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-c", code, "train", str(study), "-o", str(tmp_path / folder)]
        return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    checkpoint = tmp_path / "killed" / "checkpoint.npz"
    process = start("killed", held)
    limit = time.monotonic() + 600
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert checkpoint.exists()
    assert not (tmp_path / "killed" / "net.onnx").exists()
    for folder in ("killed", "whole"):
        assert start(folder).wait() == 0
    for name in ("net.onnx", "net.inputs.yaml", "history.csv", "training.json", "checkpoint.npz"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


@pytest.mark.parametrize("case", CASES)
def test_training_learns(case: str, tmp_path: Path) -> None:
    graph, preprocessing, recipe, norms = CASES[case]
    longer = replace(recipe, epochs=12, schedule=Schedule(warmup=1))
    pictures, test = (pictures_for(graph, preprocessing, count, seed) for count, seed in ((600, 1), (200, 2)))
    trained = train_network(graph, pictures, longer, batch_norm=norms, test=test)
    assert trained.history[-1].loss < 0.5 * trained.history[0].loss
    assert trained.test_accuracy is not None
    assert trained.test_accuracy > (0.75 if trained.quantized else 0.9)  # chance is 0.2 and 0.25
    assert trained.history[-1].learning_rate < 0.02 * longer.optimizer.learning_rate
    if trained.quantized:
        settings = longer.quantization
        assert settings is not None
        pixels = Pixels(mean=preprocessing.mean, scale=preprocessing.scale)
        network = quantize(trained.graph, trained.ranges, precision=settings.precision, pixels=pixels)
        assert network.pixels is None  # four bits are too few for pixels
        x = np.ascontiguousarray(normalised(test.pixels, preprocessing).swapaxes(0, 1))
        predictions = infer(network, x).predictions
        assert (predictions == test.labels).mean() == trained.test_accuracy


def test_a_student_follows_its_teacher_without_labels() -> None:
    pictures, test = blobs(400, GRAY, 5, seed=1), blobs(200, GRAY, 5, seed=2)
    teacher = train_network(sequential(None), pictures, replace(FLOAT, epochs=8), test=test)
    bare = replace(pictures, labels=None)
    recipe = replace(
        FLOAT,
        epochs=8,
        quantization=Quantization(weight_bits=3, activation_bits=4),
        distillation=Distillation(temperature=2),
    )
    student = train_network(teacher.graph, bare, recipe, test=test, teacher=teacher.graph)
    assert student.history[-1].accuracy is None
    assert student.history[-1].loss < student.history[0].loss
    assert student.test_accuracy is not None
    assert teacher.test_accuracy is not None
    assert student.test_accuracy > 0.8 * teacher.test_accuracy


def test_a_diverging_run_says_so() -> None:
    wild = replace(FLOAT, optimizer=Optimizer(learning_rate=1000.0))
    with pytest.raises(SimulationError, match="a lower learning rate may help"):
        train_network(sequential(None), blobs(100, GRAY, 5), replace(wild, epochs=20, loss="sse"))


def test_everything_wrong_with_a_recipe_is_said_at_once() -> None:
    recipe = Recipe(
        epochs=0,
        loss="l1",
        optimizer=Optimizer(name="adan", momentum=1.0),
        quantization=Quantization(weight_bits=1, weights="per_chanel"),
    )
    with pytest.raises(InputError) as caught:
        train_network(sequential(), blobs(5, GRAY, 5), recipe)
    text = str(caught.value)
    for said in (
        "epochs: is 0",
        "'l1' is unknown",
        "did you mean 'adam'",
        "momentum: is 1",
        "weight_bits: is 1",
        "per_channel",
    ):
        assert said in text


def test_requests_that_do_not_fit() -> None:
    pictures = blobs(5, GRAY, 5)
    once = replace(FLOAT, epochs=1)
    quantized = replace(once, quantization=Quantization())
    with pytest.raises(InputError, match="batch_norm: trains batch norms"):
        train_network(sequential(), pictures, quantized, batch_norm=True)
    with pytest.raises(InputError, match="distillation: needs a teacher"):
        train_network(sequential(), pictures, once, teacher=sequential())
    with pytest.raises(InputError, match="cannot be a teacher"):
        train_network(sequential(), pictures, replace(once, distillation=Distillation()), teacher=sequential(None))
    with pytest.raises(InputError, match="takes other inputs or has other classes than its student"):
        train_network(sequential(), pictures, replace(once, distillation=Distillation()), teacher=residual())
    with pytest.raises(InputError, match="have no labels"):
        train_network(sequential(), replace(pictures, labels=None), once)
    with pytest.raises(InputError, match=r"are \(1, 10, 10\), workload small takes \(3, 8, 8\)"):
        train_network(residual(), pictures, once)
    with pytest.raises(InputError, match="labels 0 to 7; the network has 5 classes"):
        train_network(sequential(), replace(pictures, labels=np.array([0, 1, 2, 3, 7])), once)


def test_progress_counts_up(tmp_path: Path) -> None:
    told: list[Progress] = []
    pictures = blobs(100, GRAY, 5)
    trained = train_network(sequential(None), pictures, FLOAT, test=pictures, progress=told.append, folder=tmp_path)
    assert [state.done for state in told] == list(range(1, 10))
    assert {state.total for state in told} == {9}
    assert [state.epoch for state in told] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert told[-1].seconds_left == 0
    assert told[2].loss == pytest.approx(trained.history[0].loss)
    assert told[2].test_accuracy == trained.history[0].test_accuracy
    assert told[0].test_accuracy is None
    path = save_trained(trained, tmp_path / "out", "net", FLOAT)
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "history.csv", "net.inputs.yaml", "net.onnx", "training.json",
    ]  # fmt: skip
    assert len((path.parent / "history.csv").read_text().splitlines()) == 4
