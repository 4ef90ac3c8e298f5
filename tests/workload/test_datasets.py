"""Data sets: shipped ones, folders, zip archives, .npz files, and what can be wrong with them."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from archsim.config.shipped import shipped
from archsim.errors import InputError
from archsim.workload import DATASETS, Dataset, Preprocessing, load_data, read_preprocessing

RGB = Preprocessing(size=(8, 8))
DIGITS = Preprocessing(size=(28, 28), channels="gray", scale=(1 / 255,))


def picture(seed: int, size: int = 8, format_: str = "PNG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, format_)
    return stream.getvalue()


def folder(tmp_path: Path, *names: str) -> Path:
    root = tmp_path / "pictures"
    for seed, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(seed))
    return root


def archive(tmp_path: Path, *names: str) -> Path:
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as target:
        for seed, name in enumerate(names):
            target.writestr(name, picture(seed))
    return path


def complaint(data: str | Path, preprocessing: Preprocessing = RGB, **options: int) -> str:
    with pytest.raises(InputError) as caught:
        load_data(data, preprocessing, **options)
    return str(caught.value)


def test_cats_are_classified_by_the_shipped_network() -> None:
    preprocessing = read_preprocessing("squeezenet1.1")
    assert preprocessing is not None
    cats = load_data("cats", preprocessing, classes=1000)
    assert cats.labels is not None
    session = onnxruntime.InferenceSession(
        shipped("workloads") / "squeezenet1.1.onnx", providers=["CPUExecutionProvider"]
    )
    assert session.run(None, {"x": cats.images()})[0].argmax(1).tolist() == cats.labels.tolist() == [281, 283, 284, 285]


@pytest.mark.parametrize("name", ["digits", "fashion"])
def test_parts_of_the_shipped_sets(name: str) -> None:
    train, test, default = (load_data(data, DIGITS, classes=10) for data in (f"{name}:train", f"{name}:test", name))
    assert (len(train), len(test)) == (8000, 2000)
    assert set(train.names) | set(test.names) == {str(index) for index in range(10000)}
    assert default.names == test.names
    order = np.random.default_rng(0).permutation(10000)
    assert [int(text) for text in (*train.names, *test.names)] == order.tolist()
    assert train.labels is not None
    assert np.bincount(train.labels, minlength=10).min() > 600
    with np.load(shipped("workloads") / "data" / DATASETS[name].file) as stored:
        np.testing.assert_array_equal(test.pixels(5, 6)[0, :, :, 0], stored["x"][order[8005]])
        assert test.labels is not None
        assert test.labels[5] == stored["y"][order[8005]]


def test_images_are_normalised_pixels() -> None:
    digits = load_data("digits", DIGITS, limit=10)
    images, pixels = digits.images(), digits.pixels()
    assert images.shape == (10, 1, 28, 28)
    assert pixels.shape == (10, 28, 28, 1)
    np.testing.assert_allclose(images[:, 0], pixels[:, :, :, 0] / 255, rtol=1e-6)


def test_batches_cover_the_set_in_order(tmp_path: Path) -> None:
    data = load_data(folder(tmp_path, *(f"{index}.png" for index in range(7))), RGB)
    batches = list(data.batches(3))
    assert [len(batch.names) for batch in batches] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate([batch.images for batch in batches]), data.images())
    np.testing.assert_array_equal(np.concatenate([batch.pixels for batch in batches]), data.pixels())
    assert data.labels is not None
    assert [label for batch in batches for label in np.asarray(batch.labels).tolist()] == data.labels.tolist()
    assert data.labels.tolist() == list(range(7))


def test_folder_and_zip_are_the_same(tmp_path: Path) -> None:
    names = ("3_a.png", "12_b.png", "7.png")
    loose, packed = load_data(folder(tmp_path, *names), RGB), load_data(archive(tmp_path, *names), RGB)
    assert loose.names == packed.names
    np.testing.assert_array_equal(loose.images(), packed.images())
    assert dict(zip(loose.names, loose.labels.tolist(), strict=True)) == {"3_a.png": 3, "12_b.png": 12, "7.png": 7}  # type: ignore[union-attr]


def test_a_path_may_continue_inside_a_zip(tmp_path: Path) -> None:
    path = archive(tmp_path, "set/test/0_cat/a.png", "set/test/1_dog/b.png", "set/train/0_cat/c.png")
    found = load_data(f"{path}/set/test", RGB)
    assert found.names == ("0_cat/a.png", "1_dog/b.png")
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1]
    assert "has no folder 'set/tset'; it has set/test/0_cat" in complaint(f"{path}/set/tset")


def test_an_archive_is_listed_once_and_again_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    class Counted(zipfile.ZipFile):
        def __init__(self, file: Path, mode: str = "r") -> None:
            opened.append(mode)
            super().__init__(file, mode)  # type: ignore[arg-type]

    data = load_data(archive(tmp_path, *(f"{index}.png" for index in range(6))), RGB)
    first = data.pixels()
    monkeypatch.setattr(zipfile, "ZipFile", Counted)
    assert (np.concatenate([batch.pixels for batch in data.batches(2)]) == first).all()
    assert opened == []
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as target:
        for index in range(6):
            target.writestr(f"{index}.png", picture(5 - index))
    (tmp_path / "new.zip").replace(tmp_path / "pictures.zip")
    assert (np.concatenate([batch.pixels for batch in data.batches(2)]) == first[::-1]).all()
    assert opened == ["w", "r"]


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("cat/a.png", "ant/b.png", "dog/c.png", "cat/d.png"), [0, 1, 1, 2]),  # sorted: ant, cat, cat, dog
        (("10_x/a.png", "2_y/b.png"), [10, 2]),
        (("a.png", "b.png"), None),
    ],
)
def test_classes(tmp_path: Path, names: tuple[str, ...], labels: list[int] | None) -> None:
    found = load_data(folder(tmp_path, *names), RGB).labels
    assert (None if found is None else found.tolist()) == labels


def test_single_picture(tmp_path: Path) -> None:
    path = folder(tmp_path, "5_x.png") / "5_x.png"
    found = load_data(path, RGB)
    assert found.labels is not None
    assert (len(found), found.labels.tolist()) == (1, [5])


def test_limit_is_spread_over_the_classes(tmp_path: Path) -> None:
    names = [f"{label}_{index}.png" for label in range(4) for index in range(3)]
    found = load_data(folder(tmp_path, *names), RGB, limit=4)
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1, 2, 3]
    assert len(load_data(tmp_path / "pictures", RGB, limit=99)) == 12
    assert "limit" in complaint(tmp_path / "pictures", limit=0)


def test_other_files_are_passed_over(tmp_path: Path) -> None:
    root = folder(tmp_path, "1.png")
    (root / "readme.txt").write_text("x")
    (root / ".hidden.png").write_text("x")
    assert load_data(root, RGB).names == ("1.png",)


def test_memory_is_bounded_by_the_batch(tmp_path: Path) -> None:
    import tracemalloc

    root = folder(tmp_path, *(f"{index}.png" for index in range(40)))
    large = Preprocessing(size=(256, 256))
    tracemalloc.start()
    try:
        for _ in load_data(root, large).batches(2):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 * 256 * 256 * 3 * 4 / 4  # a quarter of the set as float32


def arrays(tmp_path: Path, **content: np.ndarray) -> Path:
    path = tmp_path / "set.npz"
    np.savez(path, **content)  # type: ignore[arg-type]
    return path


def test_npz_of_colour_pictures(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    path = arrays(tmp_path, x=x, y=np.arange(5, dtype=np.uint8))
    found = load_data(path, RGB, classes=5)
    np.testing.assert_array_equal(found.pixels(), x)
    assert found.labels is not None
    assert found.labels.dtype == np.int64
    swapped = load_data(path, Preprocessing(size=(8, 8), channels="bgr"))
    np.testing.assert_array_equal(swapped.pixels(), x[..., ::-1])
    assert load_data(arrays(tmp_path, x=x), RGB).labels is None


X = np.zeros((5, 8, 8, 3), np.uint8)
BAD_ARRAYS: dict[str, tuple[dict[str, np.ndarray], str]] = {
    "size": ({"x": X[:, :7]}, "has pictures of 7 x 8 x 3 (height x width x channels); the network takes 8 x 8 x 3"),
    "channels": ({"x": X[..., 0]}, "has pictures of 8 x 8 x 1"),
    "type": ({"x": X.astype(np.float32)}, "x is float32 [5, 8, 8, 3]; expected uint8"),
    "rank": ({"x": X[0, 0]}, "expected uint8 [N, H, W] or [N, H, W, C]"),
    "empty": ({"x": X[:0]}, "with N of 1 or more"),
    "no x": ({"images": X}, "holds images; expected x"),
    "lengths": ({"x": X, "y": np.arange(4)}, "has 5 pictures in x and 4 labels in y"),
    "label type": ({"x": X, "y": np.zeros(5)}, "y is float64 [5]; expected integers [N]"),
    "labels": (
        {"x": X, "y": np.array([0, 1, 9, 10, -1])},
        "2 labels are out of range: 3 has 10, 4 has -1; expected 0 to 9",
    ),
    "objects": ({"x": np.array([{}, 1], dtype=object)}, "is no .npz archive of plain arrays"),
}


@pytest.mark.parametrize(("content", "said"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_bad_arrays(tmp_path: Path, content: dict[str, np.ndarray], said: str) -> None:
    path = arrays(tmp_path, **content)
    text = complaint(path, classes=10)
    assert text.startswith(str(path))
    assert said in text


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 damaged", b"\x93NUMPY"])
@pytest.mark.parametrize("suffix", [".npz", ".zip"])
def test_damaged_archives(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"set{suffix}"
    path.write_bytes(content)
    assert complaint(path).startswith(str(path))


def test_plain_array_under_the_name_of_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    with path.open("wb") as stream:
        np.save(stream, X)
    assert "is no .npz archive" in complaint(path)


def test_every_truncation_of_an_archive_is_refused(tmp_path: Path) -> None:
    whole = arrays(tmp_path, x=X, y=np.arange(5)).read_bytes()
    for length in range(0, len(whole) - 1, 97):
        path = tmp_path / "cut.npz"
        path.write_bytes(whole[:length])
        complaint(path)


def check_unreadable(data: Path, *names: str) -> None:
    text = complaint(data)
    for name in names:
        assert f"{data}/{name}: is no readable picture" in text


def test_all_unreadable_pictures_are_named(tmp_path: Path) -> None:
    root = folder(tmp_path, "1.png", "2.png", "3.jpg")
    (root / "2.png").write_bytes(b"no picture")
    (root / "3.jpg").write_bytes(b"")
    check_unreadable(root, "2.png", "3.jpg")


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_truncated_pictures(tmp_path: Path, format_: str) -> None:
    root = tmp_path / "pictures"
    root.mkdir()
    whole = picture(1, 64, format_)
    refused = 0
    for length in range(0, len(whole), max(1, len(whole) // 40)):
        path = root / f"1.{format_.lower().replace('jpeg', 'jpg')}"
        path.write_bytes(whole[:length])
        message = ""
        try:
            load_data(root, RGB).images()
        except InputError as error:
            message = str(error)
            refused += 1
        assert not message or str(path) in message
    assert refused >= 10


def test_damaged_member_of_a_zip(tmp_path: Path) -> None:
    path = archive(tmp_path, "1.png", "2.png")
    raw = bytearray(path.read_bytes())
    raw[60:90] = bytes(30)
    path.write_bytes(raw)
    check_unreadable(path, "1.png")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), "holds no pictures"),
        (("1.png", "2.png", "x.png"), "x.png: does not start with its class number"),
        (("1.png", "sub/2.png"), "mixes pictures and folders"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    (tmp_path / "pictures").mkdir()
    assert said in complaint(folder(tmp_path, *names))


def test_labels_beyond_the_network(tmp_path: Path) -> None:
    text = complaint(folder(tmp_path, "1.png", "12.png"), classes=10)
    assert "12.png has 12; expected 0 to 9 (the network has 10 classes)" in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cat", "did you mean 'cats'?"),
        ("cats:train", "it has no parts"),
        ("digits:tarin", "did you mean 'train'?"),
        ("no/such/folder", "no data set or file of this name"),
        ("a\0b", "'a"),
        ("x" * 5000, "'xxx"),
    ],
)
def test_names_that_mean_nothing(name: str, said: str) -> None:
    assert said in complaint(name)


def test_shipped_copies_equal_their_origin() -> None:
    origin = Path(__file__).parents[2] / "../shared/data"
    if not origin.is_dir():
        pytest.skip("the original data beside the checkout are not there")
    with np.load(origin / "fashion_mnist.npz") as full, np.load(shipped("workloads") / "data/fashion.npz") as copy:
        np.testing.assert_array_equal(copy["x"], full["x_test"])
        np.testing.assert_array_equal(copy["y"], full["y_test"])


def test_length(tmp_path: Path) -> None:
    found = load_data(folder(tmp_path, "1.png", "2.png"), RGB)
    assert isinstance(found, Dataset)
    assert len(found) == 2


@pytest.fixture
def rgb() -> Preprocessing:
    return Preprocessing(size=(8, 9), scale=(1 / 255,))


def test_labels_of_a_shipped_set_are_left_out_where_they_do_not_fit(rgb: Preprocessing) -> None:
    found = load_data("cats", rgb, classes=10)
    assert found.labels is None
    assert found.notes == (
        "labels of cats left out: they reach 285, the network has 10 classes, so no accuracy is reported",
    )
    fitting = load_data("cats", rgb, classes=1000)
    assert fitting.labels is not None
    assert fitting.notes == ()
    assert fitting.origin == "hand-collected photographs in the public domain, as in the Python package alibi"


def test_labels_of_a_users_set_are_refused_and_counted(tmp_path: Path, rgb: Preprocessing) -> None:
    size = (5, *rgb.size, 3)
    np.savez(tmp_path / "x.npz", x=np.zeros(size, np.uint8), y=np.array([0, 11, 12, 13, 14]))
    with pytest.raises(InputError, match="4 labels are out of range: 1 has 11, 2 has 12, 3 has 13 and 1 more"):
        load_data(tmp_path / "x.npz", rgb, classes=10)


def test_arrays_like_network_inputs_are_refused_with_advice(tmp_path: Path, rgb: Preprocessing) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 3, *rgb.size), np.float32))
    with pytest.raises(InputError, match=r"channels last: x.transpose\(0, 2, 3, 1\); pixels 0 to 255 before any norm"):
        load_data(tmp_path / "x.npz", rgb)
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 3, *rgb.size), np.uint8))
    with pytest.raises(InputError, match=r"channels last: x.transpose\(0, 2, 3, 1\)\)"):
        load_data(tmp_path / "x.npz", rgb)
