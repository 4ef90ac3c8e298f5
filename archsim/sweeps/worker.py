"""A worker process: tasks come in on standard input, answers go out on standard output."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import IO

from archsim.sweeps.processes import receive, send


def main() -> None:
    """Run tasks until there are no more or the process that asks has gone.

    What a task prints goes to standard error. Ctrl-C is for the process that asks: it ends this one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    try:
        while True:
            send(answers, _answer(receive(sys.stdin.buffer)))
    except (EOFError, BrokenPipeError):
        _leave(answers)


def _answer(task: bytes) -> bytes:
    try:
        function, args, kwargs = pickle.loads(task)
        return pickle.dumps((True, function(*args, **kwargs)))
    except Exception as error:
        return pickle.dumps((False, _portable(error)))


def _portable(error: Exception) -> Exception:
    """The error itself where it survives a journey, else its text."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _leave_with(parent: int) -> None:
    """End this process soon after its parent, in the middle of a point if need be."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _leave(answers: IO[bytes]) -> None:
    with suppress(OSError):  # an answer that nobody reads
        answers.close()
