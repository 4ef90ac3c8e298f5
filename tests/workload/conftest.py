"""Small ONNX models written to temporary files, and where the large ones are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

WriteModel = Callable[..., Path]


@pytest.fixture
def light() -> Path:
    """Folder of the topology-only networks that come with the onnx package."""
    return Path(next(iter(onnx.__path__))) / "backend" / "test" / "data" / "light"


@pytest.fixture
def shared_models() -> Path:
    """Pretrained networks kept beside the checkout; the test skips where they are not."""
    folder = Path(__file__).parents[2] / "../shared/data/models"
    if not folder.is_dir():
        pytest.skip("the pretrained networks beside the checkout are not there")
    return folder


@pytest.fixture
def write_model(tmp_path: Path) -> WriteModel:
    """Writes a model with one input `x` and the given nodes, constants and outputs; returns its path."""

    def write(
        nodes: Sequence[onnx.NodeProto],
        constants: dict[str, np.ndarray] | None = None,
        *,
        shape: Sequence[int | str] = (1, 3, 8, 8),
        outputs: Sequence[str] = ("y",),
        opset: int = 13,
        name: str = "net.onnx",
    ) -> Path:
        graph = helper.make_graph(
            nodes,
            "net",
            [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None) for output in outputs],
            [numpy_helper.from_array(np.asarray(value), key) for key, value in (constants or {}).items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        path = tmp_path / name
        path.write_bytes(model.SerializeToString())
        return path

    return write
