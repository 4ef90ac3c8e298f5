from __future__ import annotations

import pytest

from archsim.report.figures.scales import axis_name, measure, quantities, si


@pytest.mark.parametrize(
    ("key", "values", "factor", "label", "text"),
    [
        ("latency_s", [2e-6, 3.2e-5], 1e6, "Latency (µs)", "32 µs"),
        ("energy_per_image_j", [3.2e-5], 1e6, "Energy per image (µJ)", "32 µJ"),
        ("energy_adc_j", [0.32], 1e3, "Energy of ADC (mJ)", "320 mJ"),
        ("area_m2", [8.54e-5], 1e6, "Area (mm²)", "85.4 mm²"),
        ("area_sample_hold_m2", [8e-12], 1e12, "Area of sample and hold (µm²)", "8 µm²"),
        ("ops_per_s", [4.88e12], 1e-12, "Throughput (TOPS)", "4.88 TOPS"),
        ("ops_per_j", [3.85e11], 1e-9, "Efficiency (GOPS/W)", "385 GOPS/W"),
        ("accuracy", [0.9], 100.0, "Accuracy (%)", "90 %"),
        ("crossbar_utilization", [0.579], 100.0, "Cells used (%)", "57.9 %"),
        ("logit_snr_db", [34.6], 1.0, "Logit SNR (dB)", "34.6 dB"),
        ("images_per_s", [6916.0], 1.0, "Images per second", "6,916"),
        ("macs", [352540352], 1.0, "MACs", "352,540,352"),
        ("latency_s", [0.0], 1.0, "Latency (s)", "0 s"),
    ],
)
def test_a_metric_has_label_unit_and_prefix(
    key: str, values: list[float], factor: float, label: str, text: str
) -> None:
    found = measure(key)
    assert found.axis(values) == (pytest.approx(factor), label)
    assert found.text(values[-1]) == text


def test_labels_can_be_replaced() -> None:
    assert measure("latency_s", "Delay").axis([1.0])[1] == "Delay (s)"


def test_axes_of_a_study() -> None:
    assert quantities(["0.25 GHz", "500 MHz"]) == ([250.0, 500.0], "MHz")
    assert quantities([8, "6", 5.5]) == ([8.0, 6.0, 5.5], "")
    assert quantities(["512 B", "1 KiB"]) == ([0.5, 1.0], "KiB")
    assert quantities(["snake", "banded"]) is None
    assert quantities(["1 GHz", "1 W"]) is None
    assert quantities([True, False]) is None
    assert axis_name("ima.adc.bits") == "ADC resolution (bits)"
    assert axis_name("some.path") == "some.path"


def test_quantities_in_running_text() -> None:
    assert si(2.5e-6, "s") == "2.5 µs"
    assert si(1e-12, "m2") == "1 µm²"
