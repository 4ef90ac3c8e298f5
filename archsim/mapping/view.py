"""What mapping and the choice of a layout read of a chip, and nothing else.

A mapping made on this view follows from the view alone: what was left out cannot be read. So one mapping serves all
chips with equal views, such as those that differ in converters, costs or sources.
"""

from __future__ import annotations

from typing import TypeVar

from archsim.components import Chip

Part = TypeVar("Part")


def mapping_view(chip: Chip) -> Chip:
    """A chip without converters, registers, costs and hardware file; to read one raises `AttributeError`."""
    tile, ima = chip.tile, chip.tile.ima
    array = ima.crossbar
    units = {name: _only(getattr(tile, name), "count", "rate") for name in ("activation", "pool", "alu")}
    crossbar = _only(
        array,
        "rows",
        "columns",
        "rows_at_once",
        "activation",
        "unit_column",
        "slices",
        cell=_only(array.cell, "bits", "levels"),
    )
    return _only(
        chip,
        "name",
        "tiles",
        "precision",
        "activation_precision",
        "overflow",
        "input",
        "replication",
        "placement",
        "objective",
        "timings",
        "buffer_slack_rows",
        "buffer_overflow",
        "pipeline",
        tile=_only(
            tile,
            "imas",
            "grid",
            "cycle_ps",
            ima=_only(ima, "crossbars", "bit_cycle_ps", crossbar=crossbar, dac=_only(ima.dac, "bits")),
            edram=_only(tile.edram, "size_bytes", "bytes_per_cycle"),
            router=_only(tile.router, "flit_bits", "flit_rate", "latency_ps", "shared_by", "topology"),
            **units,
        ),
        links=_only(chip.links, "bandwidth", "latency_ps"),
    )


def _only(whole: Part, *names: str, **parts: object) -> Part:
    """A frozen dataclass with these fields of `whole` and these `parts`; all others stay without a value."""
    view: Part = object.__new__(type(whole))
    for name, value in {**{name: getattr(whole, name) for name in names}, **parts}.items():
        object.__setattr__(view, name, value)
    return view
