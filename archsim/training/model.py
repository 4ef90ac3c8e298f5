"""What is trained: a graph, the layers of it that are batch norms, and its state as named float32 arrays.

State names are `<layer>.weight` and `<layer>.bias`, for batch norms also `<layer>.mean` and `<layer>.variance` (running
statistics, followed and not trained), and `<tensor>.step` (logarithm of a learned quantization step).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError, Problem
from archsim.function.quantization.quantize import logit_layer
from archsim.training.ops import EPSILON
from archsim.workload import Graph, Layer, Parameters, seeded_weights
from archsim.workload.fold import fold_affine, prune
from archsim.workload.graph import Activation, Add, Affine, Concat, Conv, GlobalPool, Input, Linear, Op, Pool, Reshape

Array = NDArray[Any]
State = dict[str, Array]
Norms = Literal["none", "convolutions", "hidden"]
"""Which layers get a batch norm: none, convolutions, or all with weights but that of the logits."""

TRAINABLE = (Input, Conv, Linear, Affine, Activation, Pool, GlobalPool, Add, Concat, Reshape)
FUNCTIONS = ("relu", "clip")
STATISTICS = (".mean", ".variance")
"""Endings of state that is followed, not trained."""

FOLLOW = 0.1
"""Weight of a new batch in the running statistics of a batch norm."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Model:
    """A trainable network. `graph` ends in its logits, a vector; `norms` names the `Affine` layers trained as batch
    norms; `learns` the layers whose gradient is needed (all but what depends on the input alone)."""

    graph: Graph
    norms: frozenset[str]
    learns: frozenset[str]

    @property
    def logits(self) -> str:
        """The layer that predictions are read from."""
        return self.graph.outputs[0]

    @property
    def classes(self) -> int:
        """Number of logits."""
        return self.graph[self.logits].size


def trainable(graph: Graph, *, batch_norm: bool = False, norms: Norms = "none") -> Model:
    """The trainable form of a network: its softmax left out, and a batch norm behind the layers that `norms` names
    (`trained_graph` folds it away again); `batch_norm` is short for convolutions.

    Raises
    ------
    InputError
        Every layer that cannot be trained; more than one input; logits that are no vector.
    """
    where = f"workload {graph.name}"
    known = ", ".join(op.__name__.lower() for op in TRAINABLE)
    kept = prune(replace(graph, outputs=(logit_layer(graph),), chosen=None))
    problems = [
        Problem(f"{where}, layer {layer.name}", f"{_said(layer.op)} cannot be trained; trainable are {known}")
        for layer in kept.layers
        if not _supported(layer.op)
    ]
    if len(kept.inputs()) != 1 or len(kept.inputs()[0].shape) not in (1, 3):
        problems.append(Problem(where, "expected one input, a picture or a vector"))
    logits = kept[kept.outputs[0]]
    if len(logits.shape) != 1:
        problems.append(
            Problem(f"{where}, layer {logits.name}", f"has shape {logits.shape}; expected one logit a class")
        )
    if problems:
        raise InputError(problems)
    which: Norms = "convolutions" if batch_norm else norms
    kept, named = _with_norms(kept, which)
    learns: set[str] = set()
    for layer in kept.layers:
        if isinstance(layer.op, Conv | Linear | Affine) or learns.intersection(layer.inputs):
            learns.add(layer.name)
    return Model(graph=kept, norms=named, learns=frozenset(learns))


def _supported(op: Op) -> bool:
    if isinstance(op, Activation):
        return op.function in FUNCTIONS
    return isinstance(op, TRAINABLE) and not (isinstance(op, Concat) and op.axis != 0)


def _said(op: Op) -> str:
    return op.function if isinstance(op, Activation) else op.kind


def _with_norms(graph: Graph, which: Norms) -> tuple[Graph, frozenset[str]]:
    """The graph with an `Affine` behind every layer that `which` means, and the names of these."""
    renamed: dict[str, str] = {}
    layers: list[Layer] = []
    taken = set(graph.by_name)
    for layer in graph.layers:
        layers.append(replace(layer, inputs=tuple(renamed.get(name, name) for name in layer.inputs)))
        if _normed(layer, graph.outputs[0], which):
            name = f"{layer.name}.norm"
            while name in taken:
                name += "_"
            taken.add(name)
            layers.append(Layer(name=name, op=Affine(), inputs=(layer.name,), shape=layer.shape))
            renamed[layer.name] = name
    outputs = tuple(renamed.get(name, name) for name in graph.outputs)
    return replace(graph, layers=tuple(layers), outputs=outputs), frozenset(renamed.values())


def _normed(layer: Layer, logits: str, which: Norms) -> bool:
    if which == "hidden":
        return isinstance(layer.op, Conv | Linear) and layer.name != logits
    return which == "convolutions" and isinstance(layer.op, Conv)


def initial_state(model: Model, seed: int) -> State:
    """Weights the network comes with, else drawn from `seed` (`archsim.workload.seeded_weights`); batch norms start as
    the identity on standardised data."""
    graph = model.graph
    if graph.weights == "none":
        graph = seeded_weights(graph, seed)
    state: State = {}
    normed = {layer.inputs[0] for layer in graph.layers if layer.name in model.norms}
    for layer in graph.layers:
        if layer.name in model.norms:
            for part, value in (("weight", 1), ("bias", 0), ("mean", 0), ("variance", 1)):
                state[f"{layer.name}.{part}"] = np.full(layer.shape[0], value, np.float32)
        elif isinstance(layer.op, Conv | Linear | Affine):
            found = graph.parameters[layer.name]
            state[f"{layer.name}.weight"] = np.array(found.weight, np.float32)
            if layer.name not in normed:  # a batch norm takes any bias away again
                bias = np.zeros(len(found.weight)) if found.bias is None else found.bias
                state[f"{layer.name}.bias"] = np.array(bias, np.float32)
    return state


def without_biases(model: Model, state: State, which: str) -> State:
    """The state without the biases that a network trained with biases of `which` layers (all, hidden, none) lacks."""
    gone = {f"{model.logits}.bias"} if which == "hidden" else {name for name in state if name.endswith(".bias")}
    return state if which == "all" else {name: value for name, value in state.items() if name not in gone}


def parameters_of(model: Model, state: Mapping[str, Array]) -> dict[str, Parameters]:
    """Parameters by layer as the graph defines them: batch norms as scale and shift from their running statistics."""
    found: dict[str, Parameters] = {}
    for layer in model.graph.layers:
        name = layer.name
        if f"{name}.weight" not in state:
            continue
        weight, bias = state[f"{name}.weight"], state.get(f"{name}.bias")
        if name in model.norms:
            mean, variance = (state[name + ending].astype(np.float64) for ending in STATISTICS)
            scale = weight / np.sqrt(variance + EPSILON)
            assert bias is not None
            weight, bias = scale.astype(np.float32), (bias - scale * mean).astype(np.float32)
        found[name] = Parameters(weight.copy(), None if bias is None else bias.copy())
    return found


def trained_graph(model: Model, state: Mapping[str, Array]) -> Graph:
    """The network with its trained weights, batch norms folded into the convolutions."""
    return fold_affine(model.graph.with_parameters(parameters_of(model, state), "file"))


def limit_latents(state: State, binary: bool) -> None:
    """Keep the real numbers behind weights that are signs within -1 .. 1, in place (Courbariaux, Bengio and David,
    NeurIPS 2015, section 2.4): beyond it they would only take longer to change their sign."""
    for name, value in state.items():
        if binary and name.endswith(".weight"):
            np.clip(value, -1, 1, out=value)


def follow_statistics(state: State, name: str, mean: Array, variance: Array, count: int) -> None:
    """Move the running statistics of batch norm `name` towards those of a batch of `count` values a channel (variance
    biased; the running one is not)."""
    unbiased = variance * count / max(1, count - 1)
    for ending, value in zip(STATISTICS, (mean, unbiased), strict=True):
        held = state[name + ending]
        held += np.float32(FOLLOW) * (value.astype(np.float32) - held)
