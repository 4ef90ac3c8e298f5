"""From a network, pictures and a recipe to a trained network with ranges: what `archsim train` and studies call."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from archsim import __version__
from archsim.config.suggest import did_you_mean
from archsim.errors import InputError, Problem
from archsim.files import write_whole
from archsim.function.quantization.calibrate import Ranges, calibrate
from archsim.training.arithmetic import Arithmetic
from archsim.training.checkpoint import Epoch, Run, fingerprint
from archsim.training.chunks import Job
from archsim.training.digital import (
    FloatArithmetic,
    IntegerArithmetic,
    QuantizedArithmetic,
    calibration_images,
    spread_pixels,
)
from archsim.training.export import write_onnx, write_sidecar
from archsim.training.insitu.arithmetic import in_situ
from archsim.training.insitu.record import Record, write_record
from archsim.training.loop import SAVE_SECONDS, Checkpointing, Progress, train
from archsim.training.model import Model, Norms, State, initial_state, trainable, trained_graph, without_biases
from archsim.training.pictures import Pictures
from archsim.training.prepared import check_quantizable
from archsim.training.quantizers import Scheme, scheme_of
from archsim.training.recipe import Recipe, check_recipe
from archsim.training.scales import check_integer, integer_pixels, integer_scheme, is_integer
from archsim.workload import Graph, Preprocessing, TrainedOperands, workload_hash
from archsim.workload.graph import Conv, Linear


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trained:
    """A trained network: `graph` with float weights (batch norms folded), the ranges of its stored tensors, how they
    were found, and the history. `quantized` says whether the weights were trained for these ranges; `record` is what
    in-situ training wrote."""

    graph: Graph
    preprocessing: Preprocessing
    ranges: Ranges
    calibration: str
    history: tuple[Epoch, ...]
    quantized: bool
    record: Record | None = None

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
    return _trained(job, run, pictures)


def _job(
    graph: Graph, pictures: Pictures, test: Pictures | None, recipe: Recipe, batch_norm: bool, teacher: Graph | None
) -> Job:
    """What to train, after every check; calibrates where the recipe quantizes."""
    check_recipe(recipe)
    _check_request(graph, pictures, recipe, batch_norm, teacher)
    norms: Norms = "none" if not batch_norm else "convolutions" if recipe.insitu is None else "hidden"
    model = trainable(graph, norms=norms)
    _check_labels(model.classes, pictures, test)
    taught = None if teacher is None else _teacher(teacher, model)
    return Job(recipe=recipe, arithmetic=_arithmetic(model, recipe, pictures), teacher=taught)


def _arithmetic(model: Model, recipe: Recipe, pictures: Pictures) -> Arithmetic[Any]:
    """The arithmetic that a recipe asks for; calibrates where it quantizes."""
    preprocessing, settings = pictures.preprocessing, recipe.quantization
    if recipe.insitu is not None:
        return in_situ(model, recipe, preprocessing)
    if settings is None:
        return FloatArithmetic(model=model, recipe=recipe, preprocessing=preprocessing)
    check_quantizable(model)
    start = without_biases(model, initial_state(model, recipe.seed), settings.bias)
    scheme = _scheme(model, start, pictures, recipe)
    if is_integer(settings):
        preprocessing = integer_pixels(preprocessing, settings.activation_bits)
        return IntegerArithmetic(model=model, recipe=recipe, preprocessing=preprocessing, scheme=scheme)
    return QuantizedArithmetic(model=model, recipe=recipe, preprocessing=preprocessing, scheme=scheme)


def _check_request(graph: Graph, pictures: Pictures, recipe: Recipe, batch_norm: bool, teacher: Graph | None) -> None:
    problems = []
    if recipe.quantization is not None and batch_norm:
        what = "trains batch norms, which a quantized network has no place for; train the float network first"
        problems.append(Problem("batch_norm", what))
    if recipe.insitu is not None and graph.weights != "none":
        what = "comes with weights, and cells start from drawn ones; expected start: seeded"
        problems.append(Problem(f"workload {graph.name}", what))
    weighted = {layer.name for layer in graph.layers if isinstance(layer.op, Conv | Linear)}
    for name in recipe.gradients.sign_bias:
        if name not in weighted:
            what = f"is no convolution or fully connected layer of {graph.name}{did_you_mean(name, weighted)}"
            problems.append(Problem(f"gradients.sign_bias.{name}", what))
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


def _scheme(model: Model, state: State, pictures: Pictures, recipe: Recipe) -> Scheme:
    assert recipe.quantization is not None
    settings = recipe.quantization
    if is_integer(settings):
        check_integer(model, pictures.preprocessing)
        prepared = integer_pixels(pictures.preprocessing, settings.activation_bits)
        return integer_scheme(model, state, settings, prepared, spread_pixels(pictures, settings.images))
    graph = trained_graph(model, state)
    ranges = calibrate(
        graph, [calibration_images(pictures, settings.images)], method=settings.calibration, origin="training"
    )
    return scheme_of(graph, ranges, settings, pictures.preprocessing)


def _key(
    graph: Graph, pictures: Pictures, test: Pictures | None, recipe: Recipe, batch_norm: bool, teacher: Graph | None
) -> str:
    held = [part for item in (pictures, test) if item is not None for part in (item.pixels, item.labels)]
    taught = None if teacher is None else workload_hash(teacher)
    prepared = (pictures.preprocessing.mean, pictures.preprocessing.scale)
    return fingerprint(__version__, workload_hash(graph), taught, recipe, batch_norm, prepared, *held)


def _trained(job: Job, run: Run, pictures: Pictures) -> Trained:
    exported = job.arithmetic.export(run.state, run.slots, pictures)
    wanted = job.recipe.quantization
    operands = None
    if wanted is not None and exported.quantized:
        operands = TrainedOperands(
            weight_bits=wanted.weight_bits, activation_bits=wanted.activation_bits, weights=wanted.weights
        )
    return Trained(
        graph=exported.graph,
        preprocessing=replace(job.arithmetic.preprocessing, trained=operands),
        ranges=exported.ranges,
        calibration=exported.calibration,
        history=tuple(run.history),
        quantized=exported.quantized,
        record=exported.record,
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
    """Write the network (`write_network`), `history.csv` and `training.json`, of in-situ training also `writes.csv` and
    `conductances.csv`; returns the ONNX file's path."""
    path = write_network(trained, folder, name)
    write_whole(folder / "history.csv", _history(trained.history).encode())
    if trained.record is not None:
        write_record(trained.record, folder)
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
