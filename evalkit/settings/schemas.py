"""The JSON Schemas of the run config: the one source of types, bounds, help texts and the tables of the docs.

A run config is what every mode has (``run.schema.json``) and what its own mode adds (``mode_<name>.schema.json``); a
mode may give a common node another schema, where it needs more keys in it. Where a mode has other keys for another
input, these have a schema of their own (``mode_<name>.<input>.schema.json``), called by both names: ``crawl.text``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from evalkit.settings.plugins import plugin_folders
from evalkit.settings.resources import resource_dir

Schema = Mapping[str, Any]

# Format of a text that may name a file or folder -> how it ends when it does.
_PATH_FORMATS = {"path": "", "path-if-json": ".json"}


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
    """Return ``<name>.schema.json``, as shipped or as a plugin has it. Raises KeyError where there is none."""
    for folder in _folders():
        path = folder / f"{name}.schema.json"
        if path.is_file():
            schema: Schema = json.loads(path.read_text(encoding="utf-8"))
            return schema
    raise KeyError(name)


DEFAULT_INPUT = "voice"
"""What a config has for `input` that does not say it."""


def schema_name(config: Mapping[str, Any]) -> str:
    """Return the name of the schema that a run config keeps to: its mode's, or the one for its input."""
    mode, chosen = str(config["mode"]["name"]), config.get("input", DEFAULT_INPUT)
    return mode if chosen == DEFAULT_INPUT else f"{mode}.{chosen}"


@cache
def run_schema(mode: str) -> Schema:
    """Return the schema of a whole run config of `mode`, which may be one for another input (``crawl.text``)."""
    common, own = load_schema("run"), load_schema(f"mode_{mode}")
    properties = {**own["properties"], **common["properties"], **own["properties"]}
    return {**common, "properties": properties, "required": list(properties)}


@cache
def mode_names() -> tuple[str, ...]:
    """Return the modes that have a schema: the shipped ones and those of plugins."""
    return tuple(name for name in schema_names() if "." not in name)


@cache
def schema_names() -> tuple[str, ...]:
    """Return the schemas of run configs: of every mode, and of every mode's other inputs."""
    found = [path.name for folder in _folders() for path in sorted(folder.glob("mode_*.schema.json"))]
    return tuple(dict.fromkeys(name.removeprefix("mode_").removesuffix(".schema.json") for name in found))


def make_validator(schema: Schema) -> Any:
    """Return a jsonschema validator of `schema` that knows the files it refers to."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema, registry=_schema_files())


@cache
def named_validator(name: str) -> Any:
    """Return the validator of ``<name>.schema.json``. Raises KeyError where there is none."""
    return make_validator(load_schema(name))


@cache
def _schema_files() -> Any:
    """Return the registry in which a validator finds the schema files."""
    from referencing import Registry, Resource

    names = {path.name for folder in _folders() for path in folder.glob("*.schema.json")}
    return Registry().with_resources(
        (name, Resource.from_contents(load_schema(name.removesuffix(".schema.json")))) for name in sorted(names)
    )


def _folders() -> tuple[Path, ...]:
    return (resource_dir("schemas"), *plugin_folders("schemas"))


def dereference(schema: Schema) -> Schema:
    """Return what a ``$ref`` to another schema file points to, or `schema` itself."""
    reference = schema.get("$ref")
    return load_schema(str(reference).removesuffix(".schema.json")) if reference else schema


@cache
def run_keys(mode: str) -> Mapping[str, Key]:
    """Return every leaf of the run config of `mode` by dotted path, in the schema's order, but for role providers'."""
    return {key.path: key for key in _walk("", run_schema(mode))}


@cache
def all_keys() -> Mapping[str, Key]:
    """Return every leaf of every mode's run config by dotted path; where modes differ, the first one's."""
    return {path: key for mode in reversed(mode_names()) for path, key in run_keys(mode).items()}


def run_nodes(mode: str) -> tuple[str, ...]:
    """Return the names of the inner nodes (``mode``, ``audio``, …) of the run config of `mode`."""
    return tuple(name for name, schema in run_schema(mode)["properties"].items() if "$ref" in schema)


def key_at(path: str, mode: str | None = None) -> Key | None:
    """Return the key at a dotted `path` in the run config of `mode` (None: of any), also inside a role's provider.

    None where there is none.
    """
    for name in (mode,) if mode else mode_names():
        key = _key_in(run_schema(name), path)
        if key is not None:
            return key
    return None


@dataclass(frozen=True)
class PathKey:
    """A key that names a file or folder; with a `suffix`, only a value that ends in it does."""

    path: str
    suffix: str = ""


@cache
def path_keys(mode: str) -> tuple[PathKey, ...]:
    """Return the keys of `mode` that name files or folders."""
    found = ((path, _PATH_FORMATS.get(str(key.schema.get("format")))) for path, key in run_keys(mode).items())
    return tuple(PathKey(path, suffix) for path, suffix in found if suffix is not None)


def _key_in(schema: Schema, path: str) -> Key | None:
    for part in path.split("."):
        inner = next((option for option in schema.get("anyOf", ()) if "$ref" in option), schema)
        node = dereference(inner)
        patterns = node.get("patternProperties", {}).items()
        named = next((found for pattern, found in patterns if re.search(pattern, part)), None)
        found = node.get("properties", {}).get(part, named or node.get("additionalProperties") or None)  # any name
        if found is None:
            return None
        schema = found
    return Key(path, schema)


def _walk(prefix: str, schema: Schema) -> Iterator[Key]:
    for name, child in schema["properties"].items():
        path = f"{prefix}{name}"
        resolved = dereference(child)
        if "properties" in resolved:
            yield from _walk(f"{path}.", resolved)
        elif "anyOf" not in resolved:
            yield Key(path, resolved)
