"""Level sets by name: which 2**b values stand for a layer's weights.

Everything here is a reconstruction for Yan, Ahn and Duan (CASES 2017 work in progress), whose algorithm is not
published: "uniformly generated quantization points are not equally important" is read as `merge` (start from many
uniform points, merge the least important) with `lloyd` behind it; `minmax` is the reference it names, `mse_symmetric`
and `mse_affine` are strong uniform baselines, `optimal` is what no level set can beat in squared error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from archsim.function.quantization.levels import kernels
from archsim.function.quantization.levels.samples import Samples

Real = NDArray[np.float64]
LevelQuantizer = Callable[[Samples, int], Real]
"""(samples, count) -> ascending levels float64 [count] inside the range of the samples (or 0); levels that are not
needed repeat the last. With `samples.zero` one level is 0."""

UNIFORM_POINTS = 1 << 8
"""Points that `merge` begins with."""

ROUNDS = 1000
"""Most iterations of Lloyd and of the grid fit; both stop by themselves long before on real weights."""

STARTS = 4
"""Seeded random starts of `lloyd`, beside merged points, quantiles and the uniform grid."""

SHRINKS = 24
"""Clip limits tried on each side by the uniform quantizers, each refined by least squares."""

CANDIDATES = 4
"""Points whose removal `removal` measures at each step: those with the least merging cost."""


def minmax(samples: Samples, count: int) -> Real:
    """Evenly spaced from the smallest to the largest sample. With `zero` the grid is shifted by less than half a
    step."""
    low, high = _range(samples)
    return _shifted(np.linspace(low, high, count), samples.zero)


def mse_symmetric(samples: Samples, count: int) -> Real:
    """Evenly spaced around 0, from -c to c with an odd number of levels (3 or more), c by least squared error."""
    half = (count - 1) // 2
    largest = float(np.abs(samples.values[[0, -1]]).max())
    starts = (np.arange(-half, half + 1) * (c / half) for c in largest * _shrinks())
    return _padded(_best(starts, lambda levels: _grid(samples, levels, centred=True)), count)


def mse_affine(samples: Samples, count: int) -> Real:
    """Evenly spaced, offset and step by least squared error."""
    low, high = _range(samples)
    middle = float(samples.sums[1, -1]) / samples.mass
    # both ends shrink towards the mean, each on its own
    few = _shrinks()[:: SHRINKS // 8]
    starts = (np.linspace(middle + a * (low - middle), middle + b * (high - middle), count) for a in few for b in few)
    found = _best(starts, lambda levels: _grid(samples, levels, centred=False))
    return _shifted(found, samples.zero)


def merge(samples: Samples, count: int) -> Real:
    """Importance merge: the samples at 2**8 uniform points, the cheapest neighbours merged until `count` are left.

    A point has the mass and mean of its samples; merging i and j costs m_i m_j / (m_i + m_j) (mean_i - mean_j)**2.
    """
    return _with_zero(samples, _padded(merged(samples, count), count))


def lloyd(samples: Samples, count: int) -> Real:
    """Lloyd-Max: the best of several starts (merged points, quantiles, uniform grid, STARTS random ones), each iterated
    until no sample changes its level."""
    return _with_zero(samples, _best(_starts(samples, count), lambda levels: _lloyd(samples, levels, -1)))


def optimal(samples: Samples, count: int) -> Real:
    """The levels of least squared error, by dynamic programming."""
    few = len(np.unique(samples.values))
    if few <= count:
        return _with_zero(samples, _padded(np.unique(samples.values), count))
    cuts = np.empty(count + 1, np.int64)
    kernels.optimal(samples.sums, count, cuts)
    runs = np.diff(samples.sums[:2, cuts], axis=1)
    return _with_zero(samples, _padded(np.sort(runs[1] / runs[0]), count))


def removal(samples: Samples, count: int) -> Real:
    """Accuracy-driven: from twice as many merged points, the one whose removal costs least by `samples.loss` goes,
    until `count` are left; samples of a removed point go to its neighbours, which stay where they are.

    Only the CANDIDATES of least merging cost are measured at each step.
    """
    levels = merged(samples, 2 * count)
    loss = samples.loss or (lambda trial: kernels.error_of(samples.values, samples.sums, trial))
    while len(levels) > count:
        costs = [kernels.error_of(samples.values, samples.sums, np.delete(levels, k)) for k in range(len(levels))]
        measured = {int(k): loss(np.delete(levels, k)) for k in np.argsort(costs, kind="stable")[:CANDIDATES]}
        levels = np.delete(levels, min(measured, key=lambda k: measured[k]))
    return _with_zero(samples, _padded(levels, count), refine=False)


LEVEL_QUANTIZERS: Mapping[str, LevelQuantizer] = MappingProxyType(
    {
        "minmax": minmax,
        "mse_symmetric": mse_symmetric,
        "mse_affine": mse_affine,
        "merge": merge,
        "lloyd": lloyd,
        "optimal": optimal,
        "removal": removal,
    }
)
"""Level sets by name; one conformance test runs over all of them. All take importance (`Samples.sums`): with mean
squared gradients they are the Fisher-weighted versions."""

UNIFORM = ("minmax", "mse_symmetric", "mse_affine")
"""Quantizers of evenly spaced levels."""


def merged(samples: Samples, count: int) -> Real:
    """At most `count` points of the importance merge, ascending."""
    low, high = _range(samples)
    points = np.linspace(low, high, UNIFORM_POINTS)
    cuts = np.empty(UNIFORM_POINTS + 1, np.int64)
    kernels.between(samples.values, points, cuts)
    mass, first = np.diff(samples.sums[:2, cuts], axis=1)
    means = first / np.where(mass > 0, mass, 1)
    return np.array(means[: kernels.ward(mass, means, count)])


def _starts(samples: Samples, count: int) -> list[Real]:
    shares = (np.arange(count) + 0.5) / count * samples.mass
    quantiles = samples.values[np.minimum(np.searchsorted(samples.sums[0, 1:], shares), len(samples.values) - 1)]
    drawn = np.random.Generator(np.random.PCG64(np.random.SeedSequence([samples.seed, count])))
    # between the density's quantiles and evenly over the range, so that tails are reached too
    low, high = _range(samples)
    random = []
    for _ in range(STARTS):
        picked = samples.values[drawn.integers(0, len(samples.values), count)]
        even = low + (high - low) * drawn.random(count)
        random.append(np.sort(np.where(drawn.random(count) < 0.5, picked, even)))
    return [_padded(merged(samples, count), count), quantiles.copy(), np.linspace(low, high, count), *random]


def _best(starts: Iterable[Real], refine: Callable[[Real], float]) -> Real:
    """The refined start of least squared error; `refine` works in place and returns it. The first wins a tie."""
    best, chosen = np.inf, np.zeros(0)
    for levels in starts:
        error = refine(levels)
        if error < best:
            best, chosen = error, np.sort(levels)
    return np.asarray(chosen)


def _lloyd(samples: Samples, levels: Real, pinned: int) -> float:
    return float(kernels.lloyd(samples.values, samples.sums, levels, pinned, ROUNDS))


def _grid(samples: Samples, levels: Real, *, centred: bool) -> float:
    return float(kernels.fit_grid(samples.values, samples.sums, levels, centred, ROUNDS))


def _range(samples: Samples) -> tuple[float, float]:
    return float(samples.values[0]), float(samples.values[-1])


def _shrinks() -> Real:
    return np.linspace(1, 1 / SHRINKS, SHRINKS)


def _padded(levels: Real, count: int) -> Real:
    return np.concatenate([levels, np.repeat(levels[-1:], count - len(levels))])


def _shifted(levels: Real, zero: bool) -> Real:
    """A grid moved so that its level nearest to 0 is 0."""
    return np.asarray(levels - levels[np.abs(levels).argmin()]) if zero else levels


def _with_zero(samples: Samples, levels: Real, *, refine: bool = True) -> Real:
    """Levels of which the one nearest to 0 is set to it, the others iterated once more around it."""
    if not samples.zero:
        return levels
    place = int(np.abs(levels).argmin())
    levels = levels.copy()
    levels[place] = 0.0
    levels.sort()
    place = int(np.abs(levels).argmin())
    if refine:
        _lloyd(samples, levels, place)
    return np.sort(levels)
