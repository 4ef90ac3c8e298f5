"""Losses on logits [classes, N]: value of every image (float64 [N]) and gradient [classes, N] of their sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Loss = Callable[[Array, Array], tuple[Array, Array]]


def softmax(logits: Array) -> Array:
    """Probabilities [classes, N], float64."""
    raised = np.exp(logits.astype(np.float64) - logits.max(axis=0))
    return np.asarray(raised / raised.sum(axis=0))


def one_hot(labels: Array, classes: int) -> Array:
    """float64 [classes, N], one where the label [N] is."""
    return np.asarray(np.arange(classes)[:, None] == labels, np.float64)


def cross_entropy(logits: Array, labels: Array) -> tuple[Array, Array]:
    """Softmax cross-entropy with labels [N], -log p(label)."""
    shifted = logits.astype(np.float64) - logits.max(axis=0)
    total = np.exp(shifted).sum(axis=0)
    picked = shifted[labels, np.arange(len(labels))]
    gradient = np.exp(shifted) / total - one_hot(labels, len(logits))
    return np.log(total) - picked, gradient.astype(logits.dtype)


def squared_error(logits: Array, labels: Array) -> tuple[Array, Array]:
    """Sum of squared errors against the one-hot labels [N], halved."""
    gap = logits.astype(np.float64) - one_hot(labels, len(logits))
    return (gap**2).sum(axis=0) / 2, gap.astype(logits.dtype)


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "sse": squared_error}
"""Losses against labels, by name."""


def distillation(logits: Array, teacher: Array, temperature: float) -> tuple[Array, Array]:
    """Divergence of the teacher's softened probabilities from the student's, times temperature squared.

    T^2 KL(softmax(teacher / T) || softmax(logits / T)) (Hinton, Vinyals and Dean, arXiv:1503.02531, section 2): its
    gradient keeps its size whatever the temperature. Both arguments are [classes, N].
    """
    target = softmax(teacher / teacher.dtype.type(temperature))
    found = softmax(logits / logits.dtype.type(temperature))
    tiny = np.finfo(np.float64).tiny
    value = (target * (np.log(target + tiny) - np.log(found + tiny))).sum(axis=0)
    return temperature**2 * value, (temperature * (found - target)).astype(logits.dtype)
