"""Where the integers lose the float network: signal-to-noise ratio tensor by tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.engines import ENGINES, Engine
from archsim.function.crossbars.noise import starting_at
from archsim.function.inference.collect import layer_reads
from archsim.function.inference.compare import snr_db
from archsim.function.inference.infer import check_request, default_batch, walk_integers
from archsim.function.parallel import thread_pool
from archsim.function.precision.stream import Streaming
from archsim.function.quantization.network import QuantizedNetwork
from archsim.function.reference.run import check_runnable, walk
from archsim.workload.graph import Graph

Array = NDArray[Any]


def layer_snr(
    graph: Graph,
    network: QuantizedNetwork,
    images: Array,
    *,
    engine: str | Engine = "integer",
    streaming: Streaming | None = None,
) -> dict[str, float]:
    """SNR in dB of every tensor the quantized network leaves, against the same tensor of the float network.

    Parameters
    ----------
    graph : the float network that `network` was made from.
    images, engine, streaming : as `infer` takes them.

    Returns
    -------
    dict of tensor name to 10 log10(sum(f ** 2) / sum((f - q) ** 2)) over all images, in network order.
    """
    check_request(network, images, engine, set())
    check_runnable(graph, images.shape[1:])
    prepare = ENGINES[engine] if isinstance(engine, str) else engine
    powers: dict[str, NDArray[np.float64]] = {}
    size = default_batch(network)
    with thread_pool() as pool:
        products = {layer.name: prepare(layer) for layer in network.matrices}
        reads = layer_reads(network, 1, streaming)
        for start in range(0, len(images), size):
            part = images[start : start + size]
            placed = {name: starting_at(product, start) for name, product in products.items()}
            real = walk(graph, part if network.pixels is None else network.pixels.normalise(part), pool)
            for operand, _ in walk_integers(network, part, placed, None, pool, reads):
                reference = next(values for layer, values in real if layer.name == operand.name).astype(np.float64)
                if operand.name == network.input:
                    continue
                error = reference - operand.real()
                both = np.array([np.square(reference).sum(), np.square(error).sum()])
                powers[operand.name] = powers.get(operand.name, np.zeros(2)) + both
    return {name: snr_db(float(signal), float(noise)) for name, (signal, noise) in powers.items()}
