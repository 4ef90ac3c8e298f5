"""A training study carried out: networks and pictures by name, one run, its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from archsim.errors import InputError, Problem
from archsim.training.document import TrainingStudy, unusable_name
from archsim.training.loop import Progress
from archsim.training.pictures import Pictures, decode
from archsim.training.search import OutputTrial, search_output_shift
from archsim.training.session import Trained, save_trained, train_network
from archsim.workload import DATASETS, Graph, Preprocessing, load_data, load_workload, preprocessing_for

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StudyOutcome:
    """A study's trained network and the file it was written to."""

    trained: Trained
    path: Path


def run_study(
    study: TrainingStudy,
    *,
    output: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    searched: Callable[[OutputTrial], None] | None = None,
    threads: int | None = None,
) -> StudyOutcome:
    """Train as a study says and write the network, its sidecar, the history and the checkpoint into the output folder.

    A run whose checkpoint lies there goes on. Raises `InputError` with everything that can be found wrong at once:
    the network, the teacher, the pictures, the folder.
    """
    problems: list[Problem] = []
    folder = output or study.output
    if folder is None:
        problems.append(Problem("output", "is missing; expected a folder in the file, or -o DIR"))
    elif Path(folder).exists() and not Path(folder).is_dir():
        problems.append(Problem(folder, "exists and is not a directory"))
    bad = unusable_name(study.name)
    problems += [] if bad is None else [bad]
    graph = _collected(problems, lambda: _network(study))
    teacher = None if study.teacher is None else _collected(problems, lambda: load_workload(study.teacher or ""))
    pictures = test = None
    if graph is not None:
        prepared = _collected(problems, lambda: preprocessing_for(graph.path or study.workload, graph))
        if prepared is not None:
            pictures, test = _pictures(study, graph, prepared, problems)
    if problems or graph is None or pictures is None or folder is None:
        raise InputError(problems)
    try:
        recipe = study.recipe
        if study.search is not None:
            recipe, _ = search_output_shift(
                graph, pictures, recipe, study.search, folder=Path(folder), told=searched, threads=threads
            )
        trained = train_network(
            graph, pictures, recipe, batch_norm=study.batch_norm, test=test, teacher=teacher,
            folder=Path(folder), progress=progress, threads=threads,
        )  # fmt: skip
        path = save_trained(trained, Path(folder), study.name, recipe)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", folder) from None
    return StudyOutcome(trained=trained, path=path)


def _collected(problems: list[Problem], load: Callable[[], Outcome]) -> Outcome | None:
    """What `load` gives, or None after adding its problems."""
    try:
        return load()
    except InputError as error:
        problems += error.problems
        return None


def _network(study: TrainingStudy) -> Graph:
    graph = load_workload(study.workload)
    return graph.with_parameters({}, "none") if study.start == "seeded" else graph


def _pictures(
    study: TrainingStudy, graph: Graph, prepared: Preprocessing, problems: list[Problem]
) -> tuple[Pictures | None, Pictures | None]:
    classes = graph.classes
    distillation = study.recipe.distillation
    labelled = distillation is None or distillation.share < 1
    data, test = _parts(study)

    def load(name: str, limit: int | None, needs_labels: bool) -> Pictures:
        return decode(load_data(name, prepared, limit=limit, classes=classes), labelled=needs_labels)

    training = _collected(problems, lambda: load(data, study.limit, labelled))
    tested = None if test is None else _collected(problems, lambda: load(test, None, True))
    return training, tested


def _parts(study: TrainingStudy) -> tuple[str, str | None]:
    """Names of the training and test sets: a shipped set in two parts stands for both of them."""
    entry = DATASETS.get(study.data)
    if entry is None or not entry.split:
        return study.data, study.test
    return f"{study.data}:train", study.test or f"{study.data}:test"
