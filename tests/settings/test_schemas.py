"""The schemas are complete, documented, and equal to the settings types and to what the shipped conf/ composes."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints

import pytest

from evalkit.audio.channels import ChannelSpec
from evalkit.settings.resources import resource_dir
from evalkit.settings.schemas import dereference, key_at, load_schema, run_keys
from evalkit.settings.types import RunSettings

_PYTHON = {"string": {str, Path}, "integer": {int}, "number": {float}, "boolean": {bool}, "array": {tuple}}


@pytest.mark.parametrize("path", sorted(resource_dir("schemas").glob("*.schema.json")), ids=lambda path: path.name)
def test_every_schema_is_valid_and_closed(path: Path) -> None:
    """A schema that is itself wrong, or that lets unknown keys through, checks nothing."""
    from jsonschema import Draft202012Validator

    schema = load_schema(path.name.removesuffix(".schema.json"))
    Draft202012Validator.check_schema(schema)
    if schema.get("type") == "object":
        assert schema["additionalProperties"] is False


@pytest.mark.parametrize("key", run_keys().values(), ids=lambda key: key.path)
def test_every_key_says_what_it_means_and_what_is_allowed(key: Any) -> None:
    """--help and the documentation are generated from these words."""
    assert key.description.endswith(".")
    assert key.allowed


def test_settings_types_and_schemas_have_the_same_keys_and_types() -> None:
    """Two sources would drift; this holds them equal, key by key."""
    _compare("", RunSettings, load_schema("run"))


def _compare(prefix: str, cls: type, schema: Any) -> None:
    hints = get_type_hints(cls)
    assert {field.name for field in fields(cls)} == set(schema["properties"]), prefix
    assert set(schema["required"]) == set(schema["properties"]), prefix
    for name, property_schema in schema["properties"].items():
        hint = hints[name]
        # A role's provider is null until resolved, never afterwards.
        options = property_schema.get("anyOf", ())
        child = dereference(next((option for option in options if "$ref" in option), property_schema))
        if is_dataclass(hint):
            _compare(f"{prefix}{name}.", hint, child)
            continue
        if "properties" in child:  # the channel is typed in the audio room; tests/audio holds that equal
            assert name == "channel"
            continue
        kinds = [child["type"]] if isinstance(child["type"], str) else list(child["type"])
        python = {_origin(option) for option in (get_args(hint) if isinstance(hint, UnionType) else (hint,))}
        for kind in kinds:
            if kind == "null":
                assert type(None) in python or name in _RESOLVED, f"{prefix}{name}"
            else:
                assert python & _PYTHON[kind], f"{prefix}{name}: {hint} for {kind}"


# Null in the config means "follow from something else", and resolution has filled it in.
_RESOLVED = {"real_time", "chunk_ms", "input_format", "output_format", "sample_rate_hz", "output_sample_rate_hz"}


def _origin(hint: Any) -> Any:
    return getattr(hint, "__origin__", hint)


def test_the_channel_schema_allows_what_the_audio_room_does() -> None:
    """Names, types and ranges of every stage are those of the code that applies them."""
    for stage, schema in load_schema("channel")["properties"].items():
        if stage == "name":
            continue
        spec = type(getattr(ChannelSpec(), stage))
        assert {field.name for field in fields(spec)} == set(schema["properties"])
        for field in fields(spec):
            allowed = schema["properties"][field.name]
            if field.metadata:
                assert (allowed["minimum"], allowed["maximum"]) == (field.metadata["low"], field.metadata["high"])
            elif "enum" in allowed:
                assert set(allowed["enum"]) == {str(option) for option in type(field.default)}  # type: ignore[arg-type]


def test_a_key_inside_a_roles_own_provider_is_known() -> None:
    """provider@judge.provider=openai judge.provider.base_url=… must be checkable."""
    key = key_at("judge.provider.base_url")
    assert key is not None
    assert "null" in key.types
