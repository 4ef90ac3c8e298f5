"""Where the time goes, bit detail and traces, as a user of the command meets them."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import Run, command_in

STUDY = Path(__file__).parents[1] / "scripts" / "study_interconnect"


@pytest.fixture
def archsim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `archsim` in an empty directory."""
    return command_in(tmp_path, monkeypatch, capsys)


def test_run_says_what_limits_and_what_would_relieve(archsim: Run) -> None:
    words = ("run", "isaac-8bit", "resnet8-cifar10", "--set", "mapping.buffer_slack_rows=1", "--images", "1")
    said = archsim(*words).stdout
    found = json.loads(archsim(*words, "--json").stdout)
    limit = found["bottleneck"]
    assert f"bottleneck: {limit['sentence']}" in said
    assert f"it would be relieved by {limit['relief']}" in said
    assert limit["kind"] == "buffer"
    assert sum(row["time_s"] for row in found["critical_path"]) == pytest.approx(found["totals"]["latency_s"], rel=1e-9)
    relieved = json.loads(archsim(*words[:4], "mapping.buffer_slack_rows=3", *words[5:], "--json").stdout)
    assert relieved["totals"]["latency_s"] < 0.6 * found["totals"]["latency_s"]


def test_bit_detail_gives_the_same_result(archsim: Run) -> None:
    window = json.loads(archsim("run", "isaac-8bit", "lenet5", "--json").stdout)
    bit = json.loads(archsim("run", "isaac-8bit", "lenet5", "--detail", "bit", "--json").stdout)
    assert (window.pop("detail"), bit.pop("detail")) == ("window", "bit")
    assert bit == window


def test_bit_detail_is_refused_where_it_cannot_be(archsim: Run) -> None:
    large = archsim("run", "isaac-8bit", "vgg16", "--detail", "bit")
    assert large.returncode == 2
    assert "events for vgg16; expected at most" in large.stderr
    other = archsim("run", "isaac-8bit", "lenet5", "--detail", "bit", "--engine", "kernel")
    assert other.returncode == 2
    assert "bit needs engine simpy" in other.stderr
    assert "Traceback" not in large.stderr + other.stderr


def test_trace_is_written_beside_the_result(archsim: Run, tmp_path: Path) -> None:
    done = archsim("run", "isaac-8bit", "lenet5", "-o", "out", "--trace", "--json")
    assert done.returncode == 0
    json.loads(done.stdout)
    trace = json.loads(gzip.decompress((tmp_path / "out" / "trace.json.gz").read_bytes()))
    notes = trace["otherData"]["notes"]
    assert notes
    said = [line for line in done.stderr.splitlines() if line.startswith("trace:")]
    parts = "1 part" if len(notes) == 1 else f"{len(notes)} parts"
    assert said == [f"trace: {parts} drawn coarser than they ran (otherData.notes lists them)"]
    assert (tmp_path / "out" / "result.json").is_file()
    without = archsim("run", "isaac-8bit", "lenet5", "--trace")
    assert without.returncode == 2
    assert "--trace: needs -o DIR" in without.stderr


def test_study_of_the_interconnect_explains_its_knees() -> None:
    command = [sys.executable, str(STUDY), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 0, done.stderr
    sections = done.stdout.split("## ")[1:]
    assert len(sections) == 7
    assert [section.split()[0] for section in sections[:2]] == ["Placement", "Topology"]
    assert sections[5].startswith("Buffer rows (")
    rows = [line for line in sections[5].splitlines() if line.startswith("|")][2:]
    latency = [float(row.split("|")[2].replace(",", "")) for row in rows]
    assert latency[0] > 2 * latency[-1]
    assert "Knee at" in sections[5]
    # without slack buffers limit, and the knee's sentence says what took over
    assert "buffer" in rows[0].split("|")[-2]
    assert "From there on" in sections[5]
