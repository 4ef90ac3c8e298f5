"""Dynamic precision inside inference: exactness of trimming, granularities, counts that do not depend on batches."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from archsim.function.inference.activity import Counting, LayerActivity
from archsim.function.inference.infer import Inference, infer
from archsim.function.precision.oracle import group_facts
from archsim.function.precision.rule import Rule
from archsim.function.precision.stream import LayerStream, Streaming
from archsim.function.quantization.calibrate import calibrate
from archsim.function.quantization.network import Pixels, QuantizedNetwork
from archsim.function.quantization.quantize import quantize
from archsim.function.unroll import Block, unroll
from tests.function.nets import everything, pictures

PIXELS = Pixels(mean=(100.0,), scale=(0.01,))
COUNTING = Counting(crossbar_rows=32, packed_groups=(("dw", 3),))
IMAGES = pictures(5, 12)


@pytest.fixture(scope="module")
def network() -> QuantizedNetwork:
    graph = everything()
    ranges = calibrate(graph, [PIXELS.normalise(IMAGES)])
    return quantize(graph, ranges, pixels=PIXELS)


def run(network: QuantizedNetwork, rule: Rule | None, **options: int) -> Inference:
    streaming = None if rule is None else Streaming(rule=rule, counting=COUNTING, ones=True)
    return infer(network, IMAGES, counting=COUNTING, streaming=streaming, **options)


def by_layer(found: Inference) -> Mapping[str, LayerActivity]:
    return {layer.name: layer for layer in found.activity}


@pytest.mark.parametrize("granularity", ["group", "window", "layer"])
def test_range_changes_nothing(network: QuantizedNetwork, granularity: str) -> None:
    exact = run(network, None)
    trimmed = run(network, Rule(policy="range", granularity=granularity))  # type: ignore[arg-type]
    assert (trimmed.logits == exact.logits).all()


def test_fully_connected_layers_stream_all_bits_unless_asked(network: QuantizedNetwork) -> None:
    found = by_layer(run(network, Rule(policy="range")))
    assert {name for name, layer in found.items() if layer.reads is None} == {"fc"}
    assert by_layer(run(network, Rule(policy="range", fully_connected=True)))["fc"].reads is not None


def test_counts_against_the_definition(network: QuantizedNetwork) -> None:
    """Bits of every group and window of one picture, unrolled by hand, and finer sharing never streams more."""
    rule = Rule(policy="range")
    names = {step.matrix.name: step.step.inputs[0] for step in network.steps if step.matrix is not None}
    found = infer(
        network, IMAGES, counting=COUNTING, streaming=Streaming(rule=rule, counting=COUNTING), keep=set(names.values())
    )
    window, layer = (by_layer(run(network, Rule(policy="range", granularity=kind))) for kind in ("window", "layer"))  # type: ignore[arg-type]
    for name, stream in Streaming(rule=rule, counting=COUNTING).layers(network).items():
        g, streams = stream.layer.geometry, by_layer(found)[name].reads
        assert streams is not None
        maps = np.ascontiguousarray(found.tensors[names[name]]).reshape(5, g.channels, g.height, g.width)
        for image in range(5):
            block = Block(start=image, stop=image + 1, first_row=0, rows=g.out_height)
            rows = unroll(maps, g, block, stream.layer.pad).reshape(-1, g.windows)
            signed = stream.layer.format.signed
            spans = np.array(
                [
                    [group_facts(rows[a:b, w], signed)[0] for w in range(g.windows)]
                    for a, b in zip(stream.starts[:-1], stream.starts[1:], strict=True)
                ]
            )
            assert (streams.cycles[image] == spans).all()
            shared, whole = window[name].reads, layer[name].reads
            assert shared is not None
            assert whole is not None
            assert (shared.cycles[image] == spans.max(axis=0)).all()
            assert (whole.cycles[image] == spans.max()).all()
        assert streams.digits.sum() == streams.reads.sum() == streams.cycles.sum()
        assert streams.histogram.sum() == streams.cycles.size


def test_whole_layers_share_variance(network: QuantizedNetwork) -> None:
    """One decision for a picture and layer: moments over all unrolled inputs, padding included."""
    rule = Rule(policy="redy_var", tau=3e-3, granularity="layer")
    stream = LayerStream(network.matrices[0], Streaming(rule=rule, counting=COUNTING))
    g = stream.layer.geometry
    maps = np.ascontiguousarray(IMAGES)
    decided = stream.per_image(maps)
    assert decided is not None
    for image in range(5):
        rows = unroll(maps, g, Block(start=image, stop=image + 1, first_row=0, rows=g.out_height), stream.layer.pad)
        values = rows.astype(np.float64)
        wanted = np.floor(np.log2(values.std() * np.sqrt(12 * 3e-3)))
        span = int(values.max()).bit_length()
        assert (decided[0][image], decided[1][image]) == (span - wanted, wanted)


@pytest.mark.parametrize("granularity", ["group", "window", "layer"])
def test_batches_and_threads_do_not_matter(network: QuantizedNetwork, granularity: str) -> None:
    rule = Rule(policy="redy_var", tau=1e-2, granularity=granularity)  # type: ignore[arg-type]
    one = run(network, rule, batch=5, threads=1)
    for options in ({"batch": 2, "threads": 1}, {"batch": 1, "threads": 2}, {"batch": 5, "threads": 2}):
        other = run(network, rule, **options)
        assert (other.logits == one.logits).all()
        for first, second in zip(one.activity, other.activity, strict=True):
            if first.reads is None or second.reads is None:
                assert first.reads is second.reads is None
                continue
            assert (first.reads.histogram == second.reads.histogram).all()
            assert (first.reads.cycles == second.reads.cycles).all()
            assert (first.reads.drives, first.reads.images) == (second.reads.drives, second.reads.images)


def test_dropped_bits_reach_the_logits_and_layers_take_their_own_parameter(network: QuantizedNetwork) -> None:
    exact = run(network, None)
    rough = run(network, Rule(policy="static", bits=4))
    assert (rough.logits != exact.logits).any()
    names = [layer.name for layer in exact.activity if layer.name != "fc"]
    rule = Rule(policy="static_mixed", bits=8).with_layers({names[2]: 5})
    mixed = by_layer(run(network, rule))
    streamed = {name: set(np.unique(mixed[name].reads.cycles)) for name in names}  # type: ignore[union-attr]
    assert streamed == {name: {5} if name == names[2] else {8} for name in names}


def test_static_8_bits_are_the_network_itself(network: QuantizedNetwork) -> None:
    assert (run(network, Rule(policy="static", bits=8)).logits == run(network, None).logits).all()


def test_full_streams_drive_the_ones_of_the_inputs(network: QuantizedNetwork) -> None:
    """With all bits streamed, rows driven are what `active_rows` counts on the stored tensors."""
    for layer in run(network, Rule(policy="static", bits=8)).activity:
        if layer.reads is not None:
            assert layer.reads.drives == int(layer.active_rows.sum())
