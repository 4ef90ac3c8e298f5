"""The command as a user meets it: output, exit codes, and bad input of every kind."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from archsim.config.shipped import shipped
from tests.command import Run, command_in


@pytest.fixture
def archsim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `archsim` in an empty directory."""
    return command_in(tmp_path / "cwd", monkeypatch, capsys)


@pytest.fixture
def process(tmp_path: Path) -> Run:
    """Run `archsim` in a new process in an empty directory."""

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        code = "import sys; from archsim.cli import main; sys.argv[0] = 'archsim'; main()"
        command = [sys.executable, "-c", code, *map(str, words)]
        folder = tmp_path / "cwd"
        folder.mkdir(exist_ok=True)
        return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)

    return run


@pytest.mark.usefixtures("all_timings")
def test_a_process_of_its_own_does_the_same(process: Run, archsim: Run) -> None:
    """The other tests call the command in theirs."""
    for words, status in (
        (["run", "isaac-8bit", "lenet5", "--engine", "kernel", "--json"], 0),
        (["check", "isaac-8bit", "puma"], 0),
        (["run", "isac-ce", "lenet5"], 2),
        (["frobnicate"], 2),
    ):
        alone, here = process(*words), archsim(*words)
        assert alone.returncode == here.returncode == status
        assert (alone.stdout, alone.stderr) == (here.stdout, here.stderr)


def test_list_has_the_shipped_things(archsim: Run) -> None:
    found = json.loads(archsim("list", "--json").stdout)
    assert {"isaac-ce", "isaac-8bit", "puma"} <= set(found["hardware"])
    zoo = {
        "lenet5",
        "vgg8",
        "resnet8-cifar10",
        "alexnet",
        "vgg16",
        "vgg19",
        "googlenet",
        "resnet18",
        "resnet34",
        "resnet50",
        "resnet101",
        "resnet152",
        "densenet121",
        "mobilenetv2",
        "squeezenet1.1",
        "efficientnet-lite0",
    }
    assert zoo <= set(found["workloads"])
    assert {"cats", "digits", "fashion"} <= set(found["data"])
    assert "isaac" in found["studies"]
    assert "isaac-ce" in archsim("list").stdout


def test_check_prints_the_contract_figures(archsim: Run) -> None:
    found = json.loads(archsim("check", "isaac-ce", "--json").stdout)
    for path in (
        "ima.power_w",
        "ima.area_m2",
        "tile.power_w",
        "tile.area_m2",
        "tile.power_share.adc",
        "tile.power_share.dac",
        "tile.power_share.crossbar",
        "tile.power_share.edram",
        "tile.area_share.adc",
        "tile.area_share.edram_bus",
        "chip.power_w",
        "chip.area_m2",
        "chip.link_power_share",
        "peak_ops",
        "ce_gops_per_mm2",
        "pe_gops_per_w",
        "se_mib_per_mm2",
        "window_latency_cycles",
        "window_interval_cycles",
        "adc_bits_required",
        "adc_bits_required_flip",
        "adc_conversions_per_mac",
    ):
        value = found
        for part in path.split("."):
            value = value[part]
        assert isinstance(value, int | float), path
    assert found["file_notes"]["precision"].startswith("The width in which partial sums travel")
    (adc,) = [row for row in found["components"] if row["component"] == "adc"]
    assert (adc["level"], adc["count"]) == ("ima", 8)
    assert adc["area_m2"] == pytest.approx(0.0096e-6)
    text = archsim("check", "isaac-ce", "puma").stdout
    for line in (
        r"pe +627\.4 GOPS/W",
        r"ce +483\.3 GOPS/s/mm2",
        r"peak_ops +41\.3 Top/s",
        r"chip\.weights +63 MiB",
        r"energy_per_action\.link\.static +2\.6 W",
        r"adc +ima +8 +0\.0012 mm2 +0\.0096 mm2 +2 mW +16 mW",
        r"tile\.router: ISAAC does not publish a router latency",
    ):
        assert re.search(line, text), line


def test_map_prints_macs_and_grids(archsim: Run) -> None:
    found = json.loads(archsim("map", "isaac-8bit", "resnet18", "--json").stdout)
    assert found["totals"]["macs"] == sum(layer["macs"] for layer in found["layers"]) == 1814073344
    assert "resnet18 on isaac-8bit" in archsim("map", "isaac-8bit", "resnet18").stdout


def test_run_compare_and_cite(archsim: Run, tmp_path: Path) -> None:
    for name, bits in (("a", 8), ("b", 6)):
        done = archsim("run", "isaac-8bit", "lenet5", "--set", f"ima.adc.bits={bits}", "-o", tmp_path / name, "--json")
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert json.loads(done.stdout) == json.loads((tmp_path / name / "result.json").read_text())
    compared = json.loads(archsim("compare", tmp_path / "a", tmp_path / "b", "--json").stdout)
    assert compared["differs"] == [{"path": "ima.adc.bits", "values": [8, 6]}]
    text = archsim("compare", tmp_path / "a", tmp_path / "b").stdout
    assert re.search(r"ima\.adc\.bits=8 +ima\.adc\.bits=6 +ratio", text)
    assert re.search(r"latency +[\d.]+ us +[\d.]+ us +1x", text)
    same = archsim("compare", tmp_path / "a", tmp_path / "a", tmp_path / "a").stdout
    assert re.search(r"run 1 +run 2 +ratio", same)
    bibtex = archsim("cite", tmp_path / "a").stdout
    assert "Shafiee2016" in bibtex
    assert bibtex.count("@") == bibtex.count("\n}\n")
    assert "None" not in bibtex
    assert re.search(r"@inproceedings\{Shafiee2016,\n(.*\n)*  pages = \{14--26\}", bibtex)
    assert "@misc{network-lenet5,\n  title = {lenet5},\n  note = {LeCun1998, Fig. 2" in bibtex


def test_compare_runs_hardware_files_on_a_workload(archsim: Run) -> None:
    done = archsim("compare", "isaac-8bit", "puma", "--workload", "lenet5")
    assert done.returncode == 0, done.stderr
    assert "ratio" in done.stdout
    widths = "8-bit weights and 8-bit inputs, 16-bit weights and 16-bit inputs"
    assert f"the runs have different operand widths ({widths})" in done.stdout
    assert "charged to different components: isaac-8bit to edram, bus, router, link (99% of its energy)" in done.stdout
    assert "more figures that differ (--wide, or --json)" in done.stdout
    assert "more figures" not in archsim("compare", "isaac-8bit", "puma", "--workload", "lenet5", "--wide").stdout


def test_compare_takes_what_run_takes_and_keeps_its_runs(archsim: Run, tmp_path: Path) -> None:
    words = ["compare", "isaac-8bit", "isaac-ce", "--workload", "lenet5-mnist", "--images", "3", "--engine", "kernel"]
    done = archsim(*words, "--input", "digits", "--limit", "4", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"accuracy +1\.0000 +1\.0000", done.stdout)
    kept = json.loads((tmp_path / "isaac-ce" / "result.json").read_text())
    assert (kept["images"], kept["engine"]) == (3, "kernel")


def test_schema_is_json_schema(archsim: Run) -> None:
    for kind in ("hardware", "workload", "training"):
        schema = json.loads(archsim("schema", kind).stdout)
        assert schema["$schema"].startswith("https://json-schema.org/")
        if kind == "training":  # regenerate with `archsim schema training > workloads/training.schema.json`
            assert schema == json.loads((shipped("workloads") / "training.schema.json").read_text())


def test_reproduce_isaac_holds(archsim: Run) -> None:
    done = archsim("reproduce", "isaac", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["study"] == "isaac"
    assert all(claim["pass"] for claim in report["claims"])
    assert {"id", "paper", "measured", "low", "high", "status", "pass", "note"} <= set(report["claims"][0])


def test_training_studies_ship_and_are_named(archsim: Run) -> None:
    assert "lenet5-w4a3" in json.loads(archsim("list", "--json").stdout)["training"]
    refuse(archsim("train", "lenet5-w4a3"), "output: is missing; expected a folder here, or -o DIR")
    refuse(archsim("train", "lenet5-w4a"), "did you mean 'lenet5-w4a3'")


def test_all_that_a_training_study_lacks_at_once(archsim: Run, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("workload: lenet5\ndata: digits\nepoch: 3\ncolour: red\n")
    done = archsim("train", tmp_path / "s.yaml")
    refuse(done, "output: is missing", most_lines=4)
    assert "did you mean 'epochs'" in done.stderr
    assert "expected name | description | workload" in done.stderr
    assert "..." not in done.stderr


# ---------------------------------------------------------------- bad input


def refuse(done: subprocess.CompletedProcess[str], said: str, most_lines: int = 3) -> None:
    """Exit 2, one short message that names the place, no traceback, nothing on standard output."""
    assert done.returncode == 2, (done.returncode, done.stdout[-500:], done.stderr[-2000:])
    assert said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) <= most_lines, done.stderr


def isaac_text() -> str:
    return (shipped("hwconfigs") / "isaac-ce.yaml").read_text()


HARDWARE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing file": (Path.exists, "hw.yaml"),
    "directory": (lambda path: path.mkdir(), "hw.yaml"),
    "binary file": (lambda path: path.write_bytes(bytes(range(256)) * 40), "hw.yaml"),
    "empty file": (lambda path: path.write_text(""), "hw.yaml"),
    "tabs": (lambda path: path.write_text(isaac_text().replace("ima:\n  count", "ima:\n\tcount")), "hw.yaml:"),
    "duplicate key": (lambda path: path.write_text(isaac_text() + "\nname: again\n"), "hw.yaml:"),
    "unknown key": (
        lambda path: path.write_text(isaac_text().replace("    unit_column:", "    unit_colum:")),
        "unit_column",
    ),
    "wrong unit": (lambda path: path.write_text(isaac_text().replace("cycle: 100 ns", "cycle: 100 mW", 1)), "hw.yaml:"),
    "no unit": (lambda path: path.write_text(isaac_text().replace("cycle: 100 ns", "cycle: 100", 1)), "hw.yaml:"),
    "negative": (lambda path: path.write_text(isaac_text().replace("cycle: 100 ns", "cycle: -100 ns", 1)), "hw.yaml:"),
    "huge": (lambda path: path.write_text(isaac_text().replace("rows: 128\n", "rows: 1000000000000\n", 1)), "hw.yaml:"),
    "octal": (lambda path: path.write_text(isaac_text().replace("rows: 128\n", "rows: 0128\n", 1)), "hw.yaml:"),
}


@pytest.mark.parametrize("case", HARDWARE)
def test_bad_hardware_files(archsim: Run, tmp_path: Path, case: str) -> None:
    make, said = HARDWARE[case]
    path = tmp_path / "hw.yaml"
    make(path)
    for words in (["check", path], ["run", path, "lenet5", "-o", tmp_path / "out"]):
        refuse(archsim(*words), said)
    assert not (tmp_path / "out").exists()


def test_all_errors_of_a_file_at_once(archsim: Run, tmp_path: Path) -> None:
    text = isaac_text().replace("cycle: 100 ns", "cycle: 100 mW", 1).replace("    unit_column:", "    unit_colum:")
    (tmp_path / "hw.yaml").write_text(text.replace("bits: 2\n", "bits: 77\n", 1))
    done = archsim("check", tmp_path / "hw.yaml")
    refuse(done, "did you mean 'ima.crossbar.unit_column'", most_lines=5)
    assert len(done.stderr.strip().splitlines()) >= 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "isac-ce", "lenet5"], "isaac-ce"),
        (["run", "isaac-ce", "lenet"], "lenet5"),
        (["run", "isaac-ce", "lenet5", "--set", "ima.adc.bit=6"], "bits"),
        (["run", "isaac-ce", "lenet5", "--set", "ima.adc.bits"], "expected PATH=VALUE"),
        (["run", "isaac-ce", "lenet5", "--set", "ima.adc.bits=six"], "ima.adc.bits"),
        (["run", "isaac-ce", "lenet5", "--set", "ima.adc.bits=6", "--set", "ima.adc.bits=7"], "was set to 6 before"),
        (["run", "isaac-ce", "lenet5", "-o", "/dev/null/deeper"], "not a directory"),
        (["reproduce", "redy", "--quick", "-o", "/dev/null/deeper"], "not a directory"),
        (["run", "isaac-ce", str(shipped("workloads") / "lenet5-mnist.inputs.yaml")], "lenet5-mnist.onnx"),
        (["run", "isaac-ce", "lenet5", "--images", "0"], "--images"),
        (["run", "isaac-ce", "lenet5", "--engine", "magic"], "--engine"),
        (["run", "isaac-ce", "lenet5", "--input", "dogs"], "dogs"),
        (["run", "isaac-ce", "lenet5", "--limit", "4"], "--limit"),
        (["run", "isaac-ce"], "NET"),
        (["frobnicate"], "frobnicate"),
        (["compare", "isaac-ce", "puma"], "--workload"),
        (["cite", "nowhere"], "nowhere"),
        (["reproduce", "isac"], "did you mean 'isaac'"),
        (["schema", "cake"], "cake"),
    ],
)
def test_bad_words(archsim: Run, words: list[str], said: str) -> None:
    refuse(archsim(*words), said, most_lines=6)


def test_a_shipped_set_serves_networks_of_other_classes(archsim: Run) -> None:
    done = archsim("run", "isaac-8bit", "resnet8-cifar10", "--input", "cats")
    assert done.returncode == 0, done.stderr
    assert "note: labels of cats left out: they reach 285, the network has 10 classes" in done.stdout
    assert "accuracy 0" not in done.stdout


def test_a_chip_too_small(archsim: Run) -> None:
    words = ["run", "isaac-ce", "vgg16", "--set", "chip.overflow=refuse"]
    refuse(archsim(*words), "5 chips in all")


def node_model(path: Path, nodes: Iterable[onnx.NodeProto], initializers: Iterable[onnx.TensorProto] = ()) -> Path:
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        list(initializers),
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
    return path


def test_bad_networks(archsim: Run, tmp_path: Path) -> None:
    path = node_model(
        tmp_path / "unknown.onnx", [helper.make_node("Einsum", ["x"], ["y"], name="odd", equation="a->a")]
    )
    refuse(archsim("run", "isaac-8bit", path), "Einsum")
    whole = (shipped("workloads") / "resnet8-cifar10.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    refuse(archsim("run", "isaac-8bit", tmp_path / "cut.onnx"), "cut.onnx")
    (tmp_path / "text.onnx").write_text("not a network")
    refuse(archsim("run", "isaac-8bit", tmp_path / "text.onnx"), "text.onnx")
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4, 3, 3, 3], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="../../secret.bin")
    path = node_model(tmp_path / "outside.onnx", [helper.make_node("Conv", ["x", "w"], ["y"], name="c")], [weight])
    refuse(archsim("run", "isaac-8bit", path), "outside")
    only = node_model(tmp_path / "relu.onnx", [helper.make_node("Relu", ["x"], ["y"])])
    refuse(archsim("run", "isaac-8bit", only), "nothing to map")


def test_bad_pictures(archsim: Run, tmp_path: Path) -> None:
    run = ["run", "isaac-8bit", "lenet5", "--input"]
    (tmp_path / "empty").mkdir()
    refuse(archsim(*run, tmp_path / "empty"), "empty")
    np.savez(tmp_path / "wide.npz", x=np.zeros((2, 9, 9), np.uint8))
    refuse(archsim(*run, tmp_path / "wide.npz"), "9 x 9")
    np.savez(tmp_path / "float.npz", x=np.zeros((2, 28, 28)))
    refuse(archsim(*run, tmp_path / "float.npz"), "uint8")
    np.savez(tmp_path / "nchw.npz", x=np.zeros((2, 1, 28, 28), np.float32))
    refuse(archsim(*run, tmp_path / "nchw.npz"), "x.transpose(0, 2, 3, 1); pixels 0 to 255")
    np.savez(tmp_path / "labels.npz", x=np.zeros((2, 28, 28), np.uint8), y=np.array([0]))
    refuse(archsim(*run, tmp_path / "labels.npz"), "labels")
    (tmp_path / "broken").mkdir()
    Image.new("L", (28, 28)).save(tmp_path / "broken" / "1_ok.png")
    (tmp_path / "broken" / "2_bad.png").write_bytes(b"\x89PNG\r\n")
    refuse(archsim(*run, tmp_path / "broken"), "2_bad.png")
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("readme.txt", "no picture")
    refuse(archsim(*run, tmp_path / "none.zip"), "none.zip")


def test_output_is_written_whole_or_not_at_all(archsim: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    refuse(archsim("run", "isaac-8bit", "lenet5", "-o", tmp_path / "taken"), "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_nothing_is_written_unasked(archsim: Run, tmp_path: Path) -> None:
    archsim("run", "isaac-8bit", "lenet5")
    assert list((tmp_path / "cwd").iterdir()) == []


def test_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    command = f"{sys.executable} -c 'from archsim.cli import main; main()' check isaac-ce | true"
    shell = shutil.which("bash") or "sh"
    done = subprocess.run(
        [shell, "-c", command], capture_output=True, text=True, cwd=tmp_path, check=False, env=os.environ
    )
    assert "Traceback" not in done.stderr
