"""From graph to pipeline: which layers are stages of the machine, which ride along, which are only wiring.

A *stage* produces one output position (a *window*) at a time. Convolutions and fully connected layers are crossbar
stages; pools, residual adds, products, softmax and normalisations are digital stages. An activation or a scale that
follows its only producer rides along in that stage. Concatenation, slicing, padding, reshaping and channel
permutation move no data of their own: they become the way a stage's sources line up (`archsim.mapping.wiring`).

Where pictures arrive over the chip's links, each input and each output of the network is a stage of the host, whose
windows are the rows of its map.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from archsim.errors import InputError, Problem
from archsim.mapping.wiring import Source, Wires, channels, positions, wiring
from archsim.workload.graph import (
    Activation,
    Add,
    Affine,
    Conv,
    GlobalPool,
    Graph,
    Input,
    Layer,
    Linear,
    Pool,
    Shape,
)

__all__ = ["Source", "Stage", "build_stages", "channels", "positions", "window_positions"]


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
    port: Literal["", "input", "output"] = ""
    """Of the host's stages, whether it sends an input of the network or takes an output."""

    @property
    def kind(self) -> str:
        """`conv`, `depthwise`, `linear`, the digital operation's name, or the host's port."""
        op = self.layer.op
        if self.port:
            return self.port
        if isinstance(op, Conv) and op.groups > 1:
            return "depthwise" if op.groups == op.out else "grouped_conv"
        return op.function if isinstance(op, Activation) else op.kind

    @property
    def on_crossbars(self) -> bool:
        """Whether the stage multiplies on crossbars."""
        return not self.port and isinstance(self.layer.op, Conv | Linear)

    @property
    def shape(self) -> Shape:
        """Shape of the layer's output, per image."""
        return self.layer.shape

    @property
    def windows(self) -> int:
        """Output positions per image; of the host, rows."""
        rows, _ = positions(self.shape)
        return rows * self.row_windows

    @property
    def row_windows(self) -> int:
        """Windows of a row of the map."""
        return 1 if self.port else positions(self.shape)[1]

    @property
    def values_out(self) -> int:
        """Values that a window sends on."""
        if self.port == "output":
            return 0
        return channels(self.shape) * (positions(self.shape)[1] if self.port else 1)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All sources, operand by operand."""
        return tuple(source for operand in self.operands for source in operand)

    @property
    def tensor(self) -> str:
        """Name of the layer whose output the stage writes."""
        return self.fused[-1].name if self.fused else self.layer.name


def build_stages(graph: Graph, *, ports: bool = False) -> tuple[Stage, ...]:
    """Stages of a network in topological order; with `ports`, those of the host too: inputs where they stand, outputs
    at the end."""
    consumers = graph.consumers()
    origin: dict[str, Wires] = {}
    stages: dict[str, Stage] = {}
    for layer in graph.layers:
        if isinstance(layer.op, Input):
            read = ports and bool(consumers[layer.name])
            if read:
                stages[layer.name] = _port(layer.name, layer, "input", ())
            origin[layer.name] = Wires.of(layer.name if read else None, layer.shape)
            continue
        wired = wiring(layer, graph, origin)
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
            operands=tuple(origin[name].sources for name in layer.inputs),
            operand_shapes=tuple(graph[name].shape for name in layer.inputs),
        )
        origin[layer.name] = Wires.of(layer.name, layer.shape)
    if not any(stage.on_crossbars for stage in stages.values()):
        problem = "has no convolution or fully connected layer, so there is nothing to map on crossbars"
        raise InputError([Problem(f"workload {graph.name}", problem)])
    if ports:
        for name in graph.outputs:
            leaving = _port(f"{name} (out)", graph[name], "output", origin[name].sources)
            stages[leaving.name] = leaving
    return _with_residuals(stages, graph)


def _port(name: str, layer: Layer, port: Literal["input", "output"], sources: tuple[Source, ...]) -> Stage:
    operands, shapes = ((sources,), (layer.shape,)) if sources else ((), ())
    return Stage(name=name, layer=layer, fused=(), operands=operands, operand_shapes=shapes, port=port)


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
    return bool(readers) and all(isinstance(reader.layer.op, Add) and not reader.port for reader in readers)


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


def window_positions(stage: Stage) -> int:
    """Positions of each operand that one window of a digital stage reads."""
    op = stage.layer.op
    if stage.port:
        return 1
    if isinstance(op, Pool):
        return op.kernel[0] * op.kernel[1]
    if isinstance(op, GlobalPool):
        rows, columns = positions(stage.operand_shapes[0])
        return rows * columns
    return 1
