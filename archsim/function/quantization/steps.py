"""From graph to steps: what the machine computes between two tensors it stores.

A step is one operation and the element-wise layers that ride along before its result is stored;
`archsim.mapping.stages` fuses by the same rule (a test compares them). Wiring (concatenation, slices, reshapes, ...)
and max pooling keep the integers they are given, so the tensors they join share one format; what only the host reads
(the network's outputs, a final softmax) is read out at accumulator precision.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from archsim.workload.graph import (
    Activation,
    Add,
    Affine,
    Concat,
    GlobalPool,
    Graph,
    Input,
    Layer,
    Pad,
    Pool,
    Reshape,
    Slice,
    Softmax,
    Transpose,
)

WIRING = (Concat, Slice, Pad, Reshape, Transpose)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operation `layer` with the element-wise layers `fused` behind it. `inputs` names the tensors it reads."""

    layer: Layer
    fused: tuple[Layer, ...] = ()

    @property
    def tensor(self) -> str:
        """Name of the tensor the step leaves: its last layer's."""
        return self.fused[-1].name if self.fused else self.layer.name

    @property
    def inputs(self) -> tuple[str, ...]:
        """Tensors the step reads."""
        return self.layer.inputs

    @property
    def is_wiring(self) -> bool:
        """Whether the step only moves values."""
        return isinstance(self.layer.op, WIRING)

    @property
    def keeps_integers(self) -> bool:
        """Whether the output holds integers of the inputs, unchanged."""
        op = self.layer.op
        selects = isinstance(op, Pool | GlobalPool) and op.function == "max" and not self.fused
        return self.is_wiring or selects


def plan_steps(graph: Graph) -> tuple[Step, ...]:
    """Steps of a network, inputs left out, ordered by where their tensor stands in the graph.

    An activation or a per-channel scale rides along with its producer when nobody else reads the producer's raw output.
    """
    consumers = graph.consumers()
    hosts: dict[str, Step] = {}
    for layer in graph.layers:
        if isinstance(layer.op, Input):
            continue
        source = layer.inputs[0]
        host = hosts.get(source)
        alone = len(consumers[source]) == 1 and source not in graph.outputs
        if isinstance(layer.op, Activation | Affine) and host and alone and not host.is_wiring:
            del hosts[source]
            hosts[layer.name] = Step(layer=host.layer, fused=(*host.fused, layer))
        else:
            hosts[layer.name] = Step(layer=layer)
    return tuple(hosts.values())


def read_out(steps: Iterable[Step]) -> frozenset[str]:
    """Tensors that no crossbar and no integer operation reads: kept at accumulator precision for the host."""
    steps = tuple(steps)
    readers: dict[str, list[Step]] = {step.tensor: [] for step in steps}
    for step in steps:
        for name in step.inputs:
            readers.setdefault(name, []).append(step)
    found: set[str] = set()
    for step in reversed(steps):
        host = (
            isinstance(reader.layer.op, Softmax) or (reader.is_wiring and reader.tensor in found)
            for reader in readers[step.tensor]
        )
        if all(host):
            found.add(step.tensor)
    return frozenset(found)


def residuals(steps: Iterable[Step], outputs: Iterable[str]) -> frozenset[str]:
    """Tensors that only residual adds read (`archsim.mapping.stages.Stage.residual`): they never drive a crossbar."""
    steps = tuple(steps)
    readers: dict[str, list[Step]] = {}
    for step in steps:
        for name in step.inputs:
            readers.setdefault(name, []).append(step)
    found = (name for name, reading in readers.items() if all(isinstance(step.layer.op, Add) for step in reading))
    return frozenset(found) - set(outputs)


def shared_formats(steps: Iterable[Step], inputs: Iterable[str]) -> tuple[frozenset[str], ...]:
    """Stored tensors in sets that share one integer format (wiring and max pools tie their ends together)."""
    steps = tuple(steps)
    wide = read_out(steps)
    group: dict[str, set[str]] = {}
    for name in (*inputs, *(step.tensor for step in steps if step.tensor not in wide)):
        group[name] = {name}
    for step in steps:
        if step.tensor in wide or not step.keeps_integers:
            continue
        for name in step.inputs:
            joined = group[step.tensor] | group[name]
            for member in joined:
                group[member] = joined
    return tuple(dict.fromkeys(frozenset(members) for members in group.values()))
