"""What converters do to values shows in the result of a run: engines, clipping, signal-to-noise ratios."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import archsim
from archsim.report.terminal import console, run_report
from archsim.result import Result, load_result
from archsim.workload import load_data, preprocessing_for

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """ResNet-8 with its trained weights on the four shipped photographs, 32 x 32, on isaac-8bit with settings."""
    squeezenet = archsim.load_workload("squeezenet1.1")
    assert squeezenet.path is not None
    data = load_data("cats", preprocessing_for(squeezenet.path, squeezenet))
    folder = tmp_path_factory.mktemp("pictures")
    small = [np.asarray(Image.fromarray(picture).resize((32, 32))) for picture in data.pixels()]
    np.savez(folder / "cats.npz", x=np.stack(small))

    def simulate(**settings: object) -> Result:
        changes = {key.replace("__", "."): value for key, value in settings.items()}
        hardware = archsim.load_hardware("isaac-8bit").replace(changes)
        plan = archsim.map_network(archsim.load_workload("resnet8-cifar10"), hardware)
        return archsim.simulate(plan, inputs=folder / "cats.npz", engine="kernel")

    return simulate


@pytest.fixture(scope="module")
def runs(run: Run) -> dict[int, Result]:
    return {bits: run(ima__adc__bits=bits) for bits in (8, 7, 6, 5, 4)}


def test_a_lossless_converter_changes_nothing(run: Run, runs: dict[int, Result]) -> None:
    """8 bits are lossless with the flip encoding (V16); 9 bits and the ideal converter give the same values."""
    exact = runs[8].function
    assert exact is not None
    assert exact.engines == {"integer": 10}
    for other in (run(ima__adc__bits=9), run(ima__adc__transfer__kind="ideal", ima__adc__bits=1)):
        assert other.function == exact
    crossbars = [row for row in runs[8].layers if row.crossbars]
    assert all((row.engine, row.clipped_fraction, row.unproven_fraction) == ("integer", 0.0, 0.0) for row in crossbars)


def test_fewer_bits_clip_more_and_cost_fidelity(runs: dict[int, Result]) -> None:
    clipped = [max(row.clipped_fraction or 0.0 for row in runs[bits].layers) for bits in (8, 7, 6, 5, 4)]
    assert clipped == sorted(clipped)
    assert clipped[0] == 0 < clipped[2] < clipped[4]
    ratios = [runs[bits].function.logit_snr_db for bits in (8, 6, 5, 4)]  # type: ignore[union-attr]
    assert ratios == sorted(ratios, reverse=True)  # type: ignore[type-var]


def test_layers_say_where_accuracy_is_lost(runs: dict[int, Result]) -> None:
    """Every stage that was computed has a ratio; the lossy machine's is below the lossless one's at the end."""
    for bits in (8, 5):
        for row in runs[bits].layers:
            assert row.snr_db is not None, row.name
            assert (row.engine is None) == (row.crossbars == 0)
    assert runs[5].layers[-1].snr_db < runs[8].layers[-1].snr_db  # type: ignore[operator]
    summary = runs[5].function
    assert summary is not None
    assert sum(summary.engines.values()) == sum(row.crossbars > 0 for row in runs[5].layers)
    assert summary.snr_pictures == 2


def test_digital_stages_and_runs_without_pictures_have_no_conversions(runs: dict[int, Result]) -> None:
    assert all(row.clipped_fraction is None for row in runs[6].layers if not row.crossbars)
    plan = archsim.map_network(archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit"))
    for row in archsim.simulate(plan).layers:
        assert (row.engine, row.clipped_fraction, row.unproven_fraction, row.snr_db) == (None,) * 4


def test_calibrated_converters_say_on_what(run: Run) -> None:
    result = run(ima__adc__transfer__range="calibrated", ima__adc__bits=7)
    assert any("observed on" in note for note in result.notes)
    assert result.function is not None
    assert result.function.engines == {"bit-plane": 10}
    # the range holds every sum observed, with exact converters before; rounding moves later layers a little
    clipped = [row.clipped_fraction for row in result.layers if row.clipped_fraction is not None]
    assert clipped[0] == 0
    assert max(clipped) < 0.01


def test_round_trip_and_report(runs: dict[int, Result], tmp_path: Path) -> None:
    runs[5].save(tmp_path)
    assert load_result(tmp_path) == runs[5]
    screen = console(176)
    with screen.capture() as text:
        screen.print(run_report(runs[5]))
    assert "arithmetic by crossbar layer: bit-plane" in text.get()
    assert "clipped conversions: most in" in text.get()


def test_same_seed_same_bytes(run: Run) -> None:
    settings = {"ima__adc__bits": 6, "device__stuck__on": 0.01}
    first, again = run(**settings), run(**settings)
    assert first.to_json() == again.to_json()
    assert first != replace(first, seed=1)
