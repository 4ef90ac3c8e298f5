"""The JSON Schema accepts every shipped file, refuses what the model refuses, and the shipped copy is current."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
import yaml

from archsim.config import hardware_schema, load_hardware
from archsim.config.shipped import shipped

SCHEMA = hardware_schema()
FILES = sorted(shipped("hwconfigs").glob("*.yaml"))
KNOWN = {
    *{
        "$schema",
        "$ref",
        "$defs",
        "title",
        "description",
        "default",
        "type",
        "enum",
        "pattern",
        "properties",
        "required",
    },
    *{"additionalProperties", "anyOf", "if", "then", "else", "minimum", "maximum", "minLength", "maxLength"},
    *{"propertyNames"},
}
TYPES = {"object": dict, "string": str, "boolean": bool, "integer": int, "number": int | float, "null": type(None)}


def accepts(schema: Any, value: object) -> bool:
    """Validity under the part of JSON Schema 2020-12 that the generated schema uses; anything else fails the test."""
    assert schema.keys() <= KNOWN, schema.keys() - KNOWN
    if "$ref" in schema:
        return accepts(SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")], value)
    if "if" in schema and not accepts(schema["then"] if accepts(schema["if"], value) else schema["else"], value):
        return False
    if "anyOf" in schema and not any(accepts(option, value) for option in schema["anyOf"]):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "type" in schema and not isinstance(value, TYPES[schema["type"]]):
        return False
    if isinstance(value, bool):
        return schema.get("type", "boolean") == "boolean"
    if isinstance(value, dict):
        return _object(schema, value)
    if isinstance(value, str):
        longest = schema.get("maxLength", len(value))
        return schema.get("minLength", 0) <= len(value) <= longest and bool(re.search(schema.get("pattern", ""), value))
    if isinstance(value, int | float):
        return schema.get("minimum", value) <= value <= schema.get("maximum", value)
    return True


def _object(schema: Any, value: dict[str, object]) -> bool:
    if not set(schema.get("required", ())) <= value.keys():
        return False
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for key, child in value.items():
        rule = properties.get(key, others)
        if rule is False or (isinstance(rule, dict) and not accepts(rule, child)):
            return False
    return True


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_files_are_valid(path: Any) -> None:
    assert accepts(SCHEMA, yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_expanded_documents_are_valid(path: Any) -> None:
    assert accepts(SCHEMA, load_hardware(path).expanded)


def set_in(tree: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    changed = copy.deepcopy(tree)
    node = changed
    *parents, last = path.split(".")
    for key in parents:
        node = node[key]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("ima.adc.bits", 99),
        ("ima.adc.bits", "8 b"),
        ("ima.adc.rate", 1.28e9),
        ("ima.adc.rate", "fast"),
        ("ima.adc.rate", "1.28"),
        ("ima.adc.converts", "some"),
        ("ima.adc.colour", "red"),
        ("ima.adc.source", ""),
        ("ima.adc.source", None),
        ("ima.crossbar.unit_column", "yes"),
        ("tile.router.actions.flit", 3),
        ("chip", None),
    ],
)
def test_what_the_model_refuses_is_invalid(path: str, value: object) -> None:
    expanded = load_hardware("isaac-ce").expanded
    assert accepts(SCHEMA, expanded)
    assert not accepts(SCHEMA, set_in(expanded, path, value))


def test_a_file_that_extends_may_leave_out_but_not_misspell() -> None:
    assert accepts(SCHEMA, {"name": "x", "extends": "isaac-ce", "ima": {"adc": {"bits": 6}}})
    assert accepts(SCHEMA, {"name": "x", "extends": "isaac-ce", "tile": {"edram": {"actions": {"access": "1 pJ"}}}})
    assert not accepts(SCHEMA, {"name": "x", "ima": {"adc": {"bits": 6}}})
    assert not accepts(SCHEMA, {"extends": "isaac-ce"})
    assert not accepts(SCHEMA, {"name": "x", "extends": "isaac-ce", "ima": {"adc": {"bit": 6}}})


def test_the_shipped_copy_is_current() -> None:
    """Regenerate with `archsim schema hardware > hwconfigs/hardware.schema.json` when this fails."""
    assert json.loads((shipped("hwconfigs") / "hardware.schema.json").read_text()) == SCHEMA
