"""Progress and outcome of a sweep on a terminal."""

from __future__ import annotations

import pytest

from archsim.report.sweeping import described, sweep_bar, sweep_report
from archsim.report.tables import console
from archsim.sweeps import Progress, Sweep


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (Progress(done=0, total=5, found=0, failed=0, seconds_left=None), "0 of 5 points"),
        (
            Progress(done=3, total=5, found=2, failed=1, seconds_left=75.4),
            "3 of 5 points, 2 were there, 1 failed, 1:15 left",
        ),
        (Progress(done=3, total=5, found=0, failed=0, seconds_left=7261), "3 of 5 points, 2:01:01 left"),
        (Progress(done=5, total=5, found=0, failed=0, seconds_left=0.0), "5 of 5 points"),
    ],
)
def test_progress_in_words(state: Progress, text: str) -> None:
    assert described(state) == text


def test_outside_a_terminal_there_are_some_lines_however_many_points(capsys: pytest.CaptureFixture[str]) -> None:
    with sweep_bar() as told:
        for done in range(1001):
            told(Progress(done=done, total=1000, found=0, failed=0, seconds_left=None))
    lines = capsys.readouterr().err.splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("0 of 1000 points", "1000 of 1000 points", 21)


def sweep(count: int, errors: int = 0) -> Sweep:
    figures = {"area_m2": 1e-6, "interval_s": None, "accuracy": 0.5, "bottleneck": "[bold]bus"}
    rows = [
        {
            "point": i, "ima.adc.bits": i, "error": "", **figures,
            "latency_s": 1e-3 * (1 + i % 5), "energy_per_image_j": 1e-6 * (150 - i),
        }
        for i in range(count)
    ]  # fmt: skip
    rows += [{"point": count + i, "ima.adc.bits": i, "error": f"[red]wrong {i % 7}"} for i in range(errors)]
    return Sweep(name="s", description="", axes=("ima.adc.bits", "x"), rows=tuple(rows), points=count + errors)


def printed(given: Sweep, capsys: pytest.CaptureFixture[str]) -> str:
    console().print(sweep_report(given))
    return capsys.readouterr().out


def test_a_small_sweep_is_printed_whole_and_literally(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(sweep(3, errors=9), capsys)
    assert "s: 3 points" in text
    assert "150 uJ" in text
    assert "[bold]bus" in text
    assert "failed 2 x: [red]wrong 0" in text
    assert "and 2 other errors (table.csv)" in text


def test_of_a_large_sweep_the_front_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(sweep(130), capsys)
    title = "s: 5 of 130 points that none beats in energy per image, latency, area, accuracy"
    assert title in " ".join(text.split())
    numbers = [line.split()[0] for line in text.splitlines() if line[:1].isdigit()]
    assert numbers == ["125", "126", "127", "128", "129"]


def test_a_sweep_without_a_good_point_has_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(sweep(0, errors=1), capsys) == "failed 1 x: [red]wrong 0\n"
