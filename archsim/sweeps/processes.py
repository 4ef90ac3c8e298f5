"""Worker processes of one machine, each an executor of its own.

`concurrent.futures.ProcessPoolExecutor` falls whole when one process dies, does not say over which task, starts by
importing the user's script, and leaves its processes behind when the parent is killed. A process here dies alone, with
the task it had; the next task gets a new one; it reads its tasks from a pipe and ends when that does.
"""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_LENGTH = struct.Struct("<Q")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_START = "import sys; sys.path[:] = {path!r}; from archsim.sweeps.worker import main; main()"
_SECONDS_TO_END = 5


class WorkerDied(BrokenExecutor):
    """A process ended while it had a task; the message says how."""


class WorkerProcess(Executor):
    """One process with one thread that runs tasks in order; started with its first task, again after it died."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._process: subprocess.Popen[bytes] | None = None

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a function of a module in the process; the future raises what it raises, or `WorkerDied`."""
        return self._thread.submit(self._ask, fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the process; with `cancel_futures` at once, whatever it is at."""
        self._thread.shutdown(wait=False, cancel_futures=cancel_futures)
        process = self._process
        if cancel_futures and process is not None:
            process.kill()
        self._thread.shutdown(wait=wait)
        if self._process is not None:
            self._end(self._process)
            self._process = None

    @property
    def pid(self) -> int | None:
        """Number of the process, None where none has been started."""
        return None if self._process is None else self._process.pid

    def _ask(self, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        task = pickle.dumps((fn, args, kwargs))
        process = self._process = self._process or _started()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            send(process.stdin, task)
            answer = receive(process.stdout)
        except (EOFError, OSError):
            self._process = None
            raise WorkerDied(f"the process {_ended(self._end(process))}") from None
        succeeded, value = pickle.loads(answer)
        if not succeeded:
            raise value
        found: T = value
        return found

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> int:
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with suppress(OSError):  # what was left to write has no reader
                pipe.close()
        try:
            return process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def send(pipe: IO[bytes], message: bytes) -> None:
    """Write one message. Raises `OSError` where nobody reads."""
    pipe.write(_LENGTH.pack(len(message)) + message)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes:
    """Read one message. Raises `EOFError` at the end of the pipe, also in the middle of a message."""
    (length,) = _LENGTH.unpack(_read(pipe, _LENGTH.size))
    return _read(pipe, length)


def _read(pipe: IO[bytes], length: int) -> bytes:
    found = pipe.read(length)
    if len(found) < length:
        raise EOFError
    return found


def _started() -> subprocess.Popen[bytes]:
    environment = os.environ | dict.fromkeys(_ONE_THREAD, "1")
    command = [sys.executable, "-c", _START.format(path=sys.path)]
    # a session of its own: Ctrl-C is for the process that asks
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
    )


def _ended(status: int) -> str:
    if status == -9:
        return "was killed (signal 9), which is what happens where memory runs out"
    return f"died of signal {-status}" if status < 0 else f"ended with status {status}"
