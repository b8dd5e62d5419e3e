"""The JSON Schemas of the run config: the one source of types, bounds, help texts and the tables of the docs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from evalkit.settings.resources import resource_dir

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Key:
    """One settable key: its dotted path, its schema and what it means."""

    path: str
    schema: Schema

    @property
    def description(self) -> str:
        """What the key means, with its unit."""
        return str(self.schema.get("description", ""))

    @property
    def types(self) -> tuple[str, ...]:
        """The JSON types it may have, for example ``("string", "null")``."""
        kind = self.schema.get("type", ())
        return (kind,) if isinstance(kind, str) else tuple(kind)

    @property
    def allowed(self) -> str:
        """What is allowed, in words: the options, or the type with its bounds."""
        if "enum" in self.schema:
            return " | ".join("null" if option is None else str(option) for option in self.schema["enum"])
        if "enum" in self.schema.get("items", {}):
            return "list of " + " | ".join(self.schema["items"]["enum"])
        words = [word for word in self.types if word != "null"]
        for name, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤")):
            if name in self.schema:
                words.append(f"{sign} {self.schema[name]}")
        return " ".join(words) + (" or null" if "null" in self.types else "")


@cache
def load_schema(name: str) -> Schema:
    """Return ``schemas/<name>.schema.json``."""
    schema: Schema = json.loads((resource_dir("schemas") / f"{name}.schema.json").read_text(encoding="utf-8"))
    return schema


def make_validator(name: str) -> Any:
    """Return a jsonschema validator of ``schemas/<name>.schema.json`` that knows the files it refers to."""
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    files = [path.name for path in resource_dir("schemas").glob("*.schema.json")]
    registry: Any = Registry().with_resources(
        (file, Resource.from_contents(load_schema(file.removesuffix(".schema.json")))) for file in files
    )
    return Draft202012Validator(load_schema(name), registry=registry)


def dereference(schema: Schema) -> Schema:
    """Return what a ``$ref`` to another schema file points to, or `schema` itself."""
    reference = schema.get("$ref")
    return load_schema(str(reference).removesuffix(".schema.json")) if reference else schema


@cache
def run_keys() -> Mapping[str, Key]:
    """Return every leaf of the run config by dotted path, in the schema's order; role providers are left out."""
    return {key.path: key for key in _walk("", load_schema("run"))}


def run_nodes() -> tuple[str, ...]:
    """Return the names of the run config's inner nodes (``mode``, ``audio``, …)."""
    return tuple(name for name, schema in load_schema("run")["properties"].items() if "$ref" in schema)


def key_at(path: str) -> Key | None:
    """Return the key at a dotted `path`, also inside a role's own provider; None when there is none."""
    schema = load_schema("run")
    for part in path.split("."):
        inner = next((option for option in schema.get("anyOf", ()) if "$ref" in option), schema)
        schema = dereference(inner).get("properties", {}).get(part)
        if schema is None:
            return None
    return Key(path, schema)


def _walk(prefix: str, schema: Schema) -> Iterator[Key]:
    for name, child in schema["properties"].items():
        path = f"{prefix}{name}"
        resolved = dereference(child)
        if "properties" in resolved:
            yield from _walk(f"{path}.", resolved)
        elif "anyOf" not in resolved:
            yield Key(path, resolved)
