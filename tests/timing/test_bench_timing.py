"""The benchmark script runs and its numbers hang together."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_quick_benchmark() -> None:
    script = Path(__file__).parents[2] / "scripts" / "bench_timing"
    done = subprocess.run([sys.executable, script, "--quick", "--json"], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    engines = found["engines"]
    assert engines["different_stamps"] == {}
    assert engines["simpy_against_bare"] == engines["simpy_events_per_s"] / engines["bare_events_per_s"]
    assert engines["kernel_against_simpy"] > 5
    assert [row["images"] for row in found["images"]] == [1, 2, 4, 8]
    assert [row["windows"] for row in found["images"]] == [engines["windows"] * images for images in (1, 2, 4, 8)]
    assert found["stream"]["simulated_images"] < found["stream"]["images"]
