"""The figures of a run: what they are called, their units, which way is better, and what they need.

Terminal, tables, fronts, goals, comparisons, pages and drawings all read this one table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A figure by its key in a run's row. `unit` is SI ("%" of a share, "" of a count), `larger` says that more is
    better. Without pictures, or without a steady stream, there is no such figure where it `needs` one."""

    key: str
    words: str
    unit: str = ""
    larger: bool = False
    needs: str = ""


PICTURES, STREAM = "pictures", "stream"


def _metric(key: str, words: str, unit: str = "", *, larger: bool = False, needs: str = "") -> Metric:
    return Metric(key=key, words=words, unit=unit, larger=larger, needs=needs)


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.key: metric
        for metric in (
            _metric("latency_s", "latency", "s"),
            _metric("first_image_latency_s", "latency of the first image", "s"),
            _metric("interval_s", "interval between images", "s", needs=STREAM),
            _metric("images_per_s", "images per second", "image/s", larger=True, needs=STREAM),
            _metric("ops_per_s", "throughput", "op/s", larger=True, needs=STREAM),
            _metric("ops_per_j", "efficiency", "op/J", larger=True, needs=STREAM),
            _metric("energy_per_image_j", "energy per image", "J", needs=STREAM),
            _metric("energy_j", "energy", "J"),
            _metric("dynamic_energy_j", "dynamic energy", "J"),
            _metric("average_power_w", "average power", "W"),
            _metric("area_m2", "area", "m2"),
            _metric("macs", "MACs"),
            _metric("chips", "chips"),
            _metric("tiles", "tiles"),
            _metric("crossbars", "crossbars"),
            _metric("crossbar_utilization", "cells used", "%", larger=True),
            _metric("accuracy", "accuracy", "%", larger=True, needs=PICTURES),
            _metric("float_accuracy", "accuracy in float", "%", larger=True, needs=PICTURES),
            _metric("top1_agreement", "agreement with float", "%", larger=True, needs=PICTURES),
            _metric("logit_snr_db", "logit SNR", "dB", larger=True, needs=PICTURES),
        )
    }
)
"""By key; figures by component (`energy_adc_j`, `area_adc_m2`) are named by their keys and better when smaller."""


def needing(what: str) -> tuple[str, ...]:
    """Keys of the figures that need `PICTURES`, or a steady `STREAM`."""
    return tuple(metric.key for metric in METRICS.values() if metric.needs == what)


def is_larger_better(key: str) -> bool:
    """Whether more of a figure is better."""
    return key in METRICS and METRICS[key].larger
