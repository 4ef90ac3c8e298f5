"""No figure goes on under a source that never printed it."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsim.components import build_chip, cost_table
from archsim.config import load_hardware
from archsim.config.document import parse_yaml, plain
from archsim.config.provenance import changes
from archsim.config.shipped import shipped
from archsim.errors import InputError

ADC = "Shafiee2016, Table I; rate from Sec. V (128 columns in 100 ns; the table prints 1.2 GS/s)"


def child(tmp_path: Path, text: str, extends: str = "isaac-8bit") -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: mine\ndescription: a test\nextends: {extends}\n{text}")
    return path


def test_changed_figures_need_a_source(tmp_path: Path) -> None:
    path = child(tmp_path, "ima:\n  crossbar: {rows: 64, columns: 64}\n  adc: {bits: 6, rate: 1.28 GS/s}\n")
    with pytest.raises(InputError) as caught:
        load_hardware(path)
    first, second = map(str, caught.value.problems)
    assert first.startswith(f"{path}:5: ima.crossbar: changes rows, columns under the source of the file it extends")
    assert "'Shafiee2016, Table I; unit column from Sec. V'" in first
    assert second.startswith(f"{path}:6: ima.adc: changes bits under")  # the rate is the parent's


def test_the_problem_stands_beside_all_others_of_the_file(tmp_path: Path) -> None:
    path = child(tmp_path, "ima:\n  adc: {bits: 6, rats: 1 GS/s}\n")
    with pytest.raises(InputError) as caught:
        load_hardware(path)
    assert {problem.what.partition(":")[0] for problem in caught.value.problems} == {"ima.adc", "ima.adc.rats"}


@pytest.mark.parametrize(
    "text",
    [
        'ima: {adc: {bits: 6, source: "Shafiee2016, Table I, changed here"}}\n',
        "ima: {adc: {bits: 8}}\n",
        'ima: {adc: {cost: {power: 3 mW, source: "Shafiee2016, halved here"}}}\n',
        "mapping: {replication: none}\n",
        "chip: {overflow: refuse}\n",
        "description: another\n",
    ],
    ids=["own source", "no change", "source of the cost", "policy", "no source there", "words"],
)
def test_what_needs_no_source_or_has_one(text: str, tmp_path: Path) -> None:
    path = child(tmp_path, text)
    if text.startswith("description"):
        path.write_text(path.read_text().replace("description: a test\n", ""))
    assert load_hardware(path).name == "mine"


def test_notes_are_named_behind_the_source(tmp_path: Path) -> None:
    path = child(tmp_path, "ima: {adc: {bits: 6, notes: chosen to see what clips}}\n")
    adc = load_hardware(path).model.ima.adc
    assert adc.source == f"{ADC}; bits changed in mine.yaml, see its notes"
    grandchild = tmp_path / "later.yaml"
    grandchild.write_text('name: later\nextends: mine.yaml\nima: {adc: {bits: 5, source: "Shafiee2016, none of it"}}\n')
    assert load_hardware(grandchild).model.ima.adc.source == "Shafiee2016, none of it"


def test_values_from_outside_are_named_behind_the_source() -> None:
    hardware = load_hardware("isaac-8bit", {"ima.adc.bits": 6, "ima.adc.transfer.range": "full_scale"})
    mark = "; set for this run: bits = 6 (8 in the file), transfer.range = full_scale (not in the file)"
    assert hardware.model.ima.adc.source == ADC + mark
    assert hardware.model.ima.crossbar.source == load_hardware("isaac-8bit").model.ima.crossbar.source
    assert cost_table(build_chip(hardware))["adc", "convert"].source.endswith(mark)


def test_marks_follow_the_values_not_the_steps() -> None:
    hardware = load_hardware("isaac-8bit")
    there = hardware.replace({"ima.adc.bits": 6})
    assert there == load_hardware("isaac-8bit", {"ima.adc.bits": 7}).replace({"ima.adc.bits": 6})
    assert there.replace({"ima.adc.bits": 8}) == hardware
    assert hardware.replace({"ima.adc.bits": 8}) == hardware
    own = hardware.replace({"ima.adc.bits": 6, "ima.adc.source": "Shafiee2016, not there"})
    assert own.model.ima.adc.source == "Shafiee2016, not there"


def test_an_inner_source_is_marked_where_it_stands() -> None:
    changes = {"tile.edram.actions.access.energy": "10 pJ", "tile.edram.energy": "actions"}
    hardware = load_hardware("isaac-ce", changes)
    table = cost_table(build_chip(hardware))
    assert table["edram", "access"].source.endswith("set for this run: energy = 10 pJ (20.45 pJ in the file)")
    assert "10 pJ" not in hardware.model.tile.edram.source


def test_shipped_files_say_where_each_change_comes_from() -> None:
    for path in sorted(shipped("hwconfigs").glob("*.yaml")):
        if "\nextends:" in path.read_text():
            load_hardware(path)


def test_a_contradiction_is_placed_at_the_value_that_made_it() -> None:
    with pytest.raises(InputError) as caught:
        load_hardware("isaac-8bit", {"ima.adc.bits": 7, "chip.links.always_on": False})
    (problem,) = caught.value.problems
    assert problem.where == "--set chip.links.always_on"
    assert problem.what.startswith("chip.links: actions.packet and packet_size are needed")


def test_changes_names_the_innermost_source() -> None:
    below = parse_yaml("a: {source: x, n: 1, b: {source: y, m: 2}, c: {k: 3}}", "f")
    above = parse_yaml("a: {n: 2, b: {m: 2}, c: {k: 4}}", "f")
    (found,) = changes(below, above)  # type: ignore[arg-type]
    assert found.path == ("a",)
    assert found.values == (("n", "1", "2"), ("c.k", "3", "4"))
    assert plain(below) == {"a": {"source": "x", "n": "1", "b": {"source": "y", "m": "2"}, "c": {"k": "3"}}}
