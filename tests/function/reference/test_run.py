"""The float executor against onnxruntime, on whole networks with stored and with drawn weights."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from archsim.errors import InputError
from archsim.function.quantization.quantize import logit_layer
from archsim.function.reference.run import default_batch, run_float, walk
from archsim.workload import graph as graph_module
from archsim.workload import load_workload, read_onnx
from archsim.workload.graph import Graph, Input, Layer, Op
from tests.function.nets import RELU, Builder, everything, plain, square

LIGHT = Path(next(iter(onnx.__path__))) / "backend" / "test" / "data" / "light"
SMALL = ["densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet"]
LARGE = ["bvlc_alexnet", "vgg19", "zfnet512"]
MODELS = Path(__file__).parents[3] / "../shared/data/models"


def session(model: onnx.ModelProto | Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    given = model.SerializeToString() if isinstance(model, onnx.ModelProto) else str(model)
    return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])


def inputs(graph: Graph, seed: int = 0) -> np.ndarray:
    shape = (1, *graph.inputs()[0].shape)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def assert_close(found: np.ndarray, wanted: np.ndarray) -> None:
    assert found.size == wanted.size
    assert np.abs(found.reshape(wanted.shape) - wanted).max() <= 1e-4 * np.abs(wanted).max()


def with_drawn_weights(model: onnx.ModelProto, seed: int) -> onnx.ModelProto:
    """The model with random numbers where it has constants, and the input of its softmax as another output."""
    rng = np.random.default_rng(seed)
    sizes = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        shape = tuple(int(extent) for extent in sizes[node.input[0]])
        fan_in = max(1, int(np.prod(shape[1:])))
        if len(shape) > 1:
            value = rng.random(shape, np.float32) - np.float32(0.5)
            value *= np.float32(np.sqrt(2 * 12 / fan_in))  # variance 2 / fan_in
        else:
            value = rng.uniform(0.5, 1.5, shape).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(value, node.output[0]))
    del model.graph.node[:]
    model.graph.node.extend(kept)
    if kept[-1].op_type == "Softmax":
        model.graph.output.append(onnx.helper.make_tensor_value_info(kept[-1].input[0], onnx.TensorProto.FLOAT, None))
    return model


@pytest.mark.parametrize("name", [*SMALL, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)])
def test_light_networks_with_stored_weights(name: str) -> None:
    path = LIGHT / f"light_{name}.onnx"
    graph = read_onnx(path)
    x = inputs(graph)
    run = session(path)
    wanted = run.run(None, {run.get_inputs()[0].name: x})
    found = run_float(graph, x)
    for values, output in zip(wanted, graph.outputs, strict=True):
        assert_close(found[output], values)


@pytest.mark.parametrize("name", [*SMALL, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)])
def test_light_networks_with_drawn_weights(name: str, tmp_path: Path) -> None:
    """Constant weights would hide transposed axes. Logits are compared too: a softmax hides most of them."""
    path = tmp_path / "drawn.onnx"
    onnx.save(with_drawn_weights(onnx.load(LIGHT / f"light_{name}.onnx"), seed=1), path)
    graph = read_onnx(path)
    x = inputs(graph, seed=2)
    run = session(path)
    wanted = run.run(None, {run.get_inputs()[0].name: x})
    found = run_float(graph, x)
    assert len(wanted) == len(graph.outputs)
    for values, output in zip(wanted, graph.outputs, strict=True):
        assert np.ptp(values) > 0
        assert_close(found[output], values)


@pytest.mark.parametrize("name", ["resnet8-cifar10", "squeezenet1.1"])
def test_shipped_trained_networks(name: str) -> None:
    from archsim.config.shipped import shipped

    graph = load_workload(name)
    x = 50 * inputs(graph)
    run = session(shipped("workloads") / f"{name}.onnx")
    wanted = run.run(None, {run.get_inputs()[0].name: x})
    assert_close(run_float(graph, x)[graph.outputs[0]], wanted[0])


def test_efficientnet() -> None:
    path = MODELS / "efficientnet-lite0.onnx"
    if not path.is_file():
        pytest.skip("efficientnet-lite0.onnx is not beside the checkout (it does not ship)")
    graph = read_onnx(path)
    run = session(path)
    x = inputs(graph)
    wanted = run.run(None, {run.get_inputs()[0].name: x})
    assert_close(run_float(graph, x)[graph.outputs[0]], wanted[0])


def refused(op: Op) -> bool:
    """Whether the executor does not know an operation (it may fail on the input in any other way)."""
    layer = Layer(name="l", op=op, inputs=("x",), shape=(1,))
    graph = Graph(name="g", layers=(Layer(name="x", op=Input(), inputs=(), shape=(1, 1, 1)), layer), outputs=("l",))
    try:
        list(walk(graph, np.zeros((1, 1, 1, 1), np.float32)))
    except Exception as error:
        return "no executor" in str(error)
    return False


def test_every_operation_of_the_graph_has_an_executor() -> None:
    class Unknown(Op):
        pass

    kinds = [item for item in vars(graph_module).values() if isinstance(item, type) and issubclass(item, Op)]
    known = [kind for kind in kinds if kind not in (Op, Input)]
    assert len(known) >= 14
    required = {"out": 1, "kernel": (1, 1), "start": 0, "stop": 1, "padding": (0,) * 4, "axes": (0, 1, 2), "size": 1}
    functions = {"Activation": "relu", "Pool": "max", "GlobalPool": "max"}
    for kind in known:
        given = {item.name: required.get(item.name) for item in fields(kind) if item.default is MISSING}
        if "function" in given:
            given["function"] = functions[kind.__name__]
        assert None not in given.values()
        assert not refused(kind(**given)), kind
    assert refused(Unknown())


def test_batches_and_threads_do_not_change_the_result() -> None:
    graph = everything()
    x = np.random.default_rng(0).standard_normal((7, 3, 12, 12)).astype(np.float32)
    whole = run_float(graph, x, "all", batch=7, threads=1)
    for batch, threads in ((1, 1), (2, 3), (None, None), (3, 8)):
        parts = run_float(graph, x, "all", batch=batch, threads=threads)
        assert all(np.allclose(parts[name], whole[name], rtol=1e-6, atol=1e-6) for name in whole)
    single = run_float(graph, x[3:4], ["fc"])["fc"]
    assert np.allclose(single, whole["fc"][3:4], rtol=1e-6, atol=1e-6)


def test_tensors_are_freed_after_their_last_consumer() -> None:
    import weakref

    net = Builder((4, 16, 16))
    previous = "x"
    for index in range(6):
        previous = net.add(f"c{index}", square(4), previous)
    graph = net.graph(previous)
    alive: list[weakref.ref[np.ndarray]] = []
    for _, values in walk(graph, np.zeros((1, 4, 16, 16), np.float32)):
        alive.append(weakref.ref(values if values.base is None else values.base))
        del values
        assert sum(reference() is not None for reference in alive) <= 2


def test_default_batch_bounds_memory() -> None:
    graph = load_workload("vgg16")
    assert default_batch(graph) == 1
    assert default_batch(plain()) > 1000


def test_kept_names_and_outputs() -> None:
    graph = plain()
    x = np.zeros((2, 3, 8, 8), np.float32)
    assert set(run_float(graph, x)) == {"fc"}
    assert set(run_float(graph, x, ["c1", "gp"])) == {"c1", "gp"}
    assert run_float(graph, x, "all")["c1"].shape == (2, 8, 8, 8)
    assert logit_layer(everything()) == "fc"


def test_all_that_keeps_a_graph_from_running_is_named() -> None:
    graph = plain()
    with pytest.raises(InputError, match="no layer 'nowhere'"):
        run_float(graph, np.zeros((1, 3, 8, 8), np.float32), ["nowhere"])
    bare = graph.with_parameters({}, "none")
    with pytest.raises(InputError) as caught:
        run_float(bare, np.zeros((1, 3, 9, 8), np.float32))
    assert len(caught.value.problems) == 1 + 3
    assert "(3, 8, 8), got (3, 9, 8)" in str(caught.value)


def test_an_activation_may_read_the_input() -> None:
    net = Builder((3, 4, 4))
    net.add("r", RELU, "x")
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 4)).astype(np.float32)
    assert (run_float(net.graph("r"), x)["r"] == np.maximum(x, 0)).all()
