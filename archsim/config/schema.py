"""JSON Schema of hardware files, generated from the model, for editors and `archsim schema hardware`."""

from __future__ import annotations

import copy
from typing import Any

from archsim.config.model import HardwareFile

_REF = "#/$defs/"


def hardware_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a hardware file.

    A file that extends another may leave out anything, one that stands alone nothing that is required: the schema
    holds every definition twice and chooses by the presence of `extends`.
    """
    full = HardwareFile.model_json_schema(ref_template=_REF + "{model}")
    definitions = full.pop("$defs")
    full["properties"] = {"extends": {"type": "string", "minLength": 1}, **full["properties"]}
    definitions["HardwareFile"] = full
    partial = {f"Partial{name}": _optional(copy.deepcopy(body)) for name, body in definitions.items()}
    partial["PartialHardwareFile"]["required"] = ["name", "extends"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "archsim hardware file",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": {"$ref": f"{_REF}PartialHardwareFile"},
        "else": {"$ref": f"{_REF}HardwareFile"},
        "$defs": {**definitions, **partial},
    }


def _optional(schema: Any) -> Any:
    """The schema with nothing required, referring to the partial definitions."""
    if isinstance(schema, dict):
        schema.pop("required", None)
        if "$ref" in schema:
            schema["$ref"] = schema["$ref"].replace(_REF, f"{_REF}Partial")
        for key, value in schema.items():
            schema[key] = _optional(value)
    elif isinstance(schema, list):
        schema = [_optional(value) for value in schema]
    return schema
