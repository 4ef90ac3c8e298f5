"""Every script with a quick form runs in it: those that make the README's figures, and benchmarks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
TESTS = Path(__file__).parents[1]
WORDS = {
    "study_devices": ["--axis", "ADC resolution"],
    "study_operands": ["-o", "{folder}"],
    "study_converters": ["--workers", "1", "-o", "{folder}"],
    "study_search": ["--workers", "1", "--seeds", "1"],
    "study_comparisons": ["--workers", "0"],
}
"""Further words for the quick form."""
TESTED = {
    "bench_timing": "timing/test_bench_timing.py",
    "study_interconnect": "test_cli_timing.py",
    "train_lenet5": "training/test_lenet5.py",
}
"""Scripts whose quick form has a test of its own, and where."""
PRINTED = {
    "study_devices": r"\| 8 \| \d+\.\d\d% \|",
    "study_operands": r"(?s)Totals of resnet8-cifar10.*precision.weight_bits +16 +8\n.*figures/totals.pdf",
    "study_converters": r"\| 8 \| \d+\.\d\d% \| \d+\.\d\d% \| \d+\.\d nJ \| 19.35 mm2 \|\n\| 6 \|",
    "study_search": r"(?s)135 points, 0 failed; 27 trials.*\| tpe \| 0\.\d\d\d \|.*logarithms.*\| random \| 0",
    "study_comparisons": r"(?s)\| workload \| isaac-ce \| isaac-8bit \|.*\| lenet5, 1 GHz \| \d+,\d+ \(\w+\) \|",
    "bench_sweep": r"\| 1 process \| 4 \|",
    "bench_function": r"\| integer \| 1 \| \d+\.\d\d \|",
}
"""What the quick form prints, where it is known beforehand."""


def with_quick_form() -> list[str]:
    return sorted(path.name for path in SCRIPTS.iterdir() if '"--quick"' in path.read_text(encoding="utf-8"))


def test_scripts_are_found() -> None:
    names = with_quick_form()
    assert set(WORDS) | set(TESTED) | set(PRINTED) <= set(names)
    for path in SCRIPTS.iterdir():
        assert os.access(path, os.X_OK), f"{path.name} cannot be run"
        assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env ")
    for name, test in TESTED.items():
        text = (TESTS / test).read_text(encoding="utf-8")
        assert f'"{name}"' in text
        assert '"--quick"' in text


@pytest.mark.parametrize("name", [name for name in with_quick_form() if name not in TESTED])
def test_quick_form(name: str, tmp_path: Path) -> None:
    words = [word.format(folder=tmp_path / "out") for word in WORDS.get(name, [])]
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / name), "--quick", *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        env={**os.environ, "NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert re.search(PRINTED.get(name, r"\|"), done.stdout), done.stdout
    if name == "study_operands":
        assert (tmp_path / "out" / "figures" / "totals.pdf").stat().st_size > 5_000
