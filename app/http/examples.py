"""An example of a schema, composed of the examples of its fields (`app.http.fields`)."""

from collections.abc import Mapping
from typing import Any

from app.http.fields import field

_OF_TYPE: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "null": None}


def example(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:
    """A value that the schema allows."""
    if "$ref" in schema:
        shape = schema["$ref"].rpartition("/")[2]
        return _of_shape(shape, components[shape], components)
    for several in ("oneOf", "anyOf", "allOf"):
        if several in schema:
            return example(schema[several][0], components)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if schema.get("type") == "array":
        return [example(schema["items"], components)] if schema.get("items") else []
    if schema.get("type") == "object":
        return {}
    return _OF_TYPE.get(str(schema.get("type")))


def _of_shape(shape: str, schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:
    if "examples" in schema:
        return schema["examples"][0]
    if "properties" not in schema:
        return example(schema, components)
    return {
        name: _of_field(shape, name, inner, components)
        for name, inner in schema["properties"].items()
        if "default" not in inner
    }


def _of_field(shape: str, name: str, schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:
    """A nested schema is composed of its fields; another one gets the field's own example, if its schema allows it."""
    if "examples" in schema:
        return schema["examples"][0]
    described = field(shape, name)
    if _is_nested(schema) or described is None:
        return example(schema, components)
    return described[1]


def _is_nested(schema: Mapping[str, Any]) -> bool:
    """Whether the schema contains other shapes."""
    if "enum" in schema or "const" in schema or "$ref" in schema:
        return True
    inner = [schema.get("items"), *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return any(isinstance(value, dict) and _is_nested(value) for value in inner)
