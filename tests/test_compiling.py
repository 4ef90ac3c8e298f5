"""Compiled kernels follow their sources, and their cache is never in the way."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import archsim
from archsim.compiling import stamp

HELPER = (
    "from archsim.compiling import kernel\nfrom copied.constants import TWICE\n\n@kernel\ndef part(x):\n    return {}\n"
)
CALLER = """
import sys, warnings
warnings.showwarning = lambda message, *rest: print("note:", message)
from archsim.compiling import kernel
from copied.helper import part

@kernel
def whole(x):
    return part(x) + 1

if __name__ != "__main__":
    print(whole(20), whole.stats.cache_hits and "kept" or "compiled")
"""


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A package of a kernel, the kernel it calls in another file, and a constant of a third."""
    folder = tmp_path / "copied"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "constants.py").write_text("TWICE = 2\n")
    (folder / "helper.py").write_text(HELPER.format("x * TWICE"))
    (folder / "caller.py").write_text(CALLER)
    return tmp_path


def _call(where: Path, *settings: str, folder: str = "kept") -> str:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{where}:{Path(archsim.__file__).parents[1]}"}
    environment |= {"NUMBA_CACHE_DIR": str(where / folder)} if folder else {}
    environment |= dict(setting.split("=") for setting in settings)
    command = [sys.executable, "-c", "import copied.caller"]
    run = subprocess.run(command, env=environment, cwd=where, text=True, capture_output=True, check=True)
    assert run.stderr == ""
    return run.stdout.strip()


def test_an_edit_of_a_called_function_or_its_constant_is_seen(copied: Path) -> None:
    assert _call(copied) == "41 compiled"
    assert _call(copied) == "41 kept"
    (copied / "copied" / "helper.py").write_text(HELPER.format("x * TWICE * 10"))
    assert _call(copied) == "401 compiled"
    (copied / "copied" / "constants.py").write_text("TWICE = 3\n")
    assert _call(copied) == "601 compiled"
    assert _call(copied) == "601 kept"


@pytest.mark.parametrize(("suffix", "harm"), [("nbi", "emptied"), ("nbc", "halved"), ("nbc", "flipped")])
def test_a_damaged_cache_is_compiled_again_with_one_line(copied: Path, suffix: str, harm: str) -> None:
    _call(copied)
    for file in (copied / "kept").rglob(f"*.{suffix}"):
        data = bytearray(file.read_bytes())
        data[-1] ^= harm == "flipped"
        file.write_bytes(data[: {"emptied": 0, "halved": len(data) // 2, "flipped": len(data)}[harm]])
    note, answer = _call(copied).splitlines()
    assert re.fullmatch(r"note: the cache of compiled kernels in .*kept.* is damaged .*: they are compiled again", note)
    assert answer == "41 compiled"
    assert _call(copied) == "41 kept"


def test_without_a_folder_to_write_kernels_last_for_the_run(copied: Path) -> None:
    for folder in ("", "copied"):
        (copied / folder / "__pycache__").write_text("no folder can be made here")
    told = _call(copied, "HOME=/proc/nowhere", f"TMPDIR={copied}", "PYTHONDONTWRITEBYTECODE=1", folder="")
    # this package's own kernels need none of it: only the copy is in the way
    note, answer = told.splitlines()
    assert "kernels are compiled anew, for this run only (NUMBA_CACHE_DIR names a folder" in note
    assert answer == "41 compiled"
    assert list(copied.glob("archsim-kernels-*")) == []


def test_a_kernel_is_made_of_all_files_it_imports() -> None:
    from archsim.timing.kernels.events import advance
    from archsim.timing.kernels.heap import pop

    assert stamp(advance.py_func) != stamp(pop.py_func)


def test_all_kernels_are_compiled_by_the_one_decorator() -> None:
    """Numba's own cache is asked for nowhere."""
    package = Path(archsim.__file__).parent
    asks = [path for path in package.rglob("*.py") if re.search(r"cache ?= ?True", path.read_text(encoding="utf-8"))]
    assert asks == []
