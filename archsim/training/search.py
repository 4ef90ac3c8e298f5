"""The output scale of integer training, searched: a short training for each, judged on pictures held out.

With squared errors against one-hot targets the scale 2**-k of the raw integer logits decides whether a network learns
at all, and no rule of thumb finds it. The search sees training pictures only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from json import dumps, loads
from pathlib import Path

import numpy as np

from archsim.errors import InputError, Problem
from archsim.files import write_whole
from archsim.training.checkpoint import fingerprint
from archsim.training.pictures import Pictures
from archsim.training.recipe import Recipe
from archsim.training.scales import is_integer
from archsim.training.session import train_network
from archsim.workload import Graph, workload_hash

_PURPOSE = 0x0575
"""Sets the draw of held-out pictures apart from all others drawn from a recipe's seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSearch:
    """Shifts `first` .. `last`, each trained for `epochs` on all pictures but the share `held_out`, which judges."""

    first: int = 1
    last: int = 8
    epochs: int = 2
    held_out: float = 0.125


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTrial:
    """One shift, and the share of held-out pictures that was right after the short training."""

    shift: int
    accuracy: float


def check_search(search: OutputSearch, recipe: Recipe) -> None:
    """Raise `InputError` with everything that is wrong with a search."""
    problems = []
    if recipe.quantization is None or not is_integer(recipe.quantization):
        problems.append(Problem("output_search", "needs quantization with activations: integer"))
    elif recipe.quantization.output_shift is not None:
        problems.append(
            Problem("output_search", "looks for what quantization.output_shift states; expected one of them")
        )
    if not -8 <= search.first <= search.last <= 24:
        what = f"goes from {search.first} to {search.last}; expected shifts from -8 to 24"
        problems.append(Problem("output_search", what))
    if not 0 < search.held_out < 1:
        problems.append(Problem("output_search.held_out", f"is {search.held_out:g}; expected a part between 0 and 1"))
    if recipe.schedule.warmup >= search.epochs and recipe.schedule.name == "cosine" and recipe.schedule.warmup:
        what = f"is {search.epochs}, all of which is warm-up ({recipe.schedule.warmup:g} epochs); expected more"
        problems.append(Problem("output_search.epochs", what))
    if problems:
        raise InputError(problems)


def search_output_shift(
    graph: Graph,
    pictures: Pictures,
    recipe: Recipe,
    search: OutputSearch,
    *,
    folder: Path | None = None,
    told: Callable[[OutputTrial], None] | None = None,
    threads: int | None = None,
) -> tuple[Recipe, tuple[OutputTrial, ...]]:
    """The recipe with the shift of the best trial (of equal ones the smallest), and all trials.

    Parameters
    ----------
    folder : where trials are kept (`output_shift.json`); those of the same search found there are not repeated.
    told : called after every trial.

    Raises
    ------
    InputError
        A search that does not fit the recipe, pictures without labels.
    """
    check_search(search, recipe)
    if pictures.labels is None:
        raise InputError("have no labels, so no trial could be judged", "training pictures")
    assert recipe.quantization is not None
    training, held = _parts(pictures, search.held_out, recipe.seed)
    key = fingerprint(workload_hash(graph), recipe, search, pictures.pixels, pictures.labels)
    path = None if folder is None else folder / "output_shift.json"
    trials = [] if path is None else _kept(path, key)
    for shift in range(search.first + len(trials), search.last + 1):
        settings = replace(recipe.quantization, output_shift=shift)
        short = replace(recipe, epochs=search.epochs, quantization=settings)
        accuracy = train_network(graph, training, short, test=held, threads=threads).test_accuracy
        assert accuracy is not None
        trials.append(OutputTrial(shift=shift, accuracy=accuracy))
        if path is not None:
            _keep(path, key, trials)
        if told is not None:
            told(trials[-1])
    best = max(trials, key=lambda trial: (trial.accuracy, -trial.shift))
    return replace(recipe, quantization=replace(recipe.quantization, output_shift=best.shift)), tuple(trials)


def _parts(pictures: Pictures, held_out: float, seed: int) -> tuple[Pictures, Pictures]:
    order = np.random.default_rng(np.random.SeedSequence((seed, _PURPOSE))).permutation(len(pictures))
    count = min(max(1, round(held_out * len(pictures))), len(pictures) - 1)
    assert pictures.labels is not None
    labels = pictures.labels
    held, rest = (replace(pictures, pixels=pictures.pixels[part], labels=labels[part])
                  for part in (order[:count], order[count:]))  # fmt: skip
    return rest, held


def _kept(path: Path, key: str) -> list[OutputTrial]:
    try:
        found = loads(path.read_text())
        return [OutputTrial(**trial) for trial in found["trials"]] if found["key"] == key else []
    except (OSError, ValueError, KeyError, TypeError):
        return []  # no such search, or a damaged one: it is repeated


def _keep(path: Path, key: str, trials: list[OutputTrial]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = dumps({"key": key, "trials": [asdict(trial) for trial in trials]}, indent=1)
    write_whole(path, (text + "\n").encode())
