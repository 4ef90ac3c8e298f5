"""`archsim` with words in this process, as a user meets it: a process of its own takes a second and more to start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from archsim.cli import main

Run = Callable[..., subprocess.CompletedProcess[str]]


def command_in(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `archsim` in a folder, which is made where it is missing. An error that the command does not turn into a
    message is raised."""

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        folder.mkdir(exist_ok=True)
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            patch.setattr(sys, "argv", ["archsim", *map(str, words)])
            with pytest.raises(SystemExit) as ended:
                main()
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(words, int(str(ended.value.code)), printed.out, printed.err)

    return run
