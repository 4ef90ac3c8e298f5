"""Trainings whose weights are numbers in digital memory: float, quantization-aware, and integer."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.quantization.calibrate import Ranges, calibrate
from archsim.training import floating, integers
from archsim.training.arithmetic import Exported, Key, Moment
from archsim.training.floating import Forward
from archsim.training.gradients import shaped
from archsim.training.model import Model, State, initial_state, limit_latents, trained_graph, without_biases
from archsim.training.optimizers import Slots, rate_factor, update
from archsim.training.pictures import Pictures, normalised
from archsim.training.prepared import Prepared, prepare, rounded_graph
from archsim.training.quantizers import Scheme
from archsim.training.recipe import Recipe
from archsim.training.scales import signed_graph
from archsim.training.tape import Chunk, Entry
from archsim.workload import Graph, Preprocessing

Array = NDArray[Any]

CALIBRATION_IMAGES = 1000
"""Training pictures that the ranges of a float network are found on."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FloatArithmetic:
    """float32 throughout."""

    model: Model
    recipe: Recipe
    preprocessing: Preprocessing

    def start(self) -> State:
        """As `initial_state`."""
        return initial_state(self.model, self.recipe.seed)

    def prepare(self, state: Mapping[str, Array]) -> Mapping[str, Array]:
        """The state itself."""
        return state

    def forward(self, prepared: Mapping[str, Array], pixels: Array, batch: int, _key: Key) -> Chunk[Forward]:
        """As `floating.forward`."""
        return floating.forward(self.model, prepared, normalised(pixels, self.preprocessing), batch)

    def predict(self, prepared: Mapping[str, Array], pixels: Array) -> Array:
        """As `floating.predict`."""
        return floating.predict(self.model, prepared, normalised(pixels, self.preprocessing))

    def rate(self, epoch: float, epochs: int) -> float:
        """The schedule's."""
        return scheduled_rate(self.recipe, epoch, epochs)

    def update(
        self, state: State, slots: Slots, gradients: Mapping[str, Array], moment: Moment, _pool: Executor | None
    ) -> None:
        """The recipe's optimizer."""
        descend(self.recipe, state, slots, gradients, moment)

    def export(self, state: Mapping[str, Array], _slots: Mapping[str, Array], pictures: Pictures) -> Exported:
        """Ranges are those of the float network."""
        graph = trained_graph(self.model, state)
        return Exported(
            graph=graph,
            ranges=calibrate(graph, [calibration_images(pictures, CALIBRATION_IMAGES)]),
            calibration=f"minimum and maximum over {min(CALIBRATION_IMAGES, len(pictures))} training pictures, "
            "float network",
            quantized=False,
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class QuantizedArithmetic:
    """The integers of the crossbars forward, straight-through gradients on the float weights behind them."""

    model: Model
    recipe: Recipe
    preprocessing: Preprocessing
    scheme: Scheme

    def start(self) -> State:
        """With the learned steps; without the biases that the scheme leaves out."""
        state = initial_state(self.model, self.recipe.seed)
        return without_biases(self.model, state, self.scheme.settings.bias) | self.scheme.initial_steps()

    def prepare(self, state: Mapping[str, Array]) -> Prepared:
        """Weights quantized."""
        return prepare(self.model, self.scheme, state)

    def forward(self, prepared: Prepared, pixels: Array, _batch: int, _key: Key) -> Chunk[Forward]:
        """As `integers.forward`; nothing depends on the rest of the batch."""
        logits, tape = self._run(prepared, pixels)
        return Forward(logits=logits, tape=tape, statistics={})
        yield  # a generator, as every chunk

    def predict(self, prepared: Prepared, pixels: Array) -> Array:
        """As inference computes them."""
        return self._run(prepared, pixels)[0]

    def _run(self, prepared: Prepared, pixels: Array) -> tuple[Array, list[Entry]]:
        x = normalised(pixels, self.preprocessing)
        logits, _, tape = integers.forward(prepared, integers.input_codes(prepared.network, pixels, x))
        return logits, tape

    def rate(self, epoch: float, epochs: int) -> float:
        """The schedule's."""
        return scheduled_rate(self.recipe, epoch, epochs)

    def update(
        self, state: State, slots: Slots, gradients: Mapping[str, Array], moment: Moment, _pool: Executor | None
    ) -> None:
        """The recipe's optimizer, on the weights behind the integers."""
        descend(self.recipe, state, slots, gradients, moment, self.scheme.shifts)
        limit_latents(state, self.scheme.settings.weights == "binary")

    def export(self, state: Mapping[str, Array], _slots: Mapping[str, Array], _pictures: Pictures) -> Exported:
        """Ranges are those that training used."""
        graph = trained_graph(self.model, state)
        calibration = f"quantization-aware training, {self.bits}, steps {self.scheme.settings.activations}"
        if self.scheme.settings.levels is not None:
            graph = rounded_graph(graph, self.prepare(state))
            calibration += f", {self.scheme.settings.levels.quantizer} levels"
        return self.exported(graph, state, calibration)

    def exported(self, graph: Graph, state: Mapping[str, Array], calibration: str) -> Exported:
        """A network for these ranges."""
        ranges = Ranges(values=MappingProxyType(self.scheme.current_ranges(state)), origin="trained")
        return Exported(graph=graph, ranges=ranges, calibration=calibration, quantized=True)

    @property
    def bits(self) -> str:
        """Widths in words."""
        settings = self.scheme.settings
        return f"{settings.weight_bits}-bit weights, {settings.activation_bits}-bit activations"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class IntegerArithmetic(QuantizedArithmetic):
    """Signs and shifts: as quantized, but stored integers are the real values, and the weights handed on are signs."""

    def export(self, state: Mapping[str, Array], _slots: Mapping[str, Array], _pictures: Pictures) -> Exported:
        """Weights are the signs times their layer's power of two."""
        graph = trained_graph(self.model, state)
        calibration = f"integer training, {self.bits}, shifts found on training pictures"
        return self.exported(signed_graph(graph, self.scheme.network(graph, state)), state, calibration)


def scheduled_rate(recipe: Recipe, epoch: float, epochs: int) -> float:
    """Learning rate after `epoch` of `epochs` epochs."""
    return recipe.optimizer.learning_rate * rate_factor(recipe.schedule, epoch, epochs)


def descend(
    recipe: Recipe,
    state: State,
    slots: Slots,
    gradients: Mapping[str, Array],
    moment: Moment,
    shifts: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Shape the gradients as the recipe says and let its optimizer take them, in place. `shifts` is k by layer where
    weights are signs times 2**-k."""
    wanted = shaped(recipe.gradients, gradients, shifts, recipe.seed, moment.update)
    update(recipe.optimizer, state, wanted, slots, moment.rate, moment.update)


def calibration_images(pictures: Pictures, most: int) -> Array:
    """Up to `most` pictures spread evenly over the set, normalised [n, C, H, W]."""
    return np.ascontiguousarray(normalised(spread_pixels(pictures, most), pictures.preprocessing).swapaxes(0, 1))


def spread_pixels(pictures: Pictures, most: int) -> Array:
    """Pixels uint8 [n, C, H, W] of up to `most` pictures spread evenly over the set."""
    count = min(most, len(pictures))
    return np.asarray(pictures.pixels[np.arange(count) * len(pictures) // count])
