"""The arithmetic of a training: how a network computes, how its weights change, and what is handed on in the end.

One protocol, four implementations: float, quantization-aware and integer training (`archsim.training.digital`) and
training on analog synapses (`archsim.training.insitu.arithmetic`). The loop knows none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from numpy.typing import NDArray

from archsim.function.quantization.calibrate import Ranges
from archsim.training.floating import Forward
from archsim.training.model import Model, State
from archsim.training.optimizers import Slots
from archsim.training.pictures import Pictures
from archsim.training.tape import Chunk
from archsim.workload import Graph, Preprocessing

if TYPE_CHECKING:
    from archsim.training.insitu.record import Record

Array = NDArray[Any]
Prepared = TypeVar("Prepared")


class Key(NamedTuple):
    """What random numbers of a chunk's forward and backward pass are drawn from: the recipe's seed, updates done before
    this one, and the chunk's place in its batch."""

    seed: int
    update: int
    chunk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When an update happens: updates done with it (from 1), whether it is an epoch's first, the share of the run that
    is over (0 to below 1), and the rate of `Arithmetic.rate`."""

    update: int
    starts_epoch: bool
    progress: float
    rate: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Exported:
    """What a training leaves: the network with float weights, the ranges of its stored tensors, how these came about,
    whether the weights were trained for them, and of in-situ training what was written."""

    graph: Graph
    ranges: Ranges
    calibration: str
    quantized: bool
    record: Record | None = None


class Arithmetic(Protocol[Prepared]):
    """How a network trains. Everything that changes is in `state` and `slots`, named arrays that checkpoints keep;
    equal arguments give equal bytes, on any number of threads."""

    @property
    def model(self) -> Model:
        """What is trained."""

    @property
    def preprocessing(self) -> Preprocessing:
        """How pixels become the network's inputs."""

    def start(self) -> State:
        """State before the first update."""

    def prepare(self, state: Mapping[str, Array]) -> Prepared:
        """The state made ready for a batch."""

    def forward(self, prepared: Prepared, pixels: Array, batch: int, key: Key) -> Chunk[Forward]:
        """Logits, tape and statistics of a chunk of pixels uint8 [n, C, H, W] of a batch of `batch` images."""

    def predict(self, prepared: Prepared, pixels: Array) -> Array:
        """Logits [classes, n] of pixels uint8 [n, C, H, W], as the trained network will compute them."""

    def rate(self, epoch: float, epochs: int) -> float:
        """What is reported as the learning rate after `epoch` of `epochs` epochs."""

    def update(
        self, state: State, slots: Slots, gradients: Mapping[str, Array], moment: Moment, pool: Executor | None
    ) -> None:
        """One update by the gradients of a batch's mean loss, in place."""

    def export(self, state: Mapping[str, Array], slots: Mapping[str, Array], pictures: Pictures) -> Exported:
        """What is handed on, with ranges found on training pictures where training did not find them."""
