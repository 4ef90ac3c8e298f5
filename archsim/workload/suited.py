"""Which shipped pictures suit a network, where inputs are needed and none were named."""

from __future__ import annotations

from archsim.workload.graph import Graph

_PHOTO = 64
"""Pixels a side from which a colour network is taken for one of photographs."""


def suited_set(graph: Graph) -> str | None:
    """`cats` for colour networks of ImageNet's 1000 classes, `digits` for 28 x 28 gray ones of 10 classes, else
    None."""
    inputs = graph.inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 3:
        return None
    (channels, height, width), classes = inputs[0].shape, graph.classes
    if channels == 3 and min(height, width) >= _PHOTO and classes == 1000:
        return "cats"
    return "digits" if (channels, height, width) == (1, 28, 28) and classes == 10 else None
