"""The rows of a result: plain numbers with their units in the names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Figures of the whole run. `latency_s` runs from the first input to the last output of all images,
    `first_image_latency_s` to that of the first. `energy_j` is that of all images, `dynamic_energy_j` the part that
    actions cost (rows of action `static`, such as links that are always on, left out).

    Of the steady stream, and None where none was run: `interval_s` between images, `images_per_s`, `ops_per_s` (two
    operations per multiply-accumulate), `energy_per_image_j` (with what is always on for one interval), `ops_per_j`."""

    latency_s: float
    first_image_latency_s: float
    interval_s: float | None
    images_per_s: float | None
    energy_j: float
    dynamic_energy_j: float
    energy_per_image_j: float | None
    average_power_w: float
    area_m2: float
    macs: int
    ops_per_s: float | None
    ops_per_j: float | None
    chips: int
    tiles: int
    crossbars: int
    crossbar_utilization: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One stage. Crossbar fields are zero for digital stages; input statistics are None where no inputs were given.

    `engine` names the arithmetic that served the layer (integer, bit-plane or analog). `adc_conversions` are made
    over all images, `clipped_fraction` is the share of them whose sum was outside the converter's range (None where
    nothing was computed). `unproven_fraction` is the share of the columns read that could clip or round: no bound on
    the active rows excludes it. Where an ADC sparsity policy acted, `adc_skipped_fraction` is the share left out of
    what there was to convert, and `adc_decisions_mean` what a conversion made took on average. `snr_db` compares what
    the stage leaves with the float network on the first pictures (None where nothing was computed, or nothing differs).
    """

    name: str
    kind: str
    macs: int
    windows: int
    replication: int
    row_groups: int
    column_groups: int
    weight_slices: int
    crossbars: int
    tiles: int
    interval_s: float
    start_s: float
    end_s: float
    busy_s: float
    stall_input_s: float
    stall_output_s: float
    stall_contention_s: float
    fill_s: float
    drain_s: float
    energy_j: float
    adc_conversions: float
    input_bits_mean: float | None
    zero_input_fraction: float | None
    bit_density: float | None
    output_zero_fraction: float | None
    engine: str | None = None
    unproven_fraction: float | None = None
    clipped_fraction: float | None = None
    snr_db: float | None = None
    adc_decisions_mean: float | None = None
    adc_skipped_fraction: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRow:
    """Time that a layer's activity spent on the critical path of the images that were simulated one by one: all, or
    the first of a long stream that repeats itself. `resource` is the shared one it held ("" for none); `limit` and
    `limit_name` say what kind of limit the time is ascribed to (see `Bottleneck`), and which."""

    layer: str
    activity: str
    resource: str
    limit: str
    limit_name: str
    time_s: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck:
    """What limits the run most: `kind` (crossbars, digital units, bus, link, chip link, buffer, registers or depth)
    with its share of the critical path, `name` with its own, how much of the run that was busy (None for buffers and
    depth), a sentence that says so, and what would relieve it."""

    kind: str
    name: str
    kind_share: float
    share: float
    time_s: float
    utilization: float | None
    sentence: str
    relief: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """How images flow: `fill_s` until the stream repeats itself, `interval_s` its period per image, `drain_s` from when
    one more image would have begun to the end (None where it never repeated within the run, or the rate of an endless
    stream was looked for). `simulated_images` were simulated, the others follow from the repetition exactly. Where it
    does not repeat, `interval_s` is the mean over the last half of the images, and `spread` by how much the quarters of
    that half differ."""

    fill_s: float | None
    interval_s: float | None
    drain_s: float | None
    simulated_images: int
    repeats: bool = True
    spread: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What the mapper took: the `layout` in words, the rows of slack that buffers were given beyond the least, and the
    `objective` that both were chosen for."""

    layout: str
    buffer_slack_rows: int
    objective: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Top-1 class of one picture, by the simulated chip and by the float network."""

    name: str
    predicted: int
    float_predicted: int
    label: int | None
    class_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSummary:
    """Quality against the float network, read from the network's `output`, one of `outputs`; intervals are 95 % Wilson.
    Accuracies are None without labels or with drawn weights; where the output names no class (a map, a single value)
    there are neither predictions nor agreement. The SNR is None where the chip equals the float network exactly.
    `engines` counts the layers that each kind of arithmetic served; layers' own ratios are taken on the first
    `snr_pictures`. `data` names the set of pictures, `data_source` where a shipped one comes from. `calibration` says
    where activation ranges are from: "shipped", "sidecar" (a file beside the network), "self" (the evaluated pictures),
    or the calibration set's name."""

    images: int
    calibration: str
    top1_agreement: float | None
    agreement_interval: tuple[float, float] | None
    logit_snr_db: float | None
    accuracy: float | None
    accuracy_interval: tuple[float, float] | None
    float_accuracy: float | None
    float_accuracy_interval: tuple[float, float] | None
    predictions: tuple[Prediction, ...]
    engines: Mapping[str, int]
    snr_pictures: int
    data: str | None = None
    data_source: str | None = None
    output: str | None = None
    outputs: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Name and content hash of an input; `expanded` is the full hardware document, `settings` what was set in it from
    outside, by path; `weights` says where a network's weights came from, `source` what its files say of its origin."""

    name: str
    hash: str
    expanded: Mapping[str, Any] | None = None
    settings: Mapping[str, str] | None = None
    weights: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A work the run's numbers rest on, and for what."""

    key: str
    title: str
    authors: str
    venue: str
    year: int
    doi: str | None
    url: str | None
    used_by: tuple[str, ...]
