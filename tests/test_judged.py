"""Which output quality is read from, and on which pictures, is said; a map names no class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import archsim
from archsim.errors import InputError
from archsim.function.inference.compare import compare
from archsim.function.precision.search import Budget
from archsim.report.page.tables import quality_table
from archsim.report.tables import console
from archsim.report.terminal import run_report
from archsim.result import Result
from archsim.sweeps import Network
from archsim.workload import load_data, unit_note
from archsim.workload.graph import class_count
from archsim.workload.preprocessing import Preprocessing
from tests.command import Run, command_in

SHAPE = (3, 16, 16)


@pytest.fixture
def archsim_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return command_in(tmp_path, monkeypatch, capsys)


def write(path: Path, nodes: list[onnx.NodeProto], arrays: dict[str, np.ndarray], outputs: tuple[str, ...]) -> Path:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *SHAPE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two heads of which `y` tells dark (class 0) from light (class 1) and `aux` says the opposite; a map; pictures."""
    path = tmp_path_factory.mktemp("judged")
    even = np.full((1, 768), 100 / 768, np.float32)
    dark, bias = np.concatenate([-even, even]), np.array([50, -50], np.float32)
    arrays = {"q": dark, "b": bias, "r": -dark, "c": -bias}
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Gemm", ["f", "q", "b"], ["y"], transB=1),
        helper.make_node("Gemm", ["f", "r", "c"], ["aux"], transB=1),
    ]
    write(path / "main.onnx", nodes, arrays, ("y", "aux"))
    write(path / "aux.onnx", nodes, arrays, ("aux", "y"))
    weight = np.random.default_rng(7).standard_normal((2, 3, 1, 1)).astype(np.float32)
    write(path / "map.onnx", [helper.make_node("Conv", ["x", "w"], ["y"])], {"w": weight}, ("y",))
    pixels = np.repeat(np.array([40, 220], np.uint8), 10)[:, None, None, None]
    labels = np.repeat(np.array([0, 1]), 10)
    np.savez(path / "two.npz", x=np.broadcast_to(pixels, (20, 16, 16, 3)), y=labels)
    np.savez(path / "other.npz", x=np.broadcast_to(pixels + 5, (20, 16, 16, 3)), y=labels)
    return path


def run(net: Path, *, judge: str | None = None, calibrate: str | None = None) -> Result:
    hardware = archsim.load_hardware("isaac-8bit", {"mapping.timings": 0})
    plan = archsim.map_network(archsim.load_workload(net).judging(judge), hardware)
    return archsim.simulate(plan, inputs=net.parent / "two.npz", calibrate=calibrate, engine="kernel")


@pytest.mark.parametrize(
    ("net", "judge", "judged", "accuracy"),
    [("main", None, "y", 1.0), ("aux", None, "aux", 0.0), ("aux", "y", "y", 1.0), ("main", "aux", "aux", 0.0)],
)
def test_the_judged_output_is_named_and_chosen(
    folder: Path, net: str, judge: str | None, judged: str, accuracy: float, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(folder / f"{net}.onnx", judge=judge)
    assert result.function is not None
    assert (result.function.output, result.function.outputs, result.function.accuracy) == (judged, 2, accuracy)
    other = "aux" if judged == "y" else "y"
    said = f"quality is that of output '{judged}'; the network has 2 (--judge takes another: {other})"
    assert said in result.notes
    console(wide=True).print(run_report(result))
    printed = capsys.readouterr().out
    assert f"accuracy of output '{judged}' {accuracy:.4f}" in printed
    assert f"agreement with float of output '{judged}' 1.0000" in printed


def test_an_output_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"has no output 'yy'; expected y \| aux"):
        archsim.load_workload(folder / "main.onnx").judging("yy")


def test_a_map_names_no_class(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(folder / "map.onnx")
    found = result.function
    assert found is not None
    assert (found.predictions, found.top1_agreement, found.agreement_interval) == ((), None, None)
    assert (found.accuracy, found.float_accuracy) == (None, None)
    assert found.logit_snr_db is not None
    assert found.logit_snr_db > 20
    assert any("map of 2 x 16 x 16 values and names no class" in note for note in result.notes)
    console(wide=True).print(run_report(result))
    printed = capsys.readouterr().out
    assert "class " not in printed.replace("names no class", "")
    assert "accuracy 0" not in printed
    assert "agreement" not in repr(result)
    assert [row.cells[0].text for row in quality_table([result], ["map"]).rows][:3] == ["–", "–", "–"]


@pytest.mark.parametrize(
    ("shape", "classes"),
    [((10,), 10), ((10, 1, 1), 10), ((1, 10), 10), ((2, 16, 16), None), ((1, 16, 16), None), ((1,), None)],
)
def test_classes_of_a_shape(shape: tuple[int, ...], classes: int | None) -> None:
    assert class_count(shape) == classes
    logits = np.arange(2.0 * np.prod(shape)).reshape(2, *shape)
    report = compare(logits, logits, np.zeros(2, np.int64))
    assert (report.top1_agreement is None, report.accuracy is None) == (classes is None, classes is None)


def test_a_budget_of_agreement_needs_classes(folder: Path, tmp_path: Path) -> None:
    from archsim.function.precision.offline import Request, calibrate_network

    graph = archsim.load_workload(folder / "map.onnx")
    hardware = archsim.load_hardware("redy", {"mapping.timings": 0})
    plan = archsim.map_network(graph, hardware)
    data = load_data(folder / "two.npz", Preprocessing(size=(16, 16), scale=(1 / 255,)))
    with pytest.raises(InputError, match="agreement needs classes and the judged output names none"):
        calibrate_network(plan, graph, data, Request(budget=Budget(kind="agreement", limit=0.9)))
    made = calibrate_network(plan, graph, data, Request(budget=Budget(kind="snr_db", limit=10)))
    assert "agreement" not in made.measured


def test_a_sweep_judges_the_output_that_the_study_names(folder: Path) -> None:
    def accuracies(judge: str | None) -> list[float]:
        net = Network(workload=str(folder / "main.onnx"), input=str(folder / "two.npz"), judge=judge)
        found = archsim.sweep("isaac-8bit", net, settings={"mapping.timings": 0}, workers=0)
        return [row["accuracy"] for row in found.rows]

    assert accuracies(None) == accuracies("y") == [1.0]
    assert accuracies("aux") == [0.0]
    with pytest.raises(InputError, match="has no output 'z'"):
        accuracies("z")


def test_the_command_takes_an_output_by_name(folder: Path, archsim_command: Run) -> None:
    words = ["run", "isaac-8bit", str(folder / "aux.onnx"), "--set", "mapping.timings=0", "--json"]
    done = archsim_command(*words, "--input", str(folder / "two.npz"), "--judge", "y")
    assert '"accuracy": 1.0' in done.stdout
    assert "--judge need --input" in archsim_command(*words, "--judge", "y").stderr


def test_calibrating_on_the_judged_pictures_is_said_in_every_way_of_it(
    folder: Path, tmp_path: Path, archsim_command: Run
) -> None:
    net, two = folder / "main.onnx", str(folder / "two.npz")
    said = "20 of 20 pictures were calibrated on: quality on them says little"
    saved = str(tmp_path / "saved.json")
    archsim_command("calibrate", "isaac-8bit", str(net), two, "-o", saved, "--set", "mapping.timings=0")
    assert any("the very pictures that were computed" in note for note in run(net).notes)
    assert said in run(net, calibrate=two).notes
    assert said in run(net, calibrate=saved).notes
    assert not any("calibrated on" in note for note in run(net, calibrate=str(folder / "other.npz")).notes)


MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.mark.parametrize(
    ("mean", "scale", "said"),
    [
        (MEAN, tuple(1 / one for one in DEVIATION), "leave inputs of -2.118 to 1136"),
        (MEAN, (1 / 255,), "leave inputs of -0.001902 to 0.9984"),
        ((0.5,), (2.0,), "leave inputs of -1 to 509"),
        ((123.675, 116.28, 103.53), tuple(1 / one for one in DEVIATION), "leave inputs of -540.1 to 673.2"),
    ],
)
def test_preparation_in_the_wrong_unit_is_noticed(
    mean: tuple[float, ...], scale: tuple[float, ...], said: str, folder: Path
) -> None:
    prepared = Preprocessing(size=(16, 16), mean=mean, scale=scale)
    note = unit_note(prepared)
    assert note is not None
    assert said in note
    data = load_data(folder / "two.npz", prepared)
    hardware = archsim.load_hardware("isaac-8bit", {"mapping.timings": 0})
    plan = archsim.map_network(archsim.load_workload(folder / "main.onnx"), hardware)
    assert note in archsim.simulate(plan, inputs=data, engine="kernel").notes


@pytest.mark.parametrize(
    ("mean", "scale"),
    [
        ((0.0,), (1 / 255,)),
        ((0.0,), (1.0,)),
        ((127.5,), (1 / 127.5,)),
        ((103.94, 116.78, 123.68), (1.0,)),
        (tuple(255 * one for one in MEAN), tuple(1 / 255 / one for one in DEVIATION)),
    ],
)
def test_usual_preparations_are_not_odd(mean: tuple[float, ...], scale: tuple[float, ...]) -> None:
    assert unit_note(Preprocessing(size=(16, 16), mean=mean, scale=scale)) is None


def test_shipped_preparations_are_not_odd() -> None:
    from archsim.workload import read_preprocessing, workload_names

    found = [read_preprocessing(name) for name in workload_names()]
    assert [item for item in found if item is not None and unit_note(item) is not None] == []
