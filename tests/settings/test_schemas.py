"""The schemas are complete, documented, and equal to the settings types and to what the shipped conf/ composes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints

import pytest

from evalkit.audio.channels import ChannelSpec
from evalkit.modes.registry import mode_of
from evalkit.settings.resources import resource_dir
from evalkit.settings.schemas import (
    DEFAULT_INPUT,
    dereference,
    key_at,
    load_schema,
    path_keys,
    run_keys,
    run_schema,
    schema_name,
    schema_names,
)  # fmt: skip
from evalkit.settings.types import ModelSettings, ModeSettings, ReportSettings, RunSettings, ServiceSettings

_PYTHON = {"string": {str, Path}, "integer": {int}, "number": {float}, "boolean": {bool}, "array": {tuple},
           "object": {Mapping}}  # fmt: skip


@pytest.mark.parametrize("path", sorted(resource_dir("schemas").glob("*.schema.json")), ids=lambda path: path.name)
def test_every_schema_is_valid_and_closed(path: Path) -> None:
    """A schema that is itself wrong, or that lets unknown keys through, checks nothing."""
    from jsonschema import Draft202012Validator

    name = path.name.removesuffix(".schema.json")
    # What a mode adds is closed together with what all modes have.
    schema = run_schema(name.removeprefix("mode_")) if name.startswith("mode_") else load_schema(name)
    Draft202012Validator.check_schema(schema)
    if schema.get("type") == "object":
        assert schema["additionalProperties"] is False


_KEYS = [pytest.param(key, id=f"{mode}-{key.path}") for mode in schema_names() for key in run_keys(mode).values()]


@pytest.mark.parametrize("key", _KEYS)
def test_every_key_says_what_it_means_and_what_is_allowed(key: Any) -> None:
    """--help and the documentation are generated from these words."""
    assert key.description.endswith(".")
    assert key.allowed


@pytest.mark.parametrize("schema", schema_names())
def test_settings_types_and_schemas_have_the_same_keys_and_types(schema: str) -> None:
    """Two sources would drift; this holds them equal, key by key, for every input that a mode has."""
    mode, _, chosen = schema.partition(".")
    config = {"mode": {"name": mode}, "input": chosen or DEFAULT_INPUT}
    assert schema_name(config) == schema
    _compare("", mode_of(config).settings_type, run_schema(schema))


def test_what_all_modes_have_is_enough_for_the_settings_that_all_modes_have() -> None:
    """A mode that adds nothing but its own node needs nothing else: what only some modes have is optional."""
    common = load_schema("run")
    properties = {**common["properties"], "mode": load_schema("voice_mode")}
    _compare("", RunSettings, {**common, "properties": properties, "required": list(properties)})


# What is no key: the document itself, and what was null in it.
_MADE = {"config", "open_keys"}


def _compare(prefix: str, cls: type, schema: Any) -> None:
    hints = get_type_hints(cls)
    if cls is ModeSettings:  # a mode's own node may have more, which is the mode's own type then
        schema = {**schema, "properties": {name: schema["properties"][name] for name in hints}, "required": list(hints)}
    needed = {field.name for field in fields(cls) if field.default is MISSING} - _MADE
    known = {field.name for field in fields(cls)} - _MADE
    assert needed <= set(schema["properties"]) <= known, prefix
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


def test_every_optional_field_is_a_key_of_some_mode() -> None:
    """A field that no schema has would never be set."""
    for path, cls in (("service", ServiceSettings), ("report", ReportSettings), ("provider.models", ModelSettings)):
        for field in fields(cls):
            assert key_at(f"{path}.{field.name}") is not None, f"{path}.{field.name}"


def test_a_key_is_looked_for_in_the_mode_that_is_named() -> None:
    """Without a name, in any."""
    assert key_at("speech.voice", "walk") is None
    assert key_at("speech.voice", "crawl") is not None
    assert key_at("simulator.kind") is not None
    assert key_at("simulator.nothing") is None


def test_keys_that_are_paths_are_told_from_the_schema() -> None:
    """What a rerun from another folder must not lose."""
    crawl = {key.path: key.suffix for key in path_keys("crawl")}
    assert {"mode.data_csv", "output_dir", "judge.calibration_file", "voice.output_csv"} <= set(crawl)
    assert (crawl["mode.data_csv"], crawl["service.faults"]) == ("", ".json")
    assert "voice.output_csv" not in {key.path for key in path_keys("walk")}


def test_a_schema_that_nobody_has_is_a_key_error() -> None:
    """With its name, and no file of somebody else's."""
    with pytest.raises(KeyError, match="mode_quiz_of_nobody"):
        run_schema("quiz_of_nobody")
