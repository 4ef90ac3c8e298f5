"""What registers must hold, against the registers that were printed; row drivers of another resolution."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsim.components import build_chip, figures
from archsim.config import load_hardware
from archsim.config.capacity import holdings
from archsim.errors import InputError


def sizes(name: str, **changes: object) -> dict[str, tuple[float, float]]:
    """(holds, window of all arrays) in bytes by register."""
    hardware = load_hardware(name, {path.replace("__", "."): value for path, value in changes.items()})
    return {held.path: (held.holds, held.window) for held in holdings(hardware.model)}


def refused(name: str, changes: dict[str, object]) -> str:
    with pytest.raises(InputError) as caught:
        load_hardware(name, changes)
    return str(caught.value)


def test_printed_registers_hold_one_window_and_no_more() -> None:
    """ISAAC, Table I: 2 KiB, 256 B, 3 KiB; PUMA's simulator: 2 of 256 B on either side of 16 arrays in two groups that
    share row drivers."""
    assert sizes("isaac-ce") == {
        "ima.input_register": (2048, 8 * 128 * 2),
        "ima.output_register": (256, 8 * 16 * 2),
        "tile.output_register": (3072, 12 * 8 * 16 * 2),
    }
    assert sizes("puma") == {"ima.input_register": (512, 512), "ima.output_register": (512, 512)}
    assert sizes("puma", ima__dac__count=2048)["ima.input_register"] == (512, 8 * 512)
    assert sizes("isaac-8bit-wan")["ima.output_register"] == (256, 128)  # pairs: half as many weights


@pytest.mark.parametrize("register", ["ima.input_register", "ima.output_register", "tile.output_register"])
def test_a_register_acts_as_capacity(register: str) -> None:
    before = {path: (held, window) for path, (held, window) in sizes("isaac-ce").items()}[register]
    small = load_hardware("isaac-ce", {f"{register}.size": f"{int(before[0]) // 2} B"})
    (note,) = [note for note in figures(build_chip(small))["notes"] if "too small" in note]  # type: ignore[attr-defined]
    assert note.startswith(f"{register} is too small")
    assert not [note for note in figures(build_chip(load_hardware("isaac-ce")))["notes"] if "too small" in note]  # type: ignore[attr-defined]
    assert "a window of one array takes" in refused("isaac-ce", {f"{register}.size": "4 B"})


def test_no_price_is_carried_to_other_row_drivers() -> None:
    """A drive of 8 bits is not one of 1 bit, nor the read at graded voltages that it drives."""
    said = refused("isaac-8bit", {"ima.dac.bits": 8})
    assert said.startswith(
        "--set ima.dac.bits: is 8, and what a drive and the read it drives cost is printed for 1 bit;"
    )
    given = load_hardware("isaac-8bit", {"ima.dac.bits": 8, "ima.dac.cost.at.bits": 8})
    assert build_chip(given).input_cycles == 1
    assert build_chip(given).adc_bits_required == 17  # 128 rows x 255 x 3
    assert "actions.read is printed for digits of 1 bit" in refused(
        "puma", {"ima.dac.bits": 2, "ima.dac.cost.at.bits": 2}
    )


def test_a_grid_follows_the_tiles(tmp_path: Path) -> None:
    def grid(changes: dict[str, object], file: str | Path = "isaac-ce") -> tuple[int, int, int]:
        tile = load_hardware(file, changes).model.tile
        return tile.count, tile.grid.columns, tile.grid.rows

    assert grid({"tile.count": 84}) == (84, 12, 7)
    assert grid({"tile.count": 42}) == (42, 7, 6)
    assert grid({"tile.count": 13}) == (13, 4, 4)  # a last row of one
    assert grid({"tile.count": 168}) == (168, 14, 12)
    assert grid({"tile.count": 84, "tile.grid.columns": 7}) == (84, 7, 12)
    child = tmp_path / "small.yaml"
    child.write_text("name: small\nextends: isaac-8bit\ntile: {count: 84, notes: chosen here}\n")
    assert grid({}, child) == (84, 12, 7)
    assert grid({"tile.count": 20}, child) == (20, 5, 4)
    assert "tile.grid: 14 x 12 places do not fit 170 tiles" in refused(
        "isaac-ce", {"tile.count": 170, "tile.grid": {"columns": 14, "rows": 12}}
    ).replace("--set tile.count: ", "")
    tight = load_hardware("isaac-ce").replace({"tile.count": 84})
    assert tight.expanded["tile"]["grid"] == {"columns": 12, "rows": 7}  # type: ignore[index]


def test_a_complaint_points_at_the_line_of_ones_own(tmp_path: Path) -> None:
    """Found across fields, it names the last own value without which all is well, not a line of a shipped file."""
    child = tmp_path / "mine.yaml"
    child.write_text(
        "name: mine\nextends: isaac-8bit\nima:\n  dac: {bits: 2, cost: {at: {bits: 2}}, notes: mine}\n"
        "  cycle: 100 ns\n  crossbar: {energy: v2gt, notes: mine}\n"
    )
    with pytest.raises(InputError) as caught:
        load_hardware(child)
    assert str(caught.value) == (
        f"{child}:6: ima.crossbar.energy: v2gt needs 1-bit DACs; the energy of graded voltages is not modelled"
    )
    with pytest.raises(InputError) as caught:
        load_hardware("isaac-8bit", {"ima.cell.on_resistance": "30 kohm"})
    assert caught.value.problems[0].where == "--set ima.cell.on_resistance"
    with pytest.raises(InputError) as caught:
        load_hardware("isaac-8bit", {"ima.crossbar.count": 2, "ima.adc.count": 300})
    assert caught.value.problems[0].where == "--set ima.adc.count"
    assert refused("isaac-8bit", {"ima.cell.bits": 1, "ima.crossbar.columns": 4}).startswith(
        "--set ima.crossbar.columns"
    )
    assert refused("isaac-8bit", {"precision.weight_bits": 32, "ima.crossbar.columns": 8}).startswith("--set")
