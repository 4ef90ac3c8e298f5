"""What points are made of: hardware files, networks and pictures, each read once, and the content key of a point."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from archsim import __version__
from archsim.config import Hardware, load_hardware
from archsim.config.document import Block, plain
from archsim.config.merge import apply_overrides
from archsim.errors import InputError
from archsim.sweeps.point import Point
from archsim.workload import Dataset, Graph, default_preprocessing, load_data, load_workload, preprocessing_for
from archsim.workload.loading import find_sidecar
from archsim.workload.weights import workload_hash

Read = TypeVar("Read")
_KEPT = {"graph": 8, "pictures": 4}
"""Large things of a kind that are kept; of others, such as digests, `_MOST`."""
_MOST = 256
_BATCH = 64


class Inputs:
    """Files that points name, read once, and digests of their content. Not for several threads at a time.

    What a name or path stood for is kept, so many of a kind and those used last: `forget` before files that changed
    meanwhile are read again.
    """

    def __init__(self) -> None:
        self._kept: dict[str, OrderedDict[Hashable, Any]] = {}
        self._digests: WeakKeyDictionary[Graph, str] = WeakKeyDictionary()

    def forget(self) -> None:
        """Read everything anew from now on."""
        self._kept.clear()

    def hardware(self, given: str | Hardware) -> Hardware:
        """A hardware file without a point's settings. Raises `InputError` where it is not valid by itself."""
        return given if isinstance(given, Hardware) else self._once("hardware", given, lambda: load_hardware(given))

    def graph(self, given: str | Graph) -> Graph:
        """A network. Raises `InputError` where it cannot be read."""
        if isinstance(given, Graph):
            return given

        def read() -> Graph:
            self._drop("workload", given)
            return load_workload(given)

        return self._once("graph", given, read)

    def judged(self, point: Point) -> Graph:
        """A point's network, judged by the output that the point names. Raises `InputError` as `graph`, and where it
        has no such output."""
        return self.graph(point.workload).judging(point.judge)

    def pictures(self, point: Point) -> Dataset | None:
        """The pictures that a point computes, if any. Raises `InputError` where they cannot be read."""
        return None if point.input is None else self._pictures(point, point.input, point.limit)

    def calibration(self, point: Point) -> Dataset | str | None:
        """What a point calibrates on: pictures, or the path of a saved calibration."""
        if point.calibrate is None or point.calibrate.endswith(".json"):
            return point.calibrate
        return self._pictures(point, point.calibrate, None)

    def key(self, point: Point) -> str:
        """SHA-256 (hexadecimal) of all that the point's figures follow from: the expanded hardware document with its
        settings, the network with weights and sidecar, the bytes of the pictures, seed, images, engine and version.

        Points whose settings are refused have a key as well. Raises `InputError` for files that cannot be read.
        """
        hardware = self.hardware(point.hardware)
        changed, problems = apply_overrides(hardware.bare, point.settings)
        parts = {
            "archsim": __version__,
            "file": _block_digest(hardware.file),
            "hardware": _block_digest(changed),
            "refused": [str(problem) for problem in problems],
            "workload": self._workload_digest(point.workload),
            "input": None if point.input is None else self.data_digest(point, point.input, point.limit),
            "calibrate": None if point.calibrate is None else self.data_digest(point, point.calibrate, None),
            "judge": point.judge,
            "seed": point.seed,
            "images": point.images,
            "engine": point.engine,
        }
        return _digest(json.dumps(parts, sort_keys=True).encode())

    def _pictures(self, point: Point, data: str, limit: int | None) -> Dataset:
        identity = (self._workload_digest(point.workload), point.judge, data, limit)

        def read() -> Dataset:
            self._drop("data", identity)
            graph = self.judged(point)
            preprocessing = preprocessing_for(graph.path, graph) if graph.path else default_preprocessing(graph)
            classes = graph.classes
            return load_data(data, preprocessing, limit=limit, classes=classes)

        return self._once("pictures", identity, read)

    def _workload_digest(self, given: str | Graph) -> str:
        if isinstance(given, str):
            return self._once("workload", given, lambda: _graph_digest(self.graph(given)))
        if given not in self._digests:
            self._digests[given] = _graph_digest(given)
        return self._digests[given]

    def data_digest(self, point: Point, data: str, limit: int | None) -> str:
        """Digest of pictures as the point's network gets them, or of a saved calibration."""
        if data.endswith(".json"):
            return _file_digest(Path(data))
        identity = (self._workload_digest(point.workload), point.judge, data, limit)
        return self._once("data", identity, lambda: _pictures_digest(self._pictures(point, data, limit)))

    def _drop(self, kind: str, name: Hashable) -> None:
        """Forget the digest of what is read again: it may be of other content by now."""
        self._kept.get(kind, OrderedDict()).pop(name, None)

    def _once(self, kind: str, name: Hashable, read: Callable[[], Read]) -> Read:
        kept = self._kept.setdefault(kind, OrderedDict())
        if name not in kept:
            kept[name] = read()
        kept.move_to_end(name)
        while len(kept) > _KEPT.get(kind, _MOST):
            kept.popitem(last=False)
        found: Read = kept[name]
        return found


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _block_digest(block: Block) -> str:
    return _digest(json.dumps(plain(block), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode())


def _graph_digest(graph: Graph) -> str:
    """Structure, names and order of the layers, weights, and what lies beside the file."""
    layers = [(layer.name, repr(layer.op), layer.inputs, layer.shape) for layer in graph.layers]
    sidecar = find_sidecar(graph.path) if graph.path else None
    beside = None if sidecar is None else _file_digest(sidecar)
    return _digest(repr((workload_hash(graph), graph.weights, layers, graph.outputs, graph.chosen, beside)).encode())


def _pictures_digest(data: Dataset) -> str:
    """Pixels as the network gets them, labels and preprocessing."""
    found = hashlib.sha256(repr((data.preprocessing, len(data), data.notes)).encode())
    if data.labels is not None:
        found.update(data.labels.astype("<i8").tobytes())
    for start in range(0, len(data), _BATCH):
        found.update(data.pixels(start, start + _BATCH).tobytes())
    return found.hexdigest()


def _file_digest(path: Path) -> str:
    try:
        return _digest(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", str(path)) from None
