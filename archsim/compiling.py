"""How kernels are compiled and where the results are kept.

Numba's own cache notices a change only of the file of the function that is called: not of a function that one calls,
nor of a constant it reads. Here an entry belongs to the content of every source file a kernel is made of, entries carry
a checksum, and a cache that cannot be used costs a note and the time to compile, never a run.
"""

from __future__ import annotations

import ast
import atexit
import os
import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Any

from numba import njit
from numba.core import event
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, NullCache, _Cache

Function = Callable[..., Any]


class CompilingNote(UserWarning):
    """Something about the cache of compiled kernels that costs time, and what to do about it."""


def kernel(function: Any = None, **options: Any) -> Any:
    """Compile a function with Numba (`options` as of `numba.njit`) and keep the result as described above.

    Use it bare or with options; `inline="always"` helpers, which are never compiled alone, need no cache of their own.
    """
    if function is None:
        return lambda one: kernel(one, **options)
    compiled = njit(**options)(function)
    compiled._cache = KernelCache(function)
    return compiled


@contextmanager
def announced(say: Callable[[], None]) -> Iterator[None]:
    """Call `say` once, before the first timing kernel is compiled; never when all come from the cache."""

    class Announcer(event.Listener):
        told = False

        def on_start(self, occurrence: event.Event) -> None:
            module = occurrence.data["dispatcher"].py_func.__module__
            if not self.told and module.startswith("archsim.timing"):
                self.told = True
                say()

        def on_end(self, occurrence: event.Event) -> None:
            """Nothing is said of the end."""

    with event.install_listener("numba:compile", Announcer()):
        yield


# ---------------------------------------------------------------------- what a kernel is made of


def stamp(function: Function) -> str:
    """Digest of the source files that a compiled function follows from: its module's, and those of all modules that
    one imports, directly or not, from the same package or from this one."""
    roots = {function.__module__.partition(".")[0], __name__.partition(".")[0]}
    seen, pending = set[str](), [function.__module__, __name__]
    digest = sha256()
    while pending:
        name = pending.pop()
        if name in seen or name.partition(".")[0] not in roots:
            continue
        seen.add(name)
        pending += _imports(name)
    for name in sorted(seen):
        digest.update(name.encode() + b"\0" + _content(name))
    return digest.hexdigest()


@cache
def _content(module: str) -> bytes:
    file = getattr(sys.modules.get(module), "__file__", None)
    return b"" if file is None else sha256(Path(file).read_bytes()).digest()


@cache
def _imports(module: str) -> tuple[str, ...]:
    """Modules that a loaded one imports when it is loaded itself."""
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    if loaded is None or file is None:
        return ()
    package = getattr(loaded, "__package__", None) or ""
    found: list[str] = []
    for node in ast.parse(Path(file).read_bytes()).body:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            # a name may be a module or something inside one; only modules have a file of their own
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(name for name in found if name in sys.modules)


# ---------------------------------------------------------------------- where results are kept


class KernelCache(_Cache):
    """The cache of one kernel, opened when the kernel is first called."""

    def __init__(self, function: Function) -> None:
        self.function = function

    @cached_property
    def opened(self) -> _Cache:
        """Numba's cache of the function, in the first folder that can be written."""
        try:
            return _Opened(self.function)
        except (OSError, RuntimeError) as error:
            _note("no folder", f"compiled kernels cannot be kept, each run compiles its own: {error} ({REMEDY})")
            return NullCache()

    @property
    def cache_path(self) -> str | None:
        """Folder of the cache."""
        path: str | None = self.opened.cache_path
        return path

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled form for a signature, or None."""
        return self.opened.load_overload(sig, target_context)

    def save_overload(self, sig: Any, cres: Any) -> None:
        """Keep a compiled form; a full disk costs a note."""
        try:
            self.opened.save_overload(sig, cres)
        except OSError as error:
            _note("unsaved", f"a compiled kernel could not be kept in {self.cache_path}: {error}")

    def enable(self) -> None:
        """Caching is always on."""

    def disable(self) -> None:
        """Caching is always on."""

    def flush(self) -> None:
        """Forget what is kept."""
        self.opened.flush()


REMEDY = "NUMBA_CACHE_DIR names a folder to keep them in"
_noted: set[str] = set()


def _note(kind: str, text: str) -> None:
    """Say something once."""
    if kind not in _noted:
        _noted.add(kind)
        warnings.warn(text, CompilingNote, stacklevel=2)


@cache
def _temporary() -> str:
    """A folder for the rest of this process and those it starts."""
    folder, maker = tempfile.mkdtemp(prefix="archsim-kernels-"), os.getpid()
    os.environ["NUMBA_CACHE_DIR"] = folder  # for workers
    atexit.register(lambda: rmtree(folder, ignore_errors=True) if os.getpid() == maker else None)
    _note(
        "temporary",
        "neither the package's folder nor the user's cache can be written: kernels are compiled anew, for this run "
        f"only ({REMEDY})",
    )
    return folder


class _TemporaryLocator:
    """The last resort, in the words of `numba.core.caching._CacheLocator`."""

    def __init__(self, function: Function, file: str) -> None:
        self._py_file = file
        self.folder = Path(_temporary()) / sha256(file.encode()).hexdigest()[:16]
        self.line = function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, py_func: Function, py_file: str) -> _TemporaryLocator:
        return cls(py_func, py_file)

    def ensure_cache_path(self) -> None:
        self.folder.mkdir(exist_ok=True)

    def get_cache_path(self) -> str:
        return str(self.folder)

    def get_source_stamp(self) -> str:
        return ""  # `stamp` takes its place

    def get_disambiguator(self) -> str:
        return str(self.line)


class _Implementation(CompileResultCacheImpl):
    _locator_classes = [*CompileResultCacheImpl._locator_classes, _TemporaryLocator]  # noqa: RUF012


class _Opened(FunctionCache):
    _impl_class = _Implementation

    def __init__(self, function: Function) -> None:
        super().__init__(function)
        self._cache_file: _Files = _Files(self._cache_path, self._impl.filename_base, stamp(function))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # whatever a file of another library version or a broken disk leads to
            self._cache_file.damaged(error)
            return None


class _Files(IndexDataCacheFile):
    """Index and data files that are believed only with their checksum and stamp: Numba's own format trusts any pickle,
    and an index written before a killed process wrote the data would name another source's."""

    def damaged(self, why: object) -> None:
        """Say that what is kept is not used."""
        folder = self._cache_path
        _note("damaged", f"the cache of compiled kernels in {folder} is damaged ({why}): they are compiled again")

    def _load_index(self) -> dict[Any, str]:
        found = self._read(self._index_path)
        return found if isinstance(found, dict) else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, overloads)

    def _load_data(self, name: str) -> Any:
        return self._read(self._data_path(name))

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), data)

    def _write(self, path: str, value: object) -> None:
        content = self._head + self._dump(value)
        with self._open_for_write(path) as file:
            file.write(sha256(content).digest() + content)

    def _read(self, path: str) -> Any:
        """What a file holds; None when there is none, it is another source's, or it is damaged."""
        try:
            data = Path(path).read_bytes()
        except FileNotFoundError:
            return None
        size = sha256().digest_size
        checksum, content = data[:size], data[size:]
        if sha256(content).digest() != checksum:
            self.damaged(f"{Path(path).name} is not what was written")
            return None
        return pickle.loads(content[len(self._head) :]) if content.startswith(self._head) else None

    @property
    def _head(self) -> bytes:
        return sha256(f"{self._version} {self._source_stamp}".encode()).digest()
