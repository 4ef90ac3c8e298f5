"""Sweeps that are killed, and workers that are: the same bytes as of a run that nothing happened to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import archsim
import archsim.sweeps
from tests.sweeps.held import held_command

STUDY = """name: study
hardware: isaac-8bit
workload: resnet8-cifar10
set: {mapping.timings: 1}
axes:
  tile.router.latency: [1 ns, 2 ns, 4 ns, 8 ns]
  images: [1, 2, 3, 4]
"""
POINTS = 16
WORDS = ["sweep", "study.yaml"]
COMMAND = [sys.executable, "-c", "from archsim.cli import main; main()"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("unbroken")
    study = archsim.sweeps.read_sweep(_study(folder))
    archsim.sweep(study, output=folder / "out", workers=0)
    return contents(folder / "out")


def _study(folder: Path) -> Path:
    path = folder / "study.yaml"
    path.write_text(STUDY)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def finished(folder: Path) -> int:
    return len([path for path in (folder / "points").glob("*.json") if not path.name.startswith(".")])


def wait_for(condition: Callable[[], bool], by: subprocess.Popen[Any] | None = None) -> None:
    """Until something is so: for ten minutes, or as long as the process that is to bring it about is there."""
    end = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < end, "nothing came of it"
        assert by is None or by.poll() is None, f"ended with status {by.returncode}"
        time.sleep(0.002)


def children(pid: int) -> list[int]:
    """Processes started by one, from /proc."""
    return [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads processes from /proc")
def test_a_killed_sweep_goes_on_to_the_same_bytes(tmp_path: Path, unbroken: dict[str, bytes]) -> None:
    _study(tmp_path)
    out = tmp_path / "out"
    words = [*WORDS, "-o", "out", "--workers", "2"]
    command = held_command(*words, most=POINTS - 1)
    started = subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE)
    wait_for(lambda: finished(out) >= 1, started)
    wait_for(lambda: len(children(started.pid)) == 2, started)
    workers = children(started.pid)
    os.kill(workers[0], signal.SIGKILL)  # its point is run again by another
    wait_for(lambda: finished(out) >= 3, started)
    started.kill()
    started.communicate()
    left = contents(out)
    assert 3 <= finished(out) < POINTS
    assert "table.csv" not in left
    assert all(left[name] == unbroken[name] for name in left if not name.rpartition("/")[2].startswith("."))
    wait_for(lambda: not any(map(running, workers)))
    (out / "points" / ".half.json.1.part").write_text("half a point")
    done = subprocess.run(
        [*COMMAND, *words], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "were there" in done.stderr
    assert contents(out) == unbroken


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(tmp_path: Path) -> None:
    _study(tmp_path)
    command = held_command(*WORDS, "--workers", "1", most=POINTS - 1)
    started = subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: finished(tmp_path / "study") >= 1, started)
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=600)
    assert started.returncode == 130
    assert "stopped; what is finished is in study, the same command goes on" in said
    assert "Traceback" not in said
    assert 1 <= finished(tmp_path / "study") < POINTS


def address_in(file: Path) -> str | None:
    """Of the scheduler, once it has written all of its file."""
    try:
        return str(json.loads(file.read_text())["address"])
    except (FileNotFoundError, ValueError):
        return None


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A Dask scheduler and two workers on the loopback interface: address, workers."""
    file = folder / "scheduler.json"
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    worker = ["worker", *common, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny"]
    words = [["scheduler", "--host", "127.0.0.1", "--port", "0", *common]]
    words += [[*worker, "--local-directory", str(folder), "--name", name] for name in ("a", "b")]
    started = [
        subprocess.Popen([sys.executable, "-m", "dask", *part], env=ENVIRONMENT, stderr=subprocess.DEVNULL)
        for part in words
    ]
    try:
        wait_for(lambda: file.exists() and file.read_text().rstrip().endswith("}"))  # it is not written at once
        yield json.loads(file.read_text())["address"], started[1:]
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


def test_a_dask_sweep_with_a_killed_worker_gives_the_same_bytes(tmp_path: Path, unbroken: dict[str, bytes]) -> None:
    study = archsim.sweeps.read_sweep(_study(tmp_path))
    killed: list[int] = []
    with cluster(tmp_path) as (address, workers):

        def told(state: archsim.sweeps.Progress) -> None:
            if state.done >= 2 and not killed:
                workers[0].kill()
                killed.append(state.done)

        found = archsim.sweep(study, output=tmp_path / "out", dask=address, told=told)
        assert workers[0].wait() == -signal.SIGKILL
        assert workers[1].poll() is None
    assert killed[0] < POINTS
    assert len(found.done) == POINTS
    assert contents(tmp_path / "out") == unbroken
