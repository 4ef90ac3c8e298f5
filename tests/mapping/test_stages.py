from __future__ import annotations

from dataclasses import replace

import pytest

from archsim.errors import InputError
from archsim.mapping.stages import Source, build_stages
from archsim.workload.graph import (
    Activation,
    Affine,
    Concat,
    Conv,
    Graph,
    Input,
    Linear,
    Pad,
    Reshape,
    Slice,
    Transpose,
)

from .nets import conv, fire, layer, residual


def test_activations_ride_along_and_wiring_vanishes() -> None:
    stages = build_stages(residual())
    assert [stage.name for stage in stages] == ["a", "b", "c", "s", "p", "fc"]
    assert [stage.tensor for stage in stages] == ["a.r", "b.r", "c", "s.r", "p", "fc"]
    assert [stage.kind for stage in stages] == ["conv", "conv", "conv", "add", "globalpool", "linear"]
    # the flatten left no stage: the linear layer reads the pool's single window
    assert stages[5].sources == (Source(stage="p", aligned=True, values=16, extent=(1, 1)),)


def test_only_what_residual_adds_alone_read_is_residual() -> None:
    """c is read by the add only; a.r by the add and a convolution."""
    assert [stage.name for stage in build_stages(residual()) if stage.residual] == ["c"]


def test_concat_is_wiring() -> None:
    stages = {stage.name: stage for stage in build_stages(fire())}
    assert "cat" not in stages
    assert [source.stage for source in stages["p"].sources] == ["e1", "e3"]
    assert [source.values for source in stages["p"].sources] == [8, 8]


def test_an_activation_with_two_readers_of_its_input_is_a_stage_of_its_own() -> None:
    layers = (
        layer("x", Input(), (), (3, 4, 4)),
        conv("c", "x", 4, 4),
        layer("r", Activation(function="relu"), ("c",), (4, 4, 4)),
        conv("d", "c", 4, 4),
        conv("e", "r", 4, 4),
    )
    stages = build_stages(Graph(name="g", layers=layers, outputs=("d", "e")))
    assert [(stage.name, stage.kind) for stage in stages] == [
        ("c", "conv"),
        ("r", "relu"),
        ("d", "conv"),
        ("e", "conv"),
    ]


def test_batch_norm_before_a_convolution_is_digital_and_relu_rides_with_it() -> None:
    layers = (
        layer("x", Input(), (), (3, 4, 4)),
        layer("n", Affine(), ("x",), (3, 4, 4)),
        layer("r", Activation(function="relu"), ("n",), (3, 4, 4)),
        conv("c", "r", 4, 4),
    )
    stages = build_stages(Graph(name="g", layers=layers, outputs=("c",)))
    assert [(stage.name, stage.tensor) for stage in stages] == [("n", "r"), ("c", "c")]
    assert stages[0].sources == (Source(stage=None, aligned=True, values=3, extent=(4, 4)),)


def test_channel_shuffle_keeps_positions_and_flatten_of_a_map_does_not() -> None:
    layers = (
        layer("x", Input(), (), (8, 4, 4)),
        conv("c", "x", 8, 4),
        layer("g", Reshape(), ("c",), (2, 4, 4, 4)),
        layer("t", Transpose(axes=(1, 0, 2, 3)), ("g",), (4, 2, 4, 4)),
        layer("u", Reshape(), ("t",), (8, 4, 4)),
        layer("h", Slice(axis=0, start=0, stop=4), ("u",), (4, 4, 4)),
        conv("d", "h", 4, 4),
        layer("f", Reshape(), ("d",), (64,)),
        layer("l", Linear(out=2), ("f",), (2,)),
    )
    stages = {stage.name: stage for stage in build_stages(Graph(name="g", layers=layers, outputs=("l",)))}
    assert stages["d"].sources == (Source(stage="c", aligned=True, values=4, extent=(4, 4)),)
    assert stages["l"].sources == (Source(stage="d", aligned=False, values=4, extent=(4, 4)),)


def test_a_slice_of_a_concatenation_reads_the_parts_it_takes() -> None:
    layers = (
        layer("x", Input(), (), (3, 4, 4)),
        *(conv(name, "x", out, 4) for name, out in (("a", 4), ("b", 6), ("c", 2))),
        layer("cat", Concat(axis=0), ("a", "b", "c"), (12, 4, 4)),
        layer("front", Slice(axis=0, start=0, stop=4), ("cat",), (4, 4, 4)),
        layer("middle", Slice(axis=0, start=2, stop=7), ("cat",), (5, 4, 4)),
        layer("flat", Reshape(), ("cat",), (192,)),
        layer("end", Slice(axis=0, start=170, stop=192), ("flat",), (22,)),
        conv("d", "front", 4, 4),
        conv("e", "middle", 4, 4),
        layer("l", Linear(out=2), ("end",), (2,)),
    )
    stages = {stage.name: stage for stage in build_stages(Graph(name="g", layers=layers, outputs=("d", "e", "l")))}
    assert [(source.stage, source.values) for source in stages["d"].sources] == [("a", 4)]
    assert [(source.stage, source.values) for source in stages["e"].sources] == [("a", 2), ("b", 3)]
    assert [source.stage for source in stages["l"].sources] == ["c"]


def test_explicit_padding_shifts_the_map() -> None:
    layers = (
        layer("x", Input(), (), (3, 4, 4)),
        conv("c", "x", 4, 4),
        layer("p", Pad(padding=(1, 2, 1, 2)), ("c",), (4, 6, 8)),
        layer("d", Conv(out=4, kernel=(3, 3)), ("p",), (4, 4, 6)),
    )
    stages = build_stages(Graph(name="g", layers=layers, outputs=("d",)))
    assert stages[1].sources == (Source(stage="c", aligned=True, values=4, extent=(4, 4), top=1, left=2),)


def test_a_network_without_products_is_refused() -> None:
    graph = residual()
    without = replace(graph, layers=graph.layers[:1], outputs=("x",))
    with pytest.raises(InputError, match="nothing to map on crossbars"):
        build_stages(without)
