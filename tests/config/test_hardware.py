# ruff: noqa: E501 - a table of messages reads better unwrapped
"""Loading hardware: values, errors with exact positions, overrides, identity, citations."""

from __future__ import annotations

import json
import pickle
import random
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsim.components import build_chip
from archsim.config import Hardware, citations, load_hardware
from archsim.config.document import Block, compose, parse_yaml
from archsim.config.hardware import _hardware
from archsim.config.shipped import shipped
from archsim.errors import InputError

ISAAC = (shipped("hwconfigs") / "isaac-ce.yaml").read_text()
SHIPPED = ["isaac-ce", "isaac-8bit", "puma"]


def refusal(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    Path("f.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        load_hardware("f.yaml")
    return [str(problem) for problem in caught.value.problems]


def line_of(text: str, fragment: str) -> int:
    assert text.count(fragment) == 1, fragment
    return text[: text.index(fragment)].count("\n") + 1


def test_values_are_si() -> None:
    model = load_hardware("isaac-ce").model
    assert model.technology.node == 32e-9
    assert model.ima.adc.cost.power == 16e-3
    assert model.ima.adc.cost.area == 9.6e-9
    assert model.ima.adc.cost.per == 8
    assert model.ima.cycle == 100e-9
    assert model.tile.edram.size == 65536
    assert model.tile.router.actions["flit"].energy == 20.74e-12
    assert model.tile.router.actions["flit"].per == 8
    assert model.chip.links.bandwidth == 6.4e9
    assert load_hardware("isaac-8bit").model.ima.adc == model.ima.adc


# (what stands in the file, what is put there instead, path, what is said); the position is that of the replacement
BAD = [
    ("rate: 1.28 GS/s\n", "rate: 1.28\n", "ima.adc.rate", "'1.28' has no unit; expected a sampling rate such as '1.28 GS/s'"),
    ("rate: 1.28 GS/s\n", "rate: 1.28 W\n", "ima.adc.rate", "'1.28 W' is a power; expected a sampling rate such as '1.28 GS/s'"),
    ("rate: 1.28 GS/s\n", "rate: 2 PS/s\n", "ima.adc.rate", "'2 PS/s': unknown unit 'PS/s'; expected a sampling rate such as '1.28 GS/s'; did you mean 'pS/s'?"),
    ("rate: 1.28 GS/s\n", "rate: 2e6 GS/s\n", "ima.adc.rate", "'2e6 GS/s' is above the sanity bound of 100 TS/s"),
    ("rate: 1.28 GS/s\n", "rate: {a: 1}\n", "ima.adc.rate", "is a block; expected a single value"),
    ("rate: 1.28 GS/s\n", "rate: [1]\n", "ima.adc.rate", "is a list; expected a single value"),
    ("rate: 1.28 GS/s\n", "rate:\n", "ima.adc.rate", "the value is empty; expected a sampling rate such as '1.28 GS/s'"),
    ("    converts: used", "    convert: used", "ima.adc.convert", "unknown key; did you mean 'ima.adc.converts'?"),
    ("    converts: used", "    converts: sued", "ima.adc.converts", "'sued' is not one of used | all; did you mean 'used'?"),
    ("    converts: used", "    converts: used\n    zzz: 1", "ima.adc.zzz", "unknown key; expected source | notes | recalled | cost | static | actions | count | bits | rate | converts | scaling | transfer | sparsity"),
    ("    bytes_per_cycle: 1 KiB", "    bytes_per_cycle: 3 b", "tile.edram.bytes_per_cycle", "'3 b' is below 1 B, the least that makes sense here"),
    ("    bytes_per_cycle: 1 KiB", "    bytes_per_cycle: 12 b", "tile.edram.bytes_per_cycle", "'12 b' is 1.5 B; expected a whole number of B"),
    ("    bytes_per_cycle: 1 KiB", "    bytes_per_cycle: 1 KB", "tile.edram.bytes_per_cycle", "'1 KB': 'K' is no prefix; write 'KiB' (1024) or 'kB' (1000)"),
    ("    unit_column: true", "    unit_column: yes", "ima.crossbar.unit_column", "'yes' is no truth value; expected true or false"),
    ("    wires: 384", "    wires: 384.0", "tile.bus.wires", "'384.0' is not a whole number; expected plain digits such as 128"),
    ("    wires: 384", "    wires: 0384", "tile.bus.wires", "'0384' starts with a zero, which some readers take as octal; write it without"),
    ("    wires: 384", "    wires: 1_000", "tile.bus.wires", "'1_000': digits are not grouped with underscores here; expected a whole number such as 128"),
    ("    wires: 384", "    wires: 0", "tile.bus.wires", "0 is out of range; expected 1 to 65536"),
    ("  weight_bits: 16", "  weight_bits: 64", "precision.weight_bits", "64 is out of range; expected 1 to 32"),
    ("  grid: {columns: 14, rows: 12}", "  grid: {columns: 14, rows: 13}", "tile.grid", "14 x 13 places do not fit 168 tiles; expected columns x rows = tile.count"),
    ("  overflow: spread", "  overflow: split", "chip.overflow", "'split' is not one of spread | refuse"),
    ('source: "Shafiee2016, Fig. 4b"', 'source: "Shafie2016, Fig. 4b"', "pipeline.source", "source 'Shafie2016' is not in the bibliography; expected Shafiee2016 | PumaSimulator2018 | Andrulis2024 | HwcomponentsLibrary; did you mean 'Shafiee2016'?"),
    ('source: "Shafiee2016, Fig. 4b"', 'source: ""', "pipeline.source", "is empty; expected text"),
    ("  source: \"Shafiee2016, Fig. 4b\"\n", "  recalled: true\n  source: \"Shafiee2016, Fig. 4b\"\n", "pipeline", "is recalled from memory but has no 'notes' that say so; expected notes"),
    ("      bit: {energy: 0.054 pJ", "      bits: {energy: 0.054 pJ", "tile.bus", "actions: unknown action 'bits'; expected bit | access"),
    ("      access: {energy: 20.45 pJ", "      access: {energy: 20.45 W", "tile.edram.actions.access.energy", "'20.45 W' is a power; expected an energy such as '1.5625 pJ'"),
    ("    on_resistance: 1333 ohm", "    on_resistance: 30 kohm", "ima.cell.on_resistance", "is not below off_resistance; expected the conducting state to conduct better"),
    ("{power: 10.4 W, area: 22.88 mm2, per: 4}", "{area: 22.88 mm2, per: 4}", "chip.links", "cost.power is missing; always_on links draw it all the time"),
    ("{power: 16 mW, area: 0.0096 mm2, per: 8, at: {bits: 8, rate: 1.28 GS/s}}", "{area: 0.0096 mm2}", "ima.adc", "has neither cost.power nor actions.convert; expected one, else its energy is unknown"),
    ("    size: 2 KiB", "    size: 2 KiB\n    charge: access", "ima.input_register", "actions.read is missing; charge: access counts it"),
    ("cost: {power: 1.68 mW, area", "cost: {area", "tile.output_register", "has neither cost.power nor actions.bit; expected one, else its energy is unknown"),
    ("cost: {power: 20.7 mW, area", "cost: {area", "tile.edram", "cost.power is missing; energy: power spreads it over the actions"),
    ("    always_on: 14.3 %", "    always_on: 14.3 %\n    static: {power: 1 mW, gated: true}", "tile.bus", "has always_on and static; expected one of them"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "path", "message"), BAD)
def test_each_bad_value_is_placed_and_explained(
    old: str, new: str, path: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ISAAC.count(old) == 1, old
    text = ISAAC.replace(old, new)
    problems = refusal(text, tmp_path, monkeypatch)
    assert problems[0] == f"f.yaml:{position(text, path)}: {path}: {message}"


def position(text: str, path: str) -> int:
    """Line of the last key of a dotted path, found by PyYAML's own composer; of its parent where it is in short form."""
    node, line = yaml.compose(text, Loader=yaml.SafeLoader), 0
    for key in path.split("."):
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                if name.value == key:
                    node, line = value, name.start_mark.line + 1
    return line


def test_missing_keys_name_the_block_and_what_belongs_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = ISAAC.replace(
        '  cycle: 100 ns\n  source: "Shafiee2016, Table I; cycle from Sec. IV', '  source: "Shafiee2016, Sec. IV'
    )
    assert refusal(text, tmp_path, monkeypatch) == [f"f.yaml:{line_of(text, 'ima:')}: ima.cycle: is missing"]
    text = ISAAC[: ISAAC.index("chip:")]
    assert refusal(text, tmp_path, monkeypatch) == ["f.yaml:4: chip: is missing; expected a block with links, overflow"]
    text = ISAAC.replace("  encoding: flip\n", "")
    assert refusal(text, tmp_path, monkeypatch) == [
        f"f.yaml:{line_of(text, 'precision:')}: precision.encoding: is missing; expected offset | flip | differential"
    ]


def test_all_errors_of_a_file_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = ISAAC
    for old, new in [
        ("rate: 1.28 GS/s\n", "rate: fast\n"),
        ("    wires: 384", "    wires: many\n    wires: 384"),
        ("  encoding: flip", "  encoding: flop"),
        ("  overflow: spread", "  overfloe: spread"),
        ('source: "Shafiee2016, Fig. 4b"', 'source: "Nobody2020, Fig. 4b"'),
    ]:
        text = text.replace(old, new)
    problems = "\n".join(refusal(text, tmp_path, monkeypatch))
    for fragment in ("ima.adc.rate", "repeats the key 'wires'", "tile.bus.wires", "did you mean 'flip'", "Nobody2020"):
        assert fragment in problems
    assert "did you mean 'chip.overflow'?" in problems
    assert "chip.overflow: is missing" not in problems  # the misspelt key beside it says enough
    lines = [int(problem.split(":")[1]) for problem in refusal(text, tmp_path, monkeypatch)]
    assert lines == sorted(lines)
    assert len(lines) == 6


def test_an_error_in_a_parent_is_placed_in_the_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text(ISAAC.replace("  overflow: spread", "  overflow: split"))
    Path("child.yaml").write_text(
        'name: child\nextends: base.yaml\nprecision: {weight_bits: 99, source: "Shafiee2016, Sec. V"}\n'
    )
    with pytest.raises(InputError) as caught:
        load_hardware("child.yaml")
    assert [problem.where for problem in caught.value.problems] == [
        "child.yaml:3",
        f"base.yaml:{line_of(ISAAC, '  overflow: spread')}",
    ]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"ima.adc.bit": 6}, "--set ima.adc.bit: unknown key; did you mean 'ima.adc.bits'?"),
        ({"imma.adc.bits": 6}, "--set imma.adc.bits: imma: unknown key; did you mean 'ima'?"),
        ({"ima.adc.bits": 6.5}, "--set ima.adc.bits: '6.5' is not a whole number; expected plain digits such as 128"),
        ({"ima.adc.bits": 99}, "--set ima.adc.bits: 99 is out of range; expected 1 to 24"),
        ({"ima.cycle": float("nan")}, "--set ima.cycle: 'nan' is not finite; expected a time such as '100 ns'"),
        ({"ima.cycle.x": 1}, "--set ima.cycle.x: 'cycle' is a value, not a block; it has no 'x'"),
        ({"chip": "x"}, "--set chip: 'x' is no block; expected a block with links, overflow"),
        ({"ima.crossbar.columns": 4}, "--set ima.crossbar.columns: 16-bit weights in 2-bit cells take 8 cells, more than the 4 columns of an array"),
        ({"ima.adc.count": 5000}, "--set ima.adc.count: 5000 converters for 1024 columns; expected at most one a column"),
        ({"ima.crossbar.energy": "v2gt", "ima.cell": {"read_voltage": "0 V"}}, "--set ima.cell: ima.cell.read_voltage: '0 V' is below 1 uV, the least that makes sense here"),
        ({"tile.overheads": {"adc": {"charge": "not_simulated", "cost": {"area": "1 mm2"}, "source": "Shafiee2016"}}}, "--set tile.overheads: tile.overheads.adc: 'adc' is the name of a component; expected another name"),
        ({"tile.overheads": {"x": {"charge": "per_cycle_in_use", "cost": {"area": "0 mm2"}, "source": "Shafiee2016"}}}, "--set tile.overheads: tile.overheads.x: actions.cycle is missing; charge: per_cycle_in_use counts it"),
    ],
)  # fmt: skip
def test_override_errors(overrides: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_hardware("isaac-ce", overrides)
    assert str(caught.value.problems[0]) == message
    with pytest.raises(InputError):
        load_hardware("isaac-ce").replace(overrides)


def test_cross_checks_of_sliced_arrays_and_size() -> None:
    def said(overrides: dict[str, object]) -> str:
        with pytest.raises(InputError) as caught:
            load_hardware("puma", overrides)
        return str(caught.value)

    assert "8 cells in as many arrays, more than the 4 arrays of an IMA" in said({"ima.crossbar.count": 4})
    assert "above the sanity bound of 100,000,000" in said(
        {"tile.count": 1_000_000, "tile.grid": {"columns": 1000, "rows": 1000}, "ima.count": 100}
    )
    assert "expected exactly one of actions.bit and actions.access" in said({"tile.bus.actions.bit": "1 pJ"})


def test_cross_checks_of_transport() -> None:
    def said(overrides: dict[str, object]) -> str:
        with pytest.raises(InputError) as caught:
            load_hardware("isaac-ce", overrides)
        return str(caught.value)

    assert "actions.packet and packet_size are needed" in said({"chip.links.always_on": False})
    missing = "access_bits is missing; actions.access is charged once for that many bits"
    text = ISAAC.replace("      bit: {energy: 0.054 pJ", "      access: {energy: 0.054 pJ")
    assert text != ISAAC
    with pytest.raises(InputError, match=missing):
        _hardware(as_block(text), [], ())


def as_block(text: str) -> Block:
    block = parse_yaml(text, "f.yaml")
    assert isinstance(block, Block)
    return block


def test_replace_validates_and_remembers() -> None:
    hardware = load_hardware("isaac-ce")
    narrow = hardware.replace({"ima.adc.bits": 6}).replace({"ima.adc.rate": "0.64 GS/s"})
    assert narrow.model.ima.adc.bits == 6
    assert narrow.overridden == (("ima.adc.bits", "6"), ("ima.adc.rate", "0.64 GS/s"))
    assert hardware.model.ima.adc.bits == 8
    assert narrow == load_hardware("isaac-ce", {"ima.adc.rate": "0.64 GS/s", "ima.adc.bits": "6"})
    assert narrow != hardware


@pytest.mark.parametrize("name", SHIPPED)
def test_expanded_loads_again_and_hashes_the_same(name: str, tmp_path: Path) -> None:
    hardware = load_hardware(name, {"ima.adc.bits": 7})
    path = tmp_path / "any name.yaml"
    path.write_text(json.dumps(hardware.expanded))
    again = load_hardware(path)
    assert again.hash == hardware.hash
    assert again == hardware
    assert again.model == hardware.model
    assert "extends" not in hardware.expanded
    assert hardware.expanded["name"] == name
    assert json.loads(json.dumps(hardware.expanded))["ima"]["adc"]["bits"] == 7


@given(st.randoms(use_true_random=False))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hash_ignores_key_order_and_file_name(tmp_path: Path, generator: random.Random) -> None:
    def shuffled(tree: object) -> object:
        if not isinstance(tree, dict):
            return tree
        keys = list(tree)
        generator.shuffle(keys)
        return {key: shuffled(tree[key]) for key in keys}

    hardware = load_hardware("isaac-8bit")
    path = tmp_path / f"{generator.randrange(10**6)}.yaml"
    path.write_text(yaml.safe_dump(shuffled(hardware.expanded), sort_keys=False))
    assert load_hardware(path).hash == hardware.hash


def test_hash_sees_every_value() -> None:
    hardware = load_hardware("isaac-ce")
    changes = [{"ima.adc.bits": 7}, {"description": "x"}, {"mapping.buffer_slack_rows": 2}, {"tile.alu.count": 1}]
    assert len({hardware.hash, *(hardware.replace(change).hash for change in changes)}) == len(changes) + 1


@pytest.mark.parametrize("name", SHIPPED)
def test_hardware_pickles(name: str) -> None:
    hardware = load_hardware(name)
    assert pickle.loads(pickle.dumps(hardware)) == hardware
    assert len({hardware, load_hardware(name)}) == 1


def test_conductances_are_charged_with_one_bit_drivers_only() -> None:
    v2gt: dict[str, object] = {"ima.crossbar.energy": "v2gt"}
    assert load_hardware("isaac-ce", v2gt).model.ima.crossbar.energy == "v2gt"
    for bits in (2, 3, 16):
        with pytest.raises(InputError, match="v2gt needs 1-bit DACs; the energy of graded voltages is not modelled"):
            load_hardware("isaac-ce", {**v2gt, "ima.dac.bits": bits})
    with pytest.raises(InputError) as caught:
        load_hardware("isaac-ce", {"ima.dac.bits": 2, "ima.adc.count": 5000})
    assert "v2gt" not in str(caught.value)


def test_citations_name_works_and_users() -> None:
    found = {citation.key: citation for citation in citations(load_hardware("isaac-ce"))}
    assert list(found) == ["Shafiee2016", "PumaSimulator2018", "Andrulis2024", "HwcomponentsLibrary"]
    assert found["Shafiee2016"].doi == "10.1109/ISCA.2016.12"
    assert found["Andrulis2024"].used_by == ("ima.cell",)
    assert "tile.bus.actions.bit" in found["HwcomponentsLibrary"].used_by
    of_puma = {"tile.edram", "tile.bus", "tile.router", "tile.alu", "chip.links"}
    assert of_puma == set(found["PumaSimulator2018"].used_by)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_bibliography_entry_is_cited(name: str) -> None:
    hardware = load_hardware(name)
    assert {citation.key for citation in citations(hardware)} == set(hardware.model.bibliography)


@pytest.mark.parametrize("path", sorted(shipped("hwconfigs").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_files_are_named_after_themselves(path: Path) -> None:
    hardware = load_hardware(path)
    assert isinstance(hardware, Hardware)
    assert hardware.name == path.stem
    assert path.read_text().startswith("# yaml-language-server: $schema=hardware.schema.json\n")


LINES = ISAAC.splitlines()
MUTATION = st.one_of(
    st.tuples(st.just("drop"), st.integers(0, len(LINES) - 1), st.just("")),
    st.tuples(st.just("twice"), st.integers(0, len(LINES) - 1), st.just("")),
    st.tuples(st.just("insert"), st.integers(0, len(LINES) - 1), st.text(max_size=12)),
    st.tuples(
        st.just("value"), st.integers(0, len(LINES) - 1), st.sampled_from(["", "nan", "-1", "[]", "{}", "1e999 W"])
    ),
)


@given(st.lists(MUTATION, min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_damaged_files_load_or_are_refused_with_positions(mutations: list[tuple[str, int, str]]) -> None:
    lines = list(LINES)
    for kind, index, text in mutations:
        line = lines[index % len(lines)]
        if kind == "drop":
            lines[index % len(lines)] = ""
        elif kind == "twice":
            lines.insert(index % len(lines), line)
        elif kind == "insert":
            lines[index % len(lines)] = line[: len(line) // 2] + text + line[len(line) // 2 :]
        else:
            lines[index % len(lines)] = f"{line.partition(':')[0]}: {text}"
    try:
        document, problems = compose("\n".join(lines), "f.yaml")
        if not isinstance(document, Block):
            return
        hardware = _hardware(document, problems, ())
    except InputError as error:
        places = [problem.where for problem in error.problems]
    else:
        build_chip(hardware)
        return
    assert places
    assert all(place.startswith("f.yaml") for place in places)
    assert len("\n".join(places)) < 20_000
