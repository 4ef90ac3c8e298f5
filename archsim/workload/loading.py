"""Networks and their preprocessing by shipped name or path."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from archsim.config.shipped import find, names, shipped
from archsim.errors import InputError
from archsim.workload.graph import Graph
from archsim.workload.onnxfile import read_onnx
from archsim.workload.preprocessing import (
    SIDECAR_END,
    Preprocessing,
    TrainedOperands,
    default_preprocessing,
    read_sidecar,
    sidecar_path,
)
from archsim.workload.yamlfile import read_yaml

SUFFIXES = (".onnx", ".yaml", ".yml")
"""Where a name exists both with weights and as a topology, the file with weights wins."""


def workload_names() -> tuple[str, ...]:
    """Names of the shipped networks."""
    return names("workloads", SUFFIXES)


def load_workload(name_or_path: str | os.PathLike[str]) -> Graph:
    """A network from a shipped name (`resnet50`) or a path to an .onnx or .yaml file.

    Raises `InputError`: nothing of this name (with a suggestion), or every problem of the file.
    """
    path = find("workloads", name_or_path, SUFFIXES)
    suffix = path.suffix.lower()
    if path.name.endswith(SIDECAR_END):
        network = path.name.removesuffix(SIDECAR_END)
        raise InputError(f"describes the inputs of a network; expected the network itself: {network}.onnx", str(path))
    if suffix == ".onnx":
        return replace(read_onnx(path), path=str(path))
    if suffix in (".yaml", ".yml"):
        return replace(read_yaml(path), path=str(path))
    kind = "a directory" if path.is_dir() else f"a {suffix or 'file without suffix'}"
    raise InputError(f"is {kind}; expected an .onnx or .yaml file", str(path))


def read_preprocessing(name_or_path: str | os.PathLike[str]) -> Preprocessing | None:
    """Preprocessing of a network file: from the sidecar `<stem>.inputs.yaml` beside it, else from a shipped sidecar of
    the same stem (a network of a shipped name kept elsewhere); None where there is neither."""
    sidecar = find_sidecar(name_or_path)
    return None if sidecar is None else read_sidecar(sidecar)


def trained_operands(graph: Graph) -> TrainedOperands | None:
    """The operands a network was trained for, as the file beside it says; None where nothing is said."""
    sidecar = find_sidecar(graph.path) if graph.path else None
    return None if sidecar is None else read_sidecar(sidecar).trained


def preprocessing_for(name_or_path: str | os.PathLike[str], graph: Graph) -> Preprocessing:
    """The sidecar's preprocessing, checked against the network's input, or the default for its input size.

    `source` of the result says which. Raises `InputError` where sidecar and network disagree about the input size.
    """
    sidecar = find_sidecar(name_or_path)
    if sidecar is None:
        return default_preprocessing(graph)
    found = read_sidecar(sidecar)
    shapes = [layer.shape for layer in graph.inputs()]
    if shapes != [found.shape]:
        text = ", ".join(str(shape) for shape in shapes)
        raise InputError(f"describes inputs of shape {found.shape}, the network takes {text}", str(sidecar))
    return found


def find_sidecar(name_or_path: str | os.PathLike[str]) -> Path | None:
    """The preprocessing file of a network, if there is one: see `read_preprocessing`."""
    network = find("workloads", name_or_path, SUFFIXES)
    beside = sidecar_path(network)
    for candidate in (beside, shipped("workloads") / beside.name):
        if candidate.is_file():
            return candidate
    return None
