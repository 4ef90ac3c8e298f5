"""The shipped networks: they all load, and have the multiply-accumulates that were published for them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archsim.config.shipped import shipped
from archsim.errors import InputError
from archsim.workload import load_workload, preprocessing_for, read_preprocessing, workload_names
from archsim.workload.graph import Conv, Linear

ZOO = {
    "alexnet", "densenet121", "efficientnet-lite0", "googlenet", "lenet5", "lenet5-mnist", "mlp-784-100-10",
    "mobilenetv2",
    "resnet101", "resnet152", "resnet18", "resnet34", "resnet50", "resnet8-cifar10", "squeezenet1.1", "vgg16",
    "vgg19", "vgg8", "vgg8-narrow",
}  # fmt: skip

PUBLISHED = [  # (network, multiply-accumulates, relative tolerance = half a unit of the last digit given, source)
    ("resnet18", 1.81e9, 0.005, "torchvision 0.15 weights table, GFLOPS (multiply-adds)"),
    ("resnet34", 3.66e9, 0.005, "torchvision 0.15 weights table"),
    ("resnet50", 4.09e9, 0.005, "torchvision 0.15 weights table"),
    ("resnet101", 7.80e9, 0.005, "torchvision 0.15 weights table"),
    ("resnet152", 11.51e9, 0.005, "torchvision 0.15 weights table"),
    ("mobilenetv2", 0.30e9, 0.017, "Sandler2018, Table 4: 300 M multiply-adds"),
    ("vgg16", 15.47e9, 0.001, "torchvision 0.15 weights table"),
    ("vgg19", 19.63e9, 0.001, "torchvision 0.15 weights table"),
    ("densenet121", 2.83e9, 0.005, "torchvision 0.15 weights table"),
    (
        "efficientnet-lite0",
        407e6,
        0.06,
        "efficientnet/lite README: 407 M, which counts additions of biases and norms too",
    ),
]


def test_the_zoo_is_complete() -> None:
    assert set(workload_names()) == ZOO


@pytest.mark.parametrize(("name", "macs", "tolerance", "source"), PUBLISHED, ids=[entry[0] for entry in PUBLISHED])
def test_published_multiply_accumulates(name: str, macs: float, tolerance: float, source: str) -> None:
    assert load_workload(name).total_macs() == pytest.approx(macs, rel=tolerance), source


def test_lenet5_by_hand() -> None:
    graph = load_workload("lenet5")
    assert graph.total_macs() == 28 * 28 * 6 * 25 + 10 * 10 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10
    assert graph.inputs()[0].shape == (1, 28, 28)


def test_vgg8_by_hand() -> None:
    widths = [(3, 128, 32), (128, 128, 32), (128, 256, 16), (256, 256, 16), (256, 512, 8), (512, 512, 8)]
    expected = sum(9 * cin * cout * side * side for cin, cout, side in widths) + 8192 * 1024 + 1024 * 10
    assert load_workload("vgg8").total_macs() == expected


@pytest.mark.parametrize(
    ("name", "convolutions", "linear"),
    [
        ("alexnet", 5, 3),
        ("vgg16", 13, 3),
        ("googlenet", 57, 1),
        ("resnet18", 20, 1),  # 17 and 3 shortcuts
        ("resnet152", 155, 1),  # 151 and 4 shortcuts
        ("mobilenetv2", 52, 1),
        ("squeezenet1.1", 26, 0),
        ("densenet121", 121, 0),  # 120 and the classifier as a 1x1 convolution
    ],
)
def test_number_of_layers_with_weights(name: str, convolutions: int, linear: int) -> None:
    kinds = [type(layer.op) for layer in load_workload(name).layers]
    assert (kinds.count(Conv), kinds.count(Linear)) == (convolutions, linear)


@pytest.mark.parametrize("name", sorted(ZOO))
def test_every_network_has_a_usable_preprocessing(name: str) -> None:
    graph = load_workload(name)
    found = preprocessing_for(name, graph)
    assert found.shape == graph.inputs()[0].shape
    assert found.source


def test_sidecars_of_the_networks_with_weights() -> None:
    squeezenet = read_preprocessing("squeezenet1.1")
    assert squeezenet is not None
    assert squeezenet.channels == "bgr"
    assert squeezenet.mean == (103.939, 116.779, 123.68)
    assert squeezenet.class_names[285] == "Egyptian cat"
    resnet8 = read_preprocessing("resnet8-cifar10")
    assert resnet8 is not None
    assert resnet8.scale == (1 / 128,)
    assert len(resnet8.class_names) == 10
    assert read_preprocessing("vgg16") is None


def test_a_network_of_a_shipped_name_kept_elsewhere_uses_the_shipped_sidecar(tmp_path: Path) -> None:
    source = shipped("workloads") / "squeezenet1.1.onnx"
    copy = tmp_path / source.name
    copy.write_bytes(source.read_bytes())
    found = read_preprocessing(copy)
    assert found is not None
    assert found.channels == "bgr"
    (tmp_path / "squeezenet1.1.inputs.yaml").write_text("size: 227\nchannels: rgb\n")
    beside = read_preprocessing(copy)
    assert beside is not None
    assert beside.channels == "rgb"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet5O", "did you mean 'resnet50'?"),
        ("", "expected"),
        ("nothing.onnx", "no such file"),
        ("nothing/at/all.yaml", "no such file"),
    ],
)
def test_unknown_networks(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("?", r"\?")):
        load_workload(name)


def test_other_files_are_no_networks(tmp_path: Path) -> None:
    other = tmp_path / "net.txt"
    other.write_text("x")
    for path in (other, tmp_path):
        with pytest.raises(InputError, match=r"expected an \.onnx or \.yaml file"):
            load_workload(path)


def licence_rows() -> dict[str, list[str]]:
    """Licences by file of the table, each row's."""
    text = (shipped("workloads") / "LICENSES.md").read_text()
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    found: dict[str, list[str]] = {}
    for files, _, _, licence in rows:
        for name in files.split(", "):
            found.setdefault(name.strip("`"), []).append(licence)
    return found


def test_every_shipped_file_has_one_line_in_the_licences() -> None:
    folder, rows = shipped("workloads"), licence_rows()
    assert {name: licences for name, licences in rows.items() if len(licences) > 1} == {}
    files = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} - {Path("LICENSES.md")}
    lines = {path: [name for name in rows if path.parent == Path(name).parent and path.match(name)] for path in files}
    assert {path: found for path, found in lines.items() if len(found) != 1} == {}


def test_licences_that_ask_for_their_text_have_it() -> None:
    text = (shipped("workloads") / "LICENSES.md").read_text()
    for name, (licence,) in licence_rows().items():
        for kind in re.findall(r"Zlib|BSD-[23]-Clause|MIT(?! \(keras)", licence):
            assert f"## `{name}`: {kind}" in text, (name, kind)


def test_the_licence_names_no_other_project() -> None:
    text = Path(__file__).parents[2].joinpath("LICENSE").read_text()
    assert [line.strip() for line in text.splitlines() if line.strip().startswith("Copyright")] == [
        "Copyright [yyyy] [name of copyright owner]"
    ]
