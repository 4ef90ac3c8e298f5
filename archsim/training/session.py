"""From a network, pictures and a recipe to a trained network with ranges: what `archsim train` and studies call."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from archsim import __version__
from archsim.errors import InputError, Problem
from archsim.files import write_whole
from archsim.function.calibrate import Ranges, calibrate
from archsim.training.checkpoint import Epoch, fingerprint
from archsim.training.chunks import Job
from archsim.training.export import write_onnx, write_sidecar
from archsim.training.loop import SAVE_SECONDS, Checkpointing, Progress, train
from archsim.training.model import Model, State, initial_state, trainable, trained_graph
from archsim.training.pictures import Pictures, normalised
from archsim.training.prepared import check_quantizable
from archsim.training.quantizers import Scheme, scheme_of
from archsim.training.recipe import Recipe, check_recipe
from archsim.workload import Graph, Preprocessing, workload_hash

CALIBRATION_IMAGES = 1000
"""Training pictures that the ranges of a float network are found on."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trained:
    """A trained network: `graph` with float weights (batch norms folded), the ranges of its stored tensors, how they
    were found, and the history. `quantized` says whether the weights were trained for these ranges."""

    graph: Graph
    preprocessing: Preprocessing
    ranges: Ranges
    calibration: str
    history: tuple[Epoch, ...]
    quantized: bool

    @property
    def test_accuracy(self) -> float | None:
        """Accuracy on the test pictures after the last epoch."""
        return self.history[-1].test_accuracy


def train_network(
    graph: Graph,
    pictures: Pictures,
    recipe: Recipe,
    *,
    batch_norm: bool = False,
    test: Pictures | None = None,
    teacher: Graph | None = None,
    folder: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    threads: int | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> Trained:
    """Train a network.

    Parameters
    ----------
    graph : with weights to start from, or without (drawn from the recipe's seed).
    pictures, test : training and test pictures.
    batch_norm : train a batch norm behind every convolution; they are folded away in the end.
    teacher : float network to distil from, with the recipe's `distillation`.
    folder : where checkpoints are kept; a run found there goes on.
    progress, threads : as `archsim.training.loop.train` takes them.
    save_seconds : time between checkpoints inside an epoch.

    Raises
    ------
    InputError
        A recipe, network or pictures that do not fit together, or a checkpoint of another training.
    """
    job = _job(graph, pictures, test, recipe, batch_norm, teacher)
    checkpointing = None
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        key = _key(graph, pictures, test, recipe, batch_norm, teacher)
        checkpointing = Checkpointing(path=folder / "checkpoint.npz", key=key, seconds=save_seconds)
    run = train(job, pictures, test=test, checkpointing=checkpointing, progress=progress, threads=threads)
    return _trained(job, run.state, tuple(run.history), pictures)


def _job(
    graph: Graph, pictures: Pictures, test: Pictures | None, recipe: Recipe, batch_norm: bool, teacher: Graph | None
) -> Job:
    """What to train, after every check; calibrates where the recipe quantizes."""
    check_recipe(recipe)
    _check_request(graph, pictures, recipe, batch_norm, teacher)
    model = trainable(graph, batch_norm=batch_norm)
    _check_labels(model.classes, pictures, test)
    scheme = None
    if recipe.quantization is not None:
        check_quantizable(model)
        scheme = _scheme(trained_graph(model, initial_state(model, recipe.seed)), pictures, recipe)
    taught = None if teacher is None else _teacher(teacher, model)
    return Job(model=model, recipe=recipe, preprocessing=pictures.preprocessing, scheme=scheme, teacher=taught)


def _check_request(graph: Graph, pictures: Pictures, recipe: Recipe, batch_norm: bool, teacher: Graph | None) -> None:
    problems = []
    if recipe.quantization is not None and batch_norm:
        what = "trains batch norms, which a quantized network has no place for; train the float network first"
        problems.append(Problem("batch_norm", what))
    if (recipe.distillation is None) != (teacher is None):
        problems.append(Problem("distillation", "needs a teacher and settings; one of them is missing"))
    if teacher is not None and teacher.weights == "none":
        problems.append(Problem(f"workload {teacher.name}", "has no weights, so it cannot be a teacher"))
    if (recipe.distillation is None or recipe.distillation.share < 1) and pictures.labels is None:
        problems.append(Problem("training pictures", "have no labels; expected labels, or distillation with share: 1"))
    inputs = graph.inputs()
    if len(inputs) == 1 and inputs[0].shape != pictures.pixels.shape[1:]:
        what = f"are {pictures.pixels.shape[1:]}, workload {graph.name} takes {inputs[0].shape}"
        problems.append(Problem("training pictures", what))
    if problems:
        raise InputError(problems)


def _check_labels(classes: int, pictures: Pictures, test: Pictures | None) -> None:
    for name, found in (("training", pictures), ("test", test)):
        labels = None if found is None else found.labels
        if labels is not None and not 0 <= labels.min() <= labels.max() < classes:
            what = f"have labels {labels.min()} to {labels.max()}; the network has {classes} classes"
            raise InputError(what, f"{name} pictures")


def _teacher(graph: Graph, student: Model) -> tuple[Model, State]:
    model = trainable(graph)
    if model.classes != student.classes or model.graph.inputs()[0].shape != student.graph.inputs()[0].shape:
        what = "takes other inputs or has other classes than its student"
        raise InputError(what, f"workload {graph.name}")
    return model, initial_state(model, 0)


def _calibration_images(pictures: Pictures, most: int) -> np.ndarray[Any, Any]:
    """Up to `most` pictures spread evenly over the set, normalised [n, C, H, W]."""
    count = min(most, len(pictures))
    chosen = np.arange(count) * len(pictures) // count
    return np.ascontiguousarray(normalised(pictures.pixels[chosen], pictures.preprocessing).swapaxes(0, 1))


def _scheme(graph: Graph, pictures: Pictures, recipe: Recipe) -> Scheme:
    assert recipe.quantization is not None
    settings = recipe.quantization
    images = _calibration_images(pictures, settings.images)
    ranges = calibrate(graph, [images], method=settings.calibration, origin="training")
    return scheme_of(graph, ranges, settings, pictures.preprocessing)


def _key(
    graph: Graph, pictures: Pictures, test: Pictures | None, recipe: Recipe, batch_norm: bool, teacher: Graph | None
) -> str:
    held = [part for item in (pictures, test) if item is not None for part in (item.pixels, item.labels)]
    taught = None if teacher is None else workload_hash(teacher)
    prepared = (pictures.preprocessing.mean, pictures.preprocessing.scale)
    return fingerprint(__version__, workload_hash(graph), taught, recipe, batch_norm, prepared, *held)


def _trained(job: Job, state: State, history: tuple[Epoch, ...], pictures: Pictures) -> Trained:
    graph = trained_graph(job.model, state)
    if job.scheme is None:
        images = _calibration_images(pictures, CALIBRATION_IMAGES)
        ranges = calibrate(graph, [images])
        calibration = f"minimum and maximum over {len(images)} training pictures, float network"
    else:
        ranges = Ranges(values=MappingProxyType(job.scheme.current_ranges(state)), origin="trained")
        settings = job.scheme.settings
        bits = f"{settings.weight_bits}-bit weights, {settings.activation_bits}-bit activations"
        calibration = f"quantization-aware training, {bits}, steps {settings.activations}"
    return Trained(
        graph=graph,
        preprocessing=pictures.preprocessing,
        ranges=ranges,
        calibration=calibration,
        history=history,
        quantized=job.scheme is not None,
    )


def write_network(trained: Trained, folder: Path, name: str) -> Path:
    """Write `<name>.onnx` and `<name>.inputs.yaml`; returns the ONNX file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.onnx"
    write_onnx(replace(trained.graph, name=name), path)
    title = f"How {path.name} wants its pictures"
    sidecar = folder / f"{name}.inputs.yaml"
    write_sidecar(sidecar, trained.preprocessing, trained.ranges, title=title, calibration=trained.calibration)
    return path


def save_trained(trained: Trained, folder: Path, name: str, recipe: Recipe) -> Path:
    """Write the network (`write_network`), `history.csv` and `training.json`; returns the ONNX file's path."""
    path = write_network(trained, folder, name)
    write_whole(folder / "history.csv", _history(trained.history).encode())
    summary = {
        "archsim_version": __version__,
        "network": path.name,
        "test_accuracy": trained.test_accuracy,
        "calibration": trained.calibration,
        "recipe": asdict(recipe),
    }
    write_whole(folder / "training.json", (json.dumps(summary, indent=1, allow_nan=False) + "\n").encode())
    return path


def _history(history: tuple[Epoch, ...]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [item.name for item in fields(Epoch)]
    writer.writerow(names)
    writer.writerows(["" if getattr(line, name) is None else getattr(line, name) for name in names] for line in history)
    return text.getvalue()
