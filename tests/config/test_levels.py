"""The `weight_levels` block: what is accepted, every complaint, and the tables it asks for."""

from __future__ import annotations

import re

import pytest

from archsim.components import build_chip
from archsim.components.rollup import area_rows
from archsim.config import Hardware, load_hardware
from archsim.errors import InputError
from archsim.function.quantization.levels import LEVEL_QUANTIZERS


def set_to(base: str = "mlc-rram-16", **values: object) -> Hardware:
    return load_hardware(base).replace({name.replace("__", "."): value for name, value in values.items()})


def test_every_quantizer_that_needs_nothing_else_can_be_set() -> None:
    for name in LEVEL_QUANTIZERS:
        if name == "removal":  # needs pictures to measure on
            with pytest.raises(InputError, match="not one of minmax"):
                set_to(weight_levels__quantizer=name)
        else:
            block = set_to(weight_levels__quantizer=name).model.weight_levels
            assert block is not None
            assert block.quantizer == name


def test_shipped_machines() -> None:
    ram, mram = load_hardware("mlc-rram-16").model, load_hardware("stt-mram-4").model
    assert ram.weight_levels is not None
    assert mram.weight_levels is not None
    assert (ram.precision.weight_bits, ram.ima.cell.bits, ram.ima.crossbar.energy) == (4, 4, "v2gt")
    assert (mram.precision.weight_bits, mram.ima.cell.bits, mram.ima.crossbar.energy) == (2, 2, "v2gt")
    assert load_hardware("isaac-8bit").model.weight_levels is None
    for name in ("mlc-rram-16", "stt-mram-4"):
        chip = build_chip(load_hardware(name))
        assert (chip.weight_slices, chip.columns_per_weight, chip.arrays_per_weight) == (1, 1, 1)


@pytest.mark.parametrize(
    ("base", "values", "complaint"),
    [
        (
            "mlc-rram-16",
            {"precision__weight_bits": 8},
            "is 8, more than ima.cell.bits: 4, so weights would be cut into bit slices",
        ),
        ("mlc-rram-16", {"precision__weight_bits": 1}, "is 1; level sets need 2 bits or more"),
        ("mlc-rram-16", {"precision__encoding": "flip"}, "flip complements bit slices; with weight_levels expected"),
        ("isaac-8bit", {"weight_levels__quantizer": "lloyd"}, "cut into bit slices"),
        ("mlc-rram-16", {"weight_levels__quantizer": "loyd"}, "did you mean 'lloyd'?"),
        ("mlc-rram-16", {"weight_levels__granularity": "tile"}, "not one of layer | channel | shared"),
        ("mlc-rram-16", {"ima__adc__sparsity__policy": "skip_zero"}, "weight_levels makes real ones"),
    ],
)
def test_what_cells_cannot_hold_is_refused(base: str, values: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=re.escape(complaint)):
        set_to(base, **values)


def test_a_table_without_an_energy_is_refused() -> None:
    changes = {"precision.weight_bits": 2, "precision.encoding": "offset"}
    levels = {"quantizer": "lloyd", "table": {"entry_bits": 8, "cost": {"area": "1 um2"}, "source": "Shafiee2016"}}
    with pytest.raises(InputError, match=r"actions.look_up is missing"):
        load_hardware("isaac-8bit", {**changes, "weight_levels": levels})


@pytest.mark.parametrize(
    ("granularity", "encoding", "entries"),
    [
        ("layer", "offset", 16),
        ("shared", "offset", 16),
        ("channel", "offset", 8 * 128 * 16),
        ("channel", "differential", 8 * 64 * 16),
    ],
)
def test_tables_follow_granularity(granularity: str, encoding: str, entries: int) -> None:
    """2 KiB of ISAAC's input register take 0.0021 mm2 (Table I): 1.025 um2 for an entry of 8 bits."""
    hardware = set_to(weight_levels__granularity=granularity, precision__encoding=encoding)
    chip = build_chip(hardware)
    (table,) = (unit for unit in chip.tile.ima.overheads if unit.name == "level_table")
    assert table.count == entries
    assert table.area_m2 == pytest.approx(0.0021e-6 / 2048)
    (row,) = (row for row in area_rows(chip) if row.component == "level_table")
    assert row.area_m2 == pytest.approx(168 * 12 * entries * 0.0021e-6 / 2048)
    fewer = build_chip(hardware.replace({"precision.weight_bits": 3}))
    assert next(unit.count for unit in fewer.tile.ima.overheads if unit.name == "level_table") == entries // 2


def test_no_table_without_levels() -> None:
    assert not build_chip(load_hardware("isaac-8bit")).tile.ima.overheads


def test_an_overhead_cannot_take_the_tables_name() -> None:
    overhead = {"charge": "not_simulated", "cost": {"area": "1 um2", "power": "1 uW"}, "source": "Shafiee2016"}
    with pytest.raises(InputError, match="is the name of a component"):
        load_hardware("isaac-8bit", {"ima.overheads.level_table": overhead})
