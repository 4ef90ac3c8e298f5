"""Worker processes: answers, errors, deaths, and what is left behind."""

from __future__ import annotations

import os
import signal
import time

import pytest

from archsim.config.shipped import find
from archsim.errors import InputError
from archsim.sweeps.processes import WorkerDied, WorkerProcess
from archsim.units import parse_integer


def test_a_process_answers_raises_dies_and_starts_again() -> None:
    with WorkerProcess() as worker:
        assert worker.submit(parse_integer, "12").result() == 12
        first = worker.pid
        assert first not in (None, os.getpid())
        with pytest.raises(ValueError, match="expected plain digits"):
            worker.submit(parse_integer, "1e3").result()
        with pytest.raises(InputError) as caught:
            worker.submit(find, "hwconfigs", "nothing.yaml", [".yaml"]).result()
        assert caught.value.problems[0].where == "'nothing.yaml'"
        assert worker.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
        worker.submit(print, "to standard error, not into the answers").result()
        with pytest.raises(WorkerDied, match="was killed"):
            worker.submit(signal.raise_signal, signal.SIGKILL).result()
        with pytest.raises(WorkerDied, match="ended with status 3"):
            worker.submit(os._exit, 3).result()
        assert worker.submit(os.getpid).result() == worker.pid != first
        last = worker.pid
    assert worker.pid is None
    assert last is not None
    assert not alive(last)


def test_shutting_down_ends_what_is_running() -> None:
    worker = WorkerProcess()
    future = worker.submit(time.sleep, 600)
    while worker.pid is None:
        time.sleep(0.01)
    pid = worker.pid
    worker.shutdown(cancel_futures=True)
    assert not alive(pid)
    assert isinstance(future.exception(), WorkerDied)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
