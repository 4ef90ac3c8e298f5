"""In-situ training as an arithmetic of `archsim.training`: cells instead of weights, pulses instead of steps.

State: `<layer>.cells` float32 [groups * rows, columns] and what belongs to these arrays (`<layer>.devices`, `.levels`,
`.fast...`); batch norms are digital and without affine terms, their gain 1 and offset 0 are kept for the graph handed
on. Layers have no bias. Slots: what the rule keeps, and `<layer>:writes`, the sum of all counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import astuple, dataclass, fields
from hashlib import sha256
from math import log2, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.quantization.calibrate import calibrate
from archsim.function.unroll import geometry_of
from archsim.training import floating
from archsim.training.arithmetic import Exported, Key, Moment
from archsim.training.digital import CALIBRATION_IMAGES, calibration_images
from archsim.training.floating import Forward
from archsim.training.insitu.counts import WriteCounts
from archsim.training.insitu.devices import rounding_table, step_table
from archsim.training.insitu.layer import CellArray, LayerState, start_layer
from archsim.training.insitu.products import Matrix, activation_drive, picture_drive, product
from archsim.training.insitu.reads import Drive
from archsim.training.insitu.recipe import InSitu
from archsim.training.insitu.record import LayerRecord, Record, histogram
from archsim.training.insitu.rules import update
from archsim.training.insitu.settings import Step
from archsim.training.model import Model, State, trained_graph
from archsim.training.optimizers import Slots
from archsim.training.pictures import Pictures, normalised
from archsim.training.recipe import Recipe
from archsim.training.tape import Chunk, Entry
from archsim.workload import Preprocessing
from archsim.workload.graph import Activation, Add, Concat, Conv, GlobalPool, Input, Layer, Linear, Pool, Reshape

Array = NDArray[Any]

_PURPOSE = 0xE440
"""Sets the streams of error rounding apart from all others drawn from a recipe's seed."""
_START = 0x57A7
"""Those of the first weights."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Place:
    """A layer with weights: its number among them, groups, rows and columns of a group, power-of-two scale of its
    weights, and how its inputs are driven."""

    layer: Layer
    number: int
    groups: int
    rows: int
    columns: int
    scale: float
    drive: Drive

    @property
    def cells(self) -> str:
        """State name of its cells."""
        return f"{self.layer.name}.cells"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class InSituArithmetic:
    """Training on analog synapses (module docstring); made by `in_situ`."""

    model: Model
    recipe: Recipe
    preprocessing: Preprocessing
    settings: InSitu
    places: Mapping[str, Place]

    def start(self) -> State:
        """Cells uniform within the settings' initial range."""
        state: State = {}
        for name in self.model.norms:
            channels = self.model.graph[name].shape[0]
            for part, value in (("weight", 1), ("bias", 0), ("mean", 0), ("variance", 1)):
                state[f"{name}.{part}"] = np.full(channels, value, np.float32)
        bound, settings, seed = self.settings.initial, self.settings, self.recipe.seed
        for place in self.places.values():
            generator = np.random.default_rng(np.random.SeedSequence((seed, place.number, _START)))
            weights = generator.uniform(-bound, bound, (place.groups * place.rows, place.columns))
            layer = start_layer(weights, settings.device, settings.update, seed=seed, number=place.number)
            _store(state, {}, place, layer)
        return state

    def prepare(self, state: Mapping[str, Array]) -> Mapping[str, Array]:
        """The state itself."""
        return state

    def forward(self, prepared: Mapping[str, Array], pixels: Array, batch: int, key: Key) -> Chunk[Forward]:
        """Reads of the cells; batch norms with the batch's statistics."""

        def matrix(layer: Layer, _: Mapping[str, Array], x: Array, wants: bool) -> tuple[Array, Entry]:
            return product(self._matrix(prepared, layer), x, wants, lambda: stream_key(key, layer.name))

        x = normalised(pixels, self.preprocessing)
        return floating.forward(self.model, prepared, x, batch, matrix)

    def predict(self, prepared: Mapping[str, Array], pixels: Array) -> Array:
        """Reads of the cells; batch norms with their running statistics."""

        def matrix(layer: Layer, _: Mapping[str, Array], x: Array, wants: bool) -> tuple[Array, Entry]:
            return product(self._matrix(prepared, layer), x, wants, lambda: np.uint64(0))

        return floating.predict(self.model, prepared, normalised(pixels, self.preprocessing), matrix)

    def rate(self, epoch: float, epochs: int) -> float:
        """The pulse scale."""
        return self.settings.update.pulse_scale.at(epoch / epochs)

    def update(
        self, state: State, slots: Slots, gradients: Mapping[str, Array], moment: Moment, pool: Executor | None
    ) -> None:
        """The rule's pulses, layer by layer; writes are counted in the slots."""
        step = Step(number=moment.update - 1, starts_epoch=moment.starts_epoch, progress=moment.progress)
        for place in self.places.values():
            layer = _layer(state, slots, place, self.settings, self.recipe.seed)
            counts = update(layer, gradients[place.cells], step, pool)
            _store(state, slots, place, layer)
            total = slots.setdefault(f"{place.layer.name}:writes", np.zeros(len(fields(WriteCounts)), np.int64))
            total += np.array(astuple(counts), np.int64)

    def export(self, state: Mapping[str, Array], slots: Mapping[str, Array], pictures: Pictures) -> Exported:
        """The cells as float weights; ranges are those of the float network."""
        weights = {name: value for name, value in state.items() if name.rpartition(".")[0] in self.model.norms}
        for place in self.places.values():
            weights[f"{place.layer.name}.weight"] = self._weight(state, place)
        graph = trained_graph(self.model, weights)
        count = min(CALIBRATION_IMAGES, len(pictures))
        device, rule = self.settings.device, self.settings.update
        return Exported(
            graph=graph,
            ranges=calibrate(graph, [calibration_images(pictures, CALIBRATION_IMAGES)]),
            calibration=f"minimum and maximum over {count} training pictures; in-situ training, {rule.rule} in order "
            f"{rule.order}, {device.levels} levels",
            quantized=False,
            record=self.record(state, slots),
        )

    def record(self, state: Mapping[str, Array], slots: Mapping[str, Array]) -> Record:
        """What was written so far, and where the cells stand."""
        start, layers = self.start(), []
        for place in self.places.values():
            name, values = place.layer.name, state[place.cells]
            found = slots.get(f"{name}:writes")
            counts = WriteCounts() if found is None else WriteCounts(**dict(zip(_COUNTS, map(int, found), strict=True)))
            layers.append(
                LayerRecord(
                    layer=name,
                    weights=values.size,
                    counts=counts,
                    before=histogram(start[place.cells]),
                    after=histogram(values),
                )
            )
        return Record(layers=tuple(layers), on_off=self.settings.device.on_off)

    def _matrix(self, state: Mapping[str, Array], layer: Layer) -> Matrix:
        place = self.places[layer.name]
        cells = state[place.cells].reshape(place.groups, place.rows, place.columns)
        return Matrix(layer=layer, cells=cells, scale=place.scale, drive=place.drive, settings=self.settings)

    def _weight(self, state: Mapping[str, Array], place: Place) -> Array:
        """Real weights [out, in / groups, kh, kw] or [out, in]."""
        op = place.layer.op
        kernel = op.kernel if isinstance(op, Conv) else (1, 1)
        cells = state[place.cells].reshape(place.groups, *kernel, -1, place.columns) * np.float32(place.scale)
        weight = np.ascontiguousarray(cells.transpose(0, 4, 3, 1, 2))
        channels = weight.shape[2]
        return weight.reshape(-1, channels, *kernel) if isinstance(op, Conv) else weight.reshape(-1, channels)


_COUNTS = [item.name for item in fields(WriteCounts)]


def in_situ(model: Model, recipe: Recipe, preprocessing: Preprocessing) -> InSituArithmetic:
    """The arithmetic of a recipe with `insitu`."""
    settings = recipe.insitu
    assert settings is not None
    return InSituArithmetic(
        model=model,
        recipe=recipe,
        preprocessing=preprocessing,
        settings=settings,
        places=_places(model, preprocessing, settings),
    )


def stream_key(key: Key, layer: str) -> np.uint64:
    """Key of the numbers that round one layer's errors in one chunk."""
    name = int.from_bytes(sha256(layer.encode()).digest()[:8], "little")
    return np.uint64(np.random.SeedSequence([*key, name, _PURPOSE]).generate_state(1, np.uint64)[0])


def layer_scale(rows: int, initial: float) -> float:
    """Power of two that turns cells within -initial..initial into weights within about sqrt(3 / rows), which keep the
    size of their inputs (DNN+NeuroSim V2.1: 2^round(log2(largest weight / limit)), limit = sqrt(3 / fan-in))."""
    return 2.0 ** round(log2(sqrt(3 / rows) / initial))


def _places(model: Model, preprocessing: Preprocessing, settings: InSitu) -> dict[str, Place]:
    """Layers with weights by name, in order."""
    graph, found = model.graph, dict[str, Place]()
    picture = graph.inputs()[0].name
    mean, scale = (np.asarray(item, np.float64) for item in (preprocessing.mean, preprocessing.scale))
    low, high = float(((0 - mean) * scale).min()), float(((255 - mean) * scale).max())
    positive = _positive(model, low >= 0)
    seen = {picture}  # the picture and what only rearranges it
    for layer in graph.layers:
        if isinstance(layer.op, Reshape) and layer.inputs[0] in seen:
            seen.add(layer.name)
        if not isinstance(layer.op, Conv | Linear):
            continue
        source = layer.inputs[0]
        geometry = geometry_of(layer, graph[source].shape)
        drive = activation_drive(settings, source not in positive)
        found[layer.name] = Place(
            layer=layer,
            number=len(found),
            groups=geometry.groups,
            rows=geometry.rows,
            columns=geometry.columns,
            scale=layer_scale(geometry.rows, settings.initial),
            drive=picture_drive(settings, low, high) if source in seen else drive,
        )
    return found


def _positive(model: Model, pictures: bool) -> set[str]:
    """Tensors that cannot be negative."""
    found: set[str] = set()
    for layer in model.graph.layers:
        op = layer.op
        if isinstance(op, Input):
            keeps = pictures
        elif isinstance(op, Activation):
            keeps = op.function == "relu" or op.low >= 0
        else:
            keeps = isinstance(op, Pool | GlobalPool | Reshape | Concat | Add) and found.issuperset(layer.inputs)
        if keeps:
            found.add(layer.name)
    return found


def _store(state: State, slots: Slots, place: Place, layer: LayerState) -> None:
    """Everything that changes in a layer, by name; arrays that kernels change in place stay the same objects."""
    name = place.layer.name
    for prefix, array in (("", layer.array), ("fast_", layer.fast)):
        if array is None:
            continue
        state[f"{name}.{prefix}cells"] = array.weights
        state[f"{name}.{prefix}levels"] = np.array([array.levels], np.int64)
        if array.devices is not None:
            state[f"{name}.{prefix}devices"] = array.devices
    for held in [slot for slot in slots if slot.startswith(f"{name}:rule:")]:
        del slots[held]
    slots |= {f"{name}:rule:{slot}": value for slot, value in layer.slots.items()}


def _layer(
    state: Mapping[str, Array], slots: Mapping[str, Array], place: Place, settings: InSitu, seed: int
) -> LayerState:
    """The layer's state as updates take it, around the same arrays."""
    name, start = place.layer.name, f"{place.layer.name}:rule:"
    return LayerState(
        device=settings.device,
        settings=settings.update,
        array=_cells(state, f"{name}.", settings, rounded=settings.update.order == "v21"),
        seed=seed,
        number=place.number,
        slots={slot.removeprefix(start): value for slot, value in slots.items() if slot.startswith(start)},
        fast=_cells(state, f"{name}.fast_", settings) if f"{name}.fast_cells" in state else None,
    )


def _cells(state: Mapping[str, Array], name: str, settings: InSitu, rounded: bool = False) -> CellArray:
    device = settings.device
    return CellArray(
        weights=state[f"{name}cells"],
        devices=state.get(f"{name}devices"),
        wear=None,
        table=rounding_table(device) if rounded else step_table(device),
        limit=1 - device.level if settings.update.order == "v21" else 1.0,
        levels=int(state[f"{name}levels"][0]),
    )
