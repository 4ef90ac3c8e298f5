"""From graph to pipeline: which layers are stages of the machine, which ride along, which are only wiring.

A *stage* produces one output position (a *window*) at a time. Convolutions and fully connected layers are crossbar
stages; pools, residual adds, products, softmax and normalisations are digital stages. An activation or a scale that
follows its only producer rides along in that stage. Concatenation, slicing, padding, reshaping and channel
permutation move no data of their own: they become the way a stage's sources line up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from archsim.errors import InputError, Problem
from archsim.workload.graph import (
    Activation,
    Add,
    Affine,
    Concat,
    Conv,
    GlobalPool,
    Graph,
    Input,
    Layer,
    Linear,
    Pad,
    Pool,
    Reshape,
    Shape,
    Slice,
    Transpose,
)


def positions(shape: Shape) -> tuple[int, int]:
    """Rows and columns of the map a shape stands for; vectors are one position."""
    return (shape[-2], shape[-1]) if len(shape) >= 3 else (1, 1)


def channels(shape: Shape) -> int:
    """Values per position."""
    rows, columns = positions(shape)
    size = 1
    for extent in shape:
        size *= extent
    return size // (rows * columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Data a stage reads: `stage` produces it (None: the network's input). When `aligned`, position (y, x) of the
    tensor is position (y - top, x - left) of the producer; otherwise a window may need all of it. `values` are the
    values per position that are read, `residual` is the producer's (`Stage.residual`)."""

    stage: str | None
    aligned: bool
    values: int
    top: int = 0
    left: int = 0
    residual: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage: `layer` defines windows and work, `fused` ride along, `tensor` is the layer whose output leaves the
    stage."""

    name: str
    layer: Layer
    fused: tuple[Layer, ...]
    operands: tuple[tuple[Source, ...], ...]
    """For each input of the layer, where its data come from (several when a concatenation feeds it)."""
    operand_shapes: tuple[Shape, ...]
    residual: bool = False
    """Whether only residual adds read its output: it may then be stored wider than what drives crossbars."""

    @property
    def kind(self) -> str:
        """`conv`, `depthwise`, `linear`, or the digital operation's name."""
        op = self.layer.op
        if isinstance(op, Conv) and op.groups > 1:
            return "depthwise" if op.groups == op.out else "grouped_conv"
        return op.function if isinstance(op, Activation) else op.kind

    @property
    def on_crossbars(self) -> bool:
        """Whether the stage multiplies on crossbars."""
        return isinstance(self.layer.op, Conv | Linear)

    @property
    def shape(self) -> Shape:
        """Shape of the layer's output, per image."""
        return self.layer.shape

    @property
    def windows(self) -> int:
        """Output positions per image."""
        rows, columns = positions(self.shape)
        return rows * columns

    @property
    def values_out(self) -> int:
        """Values per window."""
        return channels(self.shape)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All sources, operand by operand."""
        return tuple(source for operand in self.operands for source in operand)

    @property
    def tensor(self) -> str:
        """Name of the layer whose output the stage writes."""
        return self.fused[-1].name if self.fused else self.layer.name


def build_stages(graph: Graph) -> tuple[Stage, ...]:
    """Stages of a network in topological order."""
    consumers = graph.consumers()
    origin: dict[str, tuple[Source, ...]] = {}
    stages: dict[str, Stage] = {}
    for layer in graph.layers:
        if isinstance(layer.op, Input):
            origin[layer.name] = (Source(stage=None, aligned=True, values=channels(layer.shape)),)
            continue
        wired = _wiring(layer, graph, origin)
        if wired is not None:
            origin[layer.name] = wired
            continue
        host = _fusion_host(layer, graph, stages, consumers)
        if host is not None:
            stages[host.name] = replace(host, fused=(*host.fused, layer))
            origin[layer.name] = origin[layer.inputs[0]]
            continue
        stages[layer.name] = Stage(
            name=layer.name,
            layer=layer,
            fused=(),
            operands=tuple(origin[name] for name in layer.inputs),
            operand_shapes=tuple(graph[name].shape for name in layer.inputs),
        )
        origin[layer.name] = (Source(stage=layer.name, aligned=True, values=channels(layer.shape)),)
    if not any(stage.on_crossbars for stage in stages.values()):
        problem = "has no convolution or fully connected layer, so there is nothing to map on crossbars"
        raise InputError([Problem(f"workload {graph.name}", problem)])
    return _with_residuals(stages, graph)


def _with_residuals(stages: dict[str, Stage], graph: Graph) -> tuple[Stage, ...]:
    """The stages, with what only residual adds read marked at both ends."""
    readers = _readers(stages)
    marked = {
        stage.name for stage in stages.values() if stage.tensor not in graph.outputs and _only_adds(readers[stage.name])
    }

    def operand(sources: tuple[Source, ...]) -> tuple[Source, ...]:
        return tuple(replace(source, residual=source.stage in marked) for source in sources)

    return tuple(
        replace(stage, residual=stage.name in marked, operands=tuple(operand(sources) for sources in stage.operands))
        for stage in stages.values()
    )


def _readers(stages: dict[str, Stage]) -> dict[str, list[Stage]]:
    """Stages that read each stage's output."""
    readers: dict[str, list[Stage]] = {name: [] for name in stages}
    for stage in stages.values():
        for source in stage.sources:
            if source.stage is not None:
                readers[source.stage].append(stage)
    return readers


def _only_adds(readers: list[Stage]) -> bool:
    return bool(readers) and all(isinstance(reader.layer.op, Add) for reader in readers)


def _fusion_host(
    layer: Layer, graph: Graph, stages: dict[str, Stage], consumers: dict[str, list[Layer]]
) -> Stage | None:
    """The stage an element-wise layer rides along in: its only producer, when nobody else needs that producer's raw
    output."""
    if not isinstance(layer.op, Activation | Affine):
        return None
    source = layer.inputs[0]
    if len(consumers[source]) != 1 or source in graph.outputs:
        return None
    return next((stage for stage in stages.values() if stage.tensor == source), None)


def _wiring(layer: Layer, graph: Graph, origin: dict[str, tuple[Source, ...]]) -> tuple[Source, ...] | None:
    """Sources of a layer that only moves data, or None when the layer computes."""
    op = layer.op
    if isinstance(op, Concat):
        keeps = op.axis == 0 or positions(layer.shape) == (1, 1)
        return tuple(source if keeps else _whole(source) for name in layer.inputs for source in origin[name])
    if not isinstance(op, Slice | Pad | Reshape | Transpose):
        return None
    before, after = graph[layer.inputs[0]].shape, layer.shape
    sources = origin[layer.inputs[0]]
    if isinstance(op, Pad):
        top, left, _, _ = op.padding
        return tuple(replace(source, top=source.top + top, left=source.left + left) for source in sources)
    if isinstance(op, Transpose):
        rank = len(op.axes)
        keeps = rank >= 3 and op.axes[-2:] == (rank - 2, rank - 1)
    elif isinstance(op, Slice):
        keeps = len(before) >= 3 and op.axis < len(before) - 2
        if keeps:
            return _sliced(sources, channels(before), channels(after))
    else:
        keeps = positions(before) == positions(after) and (len(before) >= 3) == (len(after) >= 3)
    keeps = keeps or positions(before) == positions(after) == (1, 1)
    return sources if keeps else tuple(_whole(source) for source in sources)


def _sliced(sources: tuple[Source, ...], before: int, after: int) -> tuple[Source, ...]:
    """Sources of a channel slice. A slice of a concatenation reads every part: which channels fall where is not
    tracked."""
    if len(sources) == 1:
        return (replace(sources[0], values=after),)
    return tuple(replace(source, values=max(1, source.values * after // before)) for source in sources)


def _whole(source: Source) -> Source:
    return replace(source, aligned=False)


def window_positions(stage: Stage) -> int:
    """Positions of each operand that one window of a digital stage reads."""
    op = stage.layer.op
    if isinstance(op, Pool):
        return op.kernel[0] * op.kernel[1]
    if isinstance(op, GlobalPool):
        rows, columns = positions(stage.operand_shapes[0])
        return rows * columns
    return 1
