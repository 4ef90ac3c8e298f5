"""Where a network, its weights and its calibrated ranges come from, as its files say."""

from __future__ import annotations

from archsim.config.shipped import shipped
from archsim.workload.graph import Graph
from archsim.workload.loading import find_sidecar, read_preprocessing


def workload_source(graph: Graph) -> str | None:
    """The `source` of a topology file, else of the preprocessing file of an ONNX one; None where neither says."""
    if graph.source is not None or graph.path is None:
        return graph.source
    prepared = read_preprocessing(graph.path)
    return prepared.source or None if prepared is not None else None


def is_shipped_sidecar(graph: Graph) -> bool:
    """Whether the preprocessing file of a network is one that comes with archsim, not one beside a user's file."""
    sidecar = None if graph.path is None else find_sidecar(graph.path)
    return sidecar is not None and sidecar.resolve().parent == shipped("workloads").resolve()
