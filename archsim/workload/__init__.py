"""Networks and data sets: one graph, whichever file it came from."""

from archsim.workload.datasets import DATASETS, Batch, Dataset, load_data
from archsim.workload.graph import Graph, Layer, Parameters
from archsim.workload.loading import (
    load_workload,
    preprocessing_for,
    read_preprocessing,
    trained_operands,
    workload_names,
)
from archsim.workload.onnxfile import read_onnx
from archsim.workload.origins import is_shipped_sidecar, workload_source
from archsim.workload.preprocessing import Preprocessing, TrainedOperands, default_preprocessing, unit_note
from archsim.workload.suited import suited_set
from archsim.workload.weights import seeded_weights, workload_hash
from archsim.workload.yamlfile import read_yaml, workload_schema

__all__ = [
    "DATASETS",
    "Batch",
    "Dataset",
    "Graph",
    "Layer",
    "Parameters",
    "Preprocessing",
    "TrainedOperands",
    "default_preprocessing",
    "is_shipped_sidecar",
    "load_data",
    "load_workload",
    "preprocessing_for",
    "read_onnx",
    "read_preprocessing",
    "read_yaml",
    "seeded_weights",
    "suited_set",
    "trained_operands",
    "unit_note",
    "workload_hash",
    "workload_names",
    "workload_schema",
    "workload_source",
]
