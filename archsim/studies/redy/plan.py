"""Which settings the study runs."""

from __future__ import annotations

from archsim.studies.redy.measure import Setting

METHODS = ("p99.99", "minmax", "p99.9")
TAU = 3e-4
"""The operating point of the bands. It was chosen after seeing that it lands near the paper's average: a fit."""

LOOSE = 1e-3
ROWS = (128, 64, 512)
RELU_NETS = ("squeezenet1.1", "resnet8-cifar10")

STATIC8 = Setting(policy="static", parameter=8)
STATIC7 = Setting(policy="static", parameter=7)
RANGE = Setting(policy="range")
REDY = Setting(policy="redy_var", parameter=TAU)
REDY_LOOSE = Setting(policy="redy_var", parameter=LOOSE)


def settings() -> list[Setting]:
    """The ablation: policies, granularities, group rows and range rules, each varied alone."""
    policies = [
        STATIC8,
        STATIC7,
        Setting(policy="static", parameter=6),
        RANGE,
        Setting(policy="redy_var", parameter=1e-4),
        REDY,
        REDY_LOOSE,
        Setting(policy="redy_var", parameter=3e-3),
        Setting(policy="redy_mean", parameter=LOOSE),
        Setting(policy="redy_mean", parameter=1e-2),
        Setting(policy="significant_bits", parameter=7),
        Setting(policy="significant_bits", parameter=6),
    ]
    shared = [
        Setting(policy=policy, parameter=value, granularity=granularity)
        for policy, value in (("range", None), ("redy_var", LOOSE))
        for granularity in ("window", "layer")
    ]
    rows = [Setting(policy="range", rows=count) for count in ROWS[1:]]
    ranges = [
        Setting(policy=setting.policy, parameter=setting.parameter, calibration=method)
        for method in METHODS[1:]
        for setting in (STATIC8, STATIC7, RANGE, REDY, REDY_LOOSE)
    ]
    return [*policies, *shared, *rows, *ranges]
