"""Programming error: what writing leaves between the conductance meant and the one stored.

The stored conductance is normal around the target with a standard deviation that depends on the target, and never
negative. The fits are those of CrossSim (sandialabs/cross-sim, simulator/devices/custom), in microsiemens:

| model | sigma(G)                                         | fitted to           | measured by
|
|-------|--------------------------------------------------|---------------------|-------------------------------------------|
| milo  | 4.782321 - 0.009107 G                            | 50 to 225 uS        | Milo et al., IRPS 2021, Fig. 4
(IGVVA-100)|
| wan   | 1.053 + 0.2374 G - 1.167e-2 G^2 + 1.536e-4 G^3   | up to 39.26 uS      | Wan et al., Nature 2022, ext. Fig.
3, 1 s |
| joshi | 0.28638599 + 0.07585724 G - 0.00178767 G^2       | up to 25 uS (PCM)   | Joshi et al., Nat. Commun. 2020,
Fig. 3b  |

`gaussian` is no measurement: sigma^2 = (relative G)^2 + absolute^2, for studies.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.config.device import Programming, outside_fit
from archsim.errors import InputError
from archsim.function.crossbars.devices.window import Window

Array = NDArray[Any]

FITS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "milo": (4.782321, -0.009107),
        "wan": (1.053, 0.2374, -1.167e-2, 1.536e-4),
        "joshi": (0.28638599, 0.07585724, -0.00178767),
    }
)
"""Polynomial coefficients of sigma(G), constant first, both in uS."""


def programming_sigma(options: Programming, conductance: Array) -> Array:
    """Standard deviation [S] of cells programmed to `conductance` [S]; float32 stays float32."""
    real = conductance.dtype.type
    if options.model == "gaussian":
        sigma = np.hypot(conductance * real(options.relative), real(options.absolute))
    else:
        micro = conductance * real(1e6)
        sigma = np.zeros_like(micro)
        for coefficient in reversed(FITS[options.model]):
            sigma = sigma * micro + real(coefficient)
        sigma = np.maximum(sigma, 0) * real(1e-6)
    return np.asarray(sigma * real(options.scale))


def programming_error(options: Programming, window: Window, target: Array, rng: np.random.Generator) -> Array:
    """Stored conductances [S] for `target` [S].

    Raises
    ------
    InputError
        The window reaches outside the range the model was fitted for.
    """
    wrong = outside_fit(options.model, window.off, window.on)
    if wrong:
        raise InputError(wrong, "device.programming.model")
    drawn = rng.standard_normal(target.shape, dtype=np.float32)
    return np.asarray(np.maximum(target + drawn * programming_sigma(options, target), target.dtype.type(0)))
