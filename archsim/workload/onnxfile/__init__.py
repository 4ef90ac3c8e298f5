"""ONNX files to workload graphs."""

from archsim.workload.onnxfile.reader import read_onnx

__all__ = ["read_onnx"]
