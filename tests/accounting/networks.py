"""Networks whose integers are known beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import archsim


def network(tmp_path: Path, weight: np.ndarray[Any, np.dtype[np.int64]], side: int) -> archsim.Graph:
    """One fully connected layer of whole 8-bit weights [outputs, side x side] whose scales are 1."""
    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("Gemm", ["f", "q"], ["y"], transB=1)]
    graph = helper.make_graph(
        nodes,
        "fc",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, side, side])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weight.astype(np.float32), "q")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "fc.onnx")
    return archsim.load_workload(tmp_path / "fc.onnx")
