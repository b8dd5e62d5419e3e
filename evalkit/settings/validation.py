"""Checks a composed config against the schemas: every problem at once, each with path, value and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

from evalkit.settings.names import did_you_mean
from evalkit.settings.options import list_groups
from evalkit.settings.roles import ROLES
from evalkit.settings.schemas import Key, key_at, make_validator, mode_names, run_schema, schema_name, schema_names
from evalkit.settings.types import LLM_PROVIDERS

# Messages begin with the key, or with the whole override, that they are about.
_BEGINNING = re.compile(r"[+~]*([A-Za-z_][\w.@/-]*)(=.*?)?: ")

# Keys that hold a URL, beside those of providers -> a right one.
_URLS = {
    "service.base_url": "http://127.0.0.1:8000/v1",
    "service.brain_url": "http://127.0.0.1:1234/v1",
    "target.url": "ws://127.0.0.1:8765/ws",
    "tool_host.public_url": "https://mocks.example.com",
}
# Fields of a chat completion that a brain fills in as a conversation wants it.
_BRAINS_OWN = frozenset({
    "model", "messages", "tools", "tool_choice", "functions", "function_call", "response_format", "stream",
    "stream_options", "n",
})  # fmt: skip
# What the schema of a run config says that each of its nodes can be held to by itself.
_ABOUT_NODES = frozenset(
    {"$schema", "$id", "title", "description", "type", "additionalProperties", "required", "properties"}
)
_CREDENTIALS = re.compile(r"//[^/?#\s]*@")
"""A URL with a user name or a password."""
_MAY_HOLD_PASSWORD = re.compile(r"\w+:.*@")
"""What was meant for such a URL, perhaps."""


def named_key(message: str) -> str | None:
    """Return the key or group that a problem's message is about; None where it is about none, or about several."""
    found = _BEGINNING.match(message)
    if found is None:
        return None
    name = found[1]
    return name if key_at(name) is not None or name.partition("@")[0] in list_groups() else None


def find_problems(config: Mapping[str, Any]) -> list[str]:
    """Return one message for everything in `config` that the schema of its mode does not allow."""
    if "name" not in config.get("mode", {}):
        return ["mode.name: is missing; every key must have a value"]
    mode, known = config["mode"]["name"], mode_names()
    if mode not in known:
        return [f"mode.name: {mode!r} is not a mode{did_you_mean(str(mode), known)}; modes: {', '.join(known)}"]
    if schema_name(config) not in schema_names():
        return [f"input: {config['input']!r} is not an option of mode={mode}"]
    if _is_right(schema_name(config), config):
        return []
    validator = make_validator(run_schema(schema_name(config)))
    errors = sorted(validator.iter_errors(config), key=lambda error: [str(part) for part in error.absolute_path])
    return list(dict.fromkeys(message for error in errors for message in _explain(error)))


@dataclass(frozen=True)
class _Node:
    """The value of a key at the top of a config, told from others by how it is written."""

    written: str
    value: Any = field(compare=False)


def _is_right(schema: str, config: Mapping[str, Any]) -> bool:
    """Tell whether `config` keeps to the schema of that name, each of its nodes by itself.

    Jobs of a sweep differ in few nodes, and the others need no second look.
    """
    whole = run_schema(schema)
    return (
        whole.keys() <= _ABOUT_NODES
        and config.keys() == whole["properties"].keys()
        and all(_is_node_right(schema, key, _Node(repr(value), value)) for key, value in config.items())
    )


@lru_cache(maxsize=4096)
def _is_node_right(schema: str, key: str, node: _Node) -> bool:
    return bool(_node_validator(schema, key).is_valid(node.value))


@cache
def _node_validator(schema: str, key: str) -> Any:
    return make_validator(run_schema(schema)["properties"][key])


def find_value_problem(key: Key, value: Any) -> str | None:
    """Return a message when `value` is not allowed at `key`, else None."""
    from jsonschema import Draft202012Validator

    for error in Draft202012Validator(key.schema).iter_errors(value):
        return _describe_error(key.path, error)
    return None


def _explain(error: Any) -> list[str]:
    path = ".".join(str(part) for part in error.absolute_path)
    prefix = f"{path}." if path else ""
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        return [
            f"{prefix}{name}: unknown key{did_you_mean(name, known)}; known keys: {', '.join(known)}"
            for name in sorted(set(error.instance) - set(known))
        ]
    if error.validator == "required":
        missing = sorted(set(error.validator_value) - set(error.instance))
        return [f"{prefix}{name}: is missing; every key must have a value" for name in missing]
    if error.validator == "anyOf":
        return [message for cause in error.context or () if cause.validator != "type" for message in _explain(cause)]
    return [_describe_error(path, error)]


def _describe_error(path: str, error: Any) -> str:
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    allowed = Key(path, schema).allowed
    if error.validator == "pattern":
        allowed = " or ".join(f"text like {example!r}" for example in schema["examples"])
    elif error.validator in ("minLength", "maxLength"):
        allowed = f"text of {schema.get('minLength', 0)} to {schema.get('maxLength', 'any number of')} characters"
    if path.endswith(("api_key_env", "auth_token_env")):
        # The user may have put the key itself here.
        return f"{path}: is not the name of an environment variable; name the variable, never the key (not shown)"
    if error.validator == "pattern" and _MAY_HOLD_PASSWORD.match(str(error.instance)):
        return f"{path}: must not hold a user name or password (the value is not shown); expected {allowed}"
    hint = ""
    if error.validator == "enum" and isinstance(error.instance, str):
        hint = did_you_mean(error.instance, [str(option) for option in schema["enum"] if option is not None])
    if error.validator == "type" and schema.get("type") == "array":
        hint = f"; write '{path}=[{error.instance}]'"
    return f"{path}: {error.instance!r} is not allowed; expected {allowed}{hint}"


def find_contradictions(config: Mapping[str, Any]) -> list[str]:
    """Return problems between several keys: endpoints that are missing, or given where they make no sense."""
    problems = [*_find_broken_urls(config), *_find_brain_contradictions(config["service"])]
    for role in (None, *(role for role in ROLES if role in config)):
        provider = config["provider"] if role is None else config[role]["provider"]
        if provider is None:
            continue
        where = "provider" if role is None else f"{role}.provider"
        problems += _find_replay_contradictions(provider, where)
        if provider["name"] not in ("local", "replay", *LLM_PROVIDERS) and provider["base_url"] is None:
            problems.append(f"{where}.base_url: null; {where}={provider['name']} needs the URL of an endpoint")
        if provider["name"] in ("local", *LLM_PROVIDERS) and provider["base_url"] is not None:
            problems.append(
                f"{where}.base_url: {provider['base_url']!r} with {where}={provider['name']}, which picks its own; "
                f"for a service started by hand use provider=compatible"
            )
    return problems


def _find_broken_urls(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message for each URL whose host or port can be none."""
    for path, example in _URLS.items():
        node, key = path.split(".")
        url = str((config.get(node) or {}).get(key) or "")
        try:
            _ = urlsplit(url).port
        except ValueError as error:
            why = "the value is not shown" if _MAY_HOLD_PASSWORD.match(url) else str(error)
            yield f"{path}: is not a URL ({why}); expected for example {example}"


def _find_brain_contradictions(service: Mapping[str, Any]) -> list[str]:
    url = service.get("brain_url")
    if service["brain"] != "chat":
        unused = [key for key in ("brain_url", "brain_api_key_env", "brain_options") if service.get(key)]
        unused += ["brain_tools"] if service.get("brain_tools", "native") != "native" else []
        return [
            f"service.{key}: only service.brain=chat asks an endpoint, and service.brain={service['brain']}"
            for key in unused
        ]
    if "brain_url" not in service:
        there = "provider=compatible provider.base_url=URL provider.text_api=chat"
        return [f"service.brain: chat is for calls (crawl, walk, run); here the model is asked where it is: {there}"]
    if url is not None and _CREDENTIALS.search(url):
        advice = "put the key into a variable named by service.brain_api_key_env (the value is not shown)"
        return [f"service.brain_url: must not hold a user name or password; {advice}"]
    return [
        f"service.brain_options.{name}: is what a brain asks by itself; leave it out"
        for name in sorted(_BRAINS_OWN & service["brain_options"].keys())
    ]


def _find_replay_contradictions(provider: Mapping[str, Any], where: str) -> list[str]:
    if provider["name"] != "replay":
        told = provider["run"]
        wrong = f"{where}.run: {told!r} with {where}={provider['name']}; only provider=replay serves a stored run"
        return [] if told is None else [wrong]
    problems = []
    if provider["run"] is None:
        problems.append(f"{where}.run: null; {where}=replay needs the directory of a stored run: {where}.run=RUN_DIR")
    if provider["base_url"] is not None:
        problems.append(
            f"{where}.base_url: {provider['base_url']!r}, but a stored run is served at an address of its own"
        )
    return problems
