"""The block `search:` of a study."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field

from archsim.config.blocks import Model
from archsim.config.suggest import excerpt
from archsim.config.types import Whole
from archsim.workload.yamlfields import Parsed

Trials = Annotated[int, Whole(1, 1_000_000)]
Batch = Annotated[int, Whole(1, 10_000)]
Population = Annotated[int, Whole(2, 10_000)]
Seed = Annotated[int, Whole(0, 2**63 - 1)]
Repetitions = Annotated[int, Whole(1, 1_000)]
_TEXTS = {"type": "array", "items": {"type": "string", "minLength": 1}}


def _texts(example: str) -> Callable[[object], list[str]]:
    def parse(value: object) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise ValueError(f"is no list of text; expected such as [{example}]")
        return value

    return parse


def _values(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError("is no block; expected lines such as 'area_m2: 100 mm2'")
    for metric, bound in value.items():
        if not isinstance(bound, str):
            raise ValueError(f"{excerpt(metric)} has no single value; expected such as 'area_m2: 100 mm2'")
    return value


Objectives = Annotated[
    list[str], Parsed(_texts("energy_per_image_j, latency_s, max accuracy"), {**_TEXTS, "minItems": 1})
]
Constraints = Annotated[list[str], Parsed(_texts('"area_m2 <= 100 mm2"'), _TEXTS)]
Corner = Annotated[dict[str, str], Parsed(_values, {"type": "object", "additionalProperties": {"type": "string"}})]


class SearchBlock(Model):
    """What `archsim search` does in the space of the study; `archsim sweep` runs the space as it is."""

    objectives: Objectives
    constraints: Constraints = Field(default_factory=list)
    trials: Trials = 200
    batch: Batch = 10
    sampler: Literal["nsga2", "tpe", "random"] = "tpe"
    population: Population = 20
    seed: Seed = 0
    scale: Literal["linear", "log"] = "linear"
    reference: Corner = Field(default_factory=dict)
    against: Literal["none", "random"] = "none"
    repetitions: Repetitions = 5
