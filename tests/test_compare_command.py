"""`archsim compare` with `--html`: what it writes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import archsim
import archsim.cli
from archsim.cli.group import cli
from archsim.errors import InputError


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, words)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs and a sweep."""
    base = tmp_path_factory.mktemp("saved")
    net, chip = archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit")
    for bits in (8, 6):
        plan = archsim.map_network(net, chip.replace({"ima.adc.bits": bits}))
        archsim.simulate(plan, engine="kernel").save(base / f"run{bits}")
    archsim.sweep("isaac-8bit", "lenet5", {"ima.adc.bits": [6, 8]}, output=base / "sweep", workers=0)
    return base


def test_writes_a_page_beside_what_it_prints(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    found = call(folder / "run8", folder / "run6", "--html", page)
    assert found.exit_code == 0
    assert "Totals" in found.stdout
    assert found.stderr == f"page: {page} ({page.stat().st_size / 1e6:.1f} MB, works offline)\n"
    assert "ima.adc.bits=6" in page.read_text(encoding="utf-8")
    assert page.stat().st_size < 6e6


def test_one_run_makes_a_page_but_no_comparison(folder: Path, tmp_path: Path) -> None:
    found = call(folder / "run8", "--html", tmp_path / "one.html")
    assert found.exit_code == 0
    assert "bottleneck" in found.stdout
    alone = call(folder / "run8")
    assert isinstance(alone.exception, InputError)
    assert "one alone makes a page" in str(alone.exception)


def test_a_sweep_makes_a_page(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "sweep.html"
    assert call(folder / "sweep", "--html", page).exit_code == 0
    assert "Trade-offs" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sweep"], "is a sweep; expected --html FILE"),
        (["sweep", "--html", "page.html", "--json"], "is a sweep; expected --html FILE"),
        (["sweep", "run8", "--html", "page.html"], "one sweep alone"),
        (["run8", "run6", "--html", "none/page.html"], "there is no directory none"),
        (["run8", "run6", "--html", "run8"], "is a directory; expected a file"),
        ([*["run8"] * 9, "--html", "page.html"], "at most 8 runs, got 9"),
    ],
)
def test_refuses_what_makes_no_page(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(folder)
    error = call(*words).exception
    assert isinstance(error, InputError)
    assert message in str(error)
    assert not (folder / "page.html").exists()
