"""What a launch from the lab may not ask for, though its owner may at the command line.

Whoever can reach the lab could otherwise read any file of its user, run any program as him, or have his keys sent to an
address of their own. ``--allow-paths`` lifts all of this.

Two walls: overrides, and the directory that a line goes on with, are refused before anything composes them
(:func:`find_refused`, :func:`find_refused_source`), and what they compose is looked at once more
(:func:`find_refused_config`), since groups, presets and a run that was copied in set keys too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from evalkit.lab.settings import LabSettings
from evalkit.settings.options import option_folders
from evalkit.settings.plugins import plugin_folders
from evalkit.settings.resources import resource_dir
from evalkit.settings.schemas import all_keys, key_at, mode_names, path_keys
from evalkit.store.planned_configs import planned_configs

_UNLESS = "the lab takes it only when it was started with --allow-paths"
_LAUNCHER = "hydra/launcher"
# Launchers that start nothing but evalkit on this machine.
_LAUNCHERS = frozenset({"basic", "joblib"})
_WORD = re.compile(r"([+]{0,2})([A-Za-z_][\w./@-]*)=(.*)", re.DOTALL)
# Control characters, and halves of a surrogate pair, which no process can be given.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
# Another key's value and the shipped data may be filled in; other resolvers read the environment.
_RESOLVED = re.compile(r"\$\{(?!data:[\w/.-]+\}|[\w.]+\})")
_MOST_WORDS, _LONGEST = 300, 8_000
# Values that take the walls around a program away.
_UNGUARDED = {("sandbox", "none"), ("allow_unattended", "true")}


def find_refused(overrides: Sequence[str], settings: LabSettings) -> list[str]:
    """Return a message for every override that no launch may have, or none with these settings."""
    if len(overrides) > _MOST_WORDS or any(len(word) > _LONGEST for word in overrides):
        return [f"{len(overrides)} overrides; expected at most {_MOST_WORDS}, each of at most {_LONGEST} characters"]
    return [message for word in overrides for message in _find_refused_word(word, settings)]


def find_refused_config(config: Mapping[str, Any], settings: LabSettings) -> list[str]:
    """Return a message for everything in a composed `config` that no launch may have with these settings."""
    if settings.allow_paths:
        return []
    mode = str(config["mode"]["name"])
    problems = []
    for key in path_keys(mode):
        value = _at(config, key.path)
        if isinstance(value, str) and value.endswith(key.suffix) and not _is_inside(value, settings):
            problems.append(_outside(key.path, value, settings))
    for path in sorted(_program_keys()):
        value = _at(config, path)
        if value and value not in _preset_values(path):
            problems.append(f"{path}: {value!r} names a program, or what one is given, as no option does; {_UNLESS}")
    for name, value in config["mode"].items():
        if (name, str(value).lower()) in _UNGUARDED:
            problems.append(f"mode.{name}: {value} lets a program run without walls around it; {_UNLESS}")
    return [*problems, *_find_strange_endpoints("", config)]


def find_refused_source(root: Path, settings: LabSettings) -> list[str]:
    """Return what speaks against going on with the run or sweep in `root`, which may have been copied in."""
    if settings.allow_paths:
        return []
    try:
        if (root / "plan.json").is_file():
            return _find_refused_plan(json.loads((root / "plan.json").read_text(encoding="utf-8")), settings)
        stored = (root / ".hydra" / "config.yaml").read_text(encoding="utf-8")
        config = yaml.safe_load(stored)
        found = _RESOLVED.search(stored)
        if found:
            return [
                f"{root.name}: its config is filled in from elsewhere ({stored[found.start() :][:40]!r}…); {_UNLESS}"
            ]
        return [] if isinstance(config, dict) else [f"{root.name}: its stored config holds no keys"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        return [f"{root.name}: its stored config cannot be read ({type(error).__name__}: {error})"]


def _find_refused_plan(plan: Mapping[str, Any], settings: LabSettings) -> list[str]:
    source = plan["source"]
    if Path(source["config_dir"]) != resource_dir("conf") or source["search_dirs"]:
        return [f"{source['config_dir']}: the sweep was composed from other options than those installed; {_UNLESS}"]
    problems = find_refused(plan["overrides"], settings)
    for config in planned_configs(plan):
        problems += find_refused_config(config, settings)
    return list(dict.fromkeys(problems))


def _find_refused_word(word: str, settings: LabSettings) -> Iterator[str]:
    match = _WORD.fullmatch(word)
    if match is None or _CONTROL.search(word):
        yield f"{word[:200]!r}: is not key=value; the lab takes overrides and no flags"
        return
    if settings.allow_paths:
        return
    name, value = match[2], match[3]
    path = name.rpartition("@")[2]
    if name.startswith("hydra") and not (name == _LAUNCHER and set(value.split(",")) <= _LAUNCHERS):
        yield f"{name}: says how jobs are started ({', '.join(sorted(_LAUNCHERS))} is allowed); {_UNLESS}"
    elif _RESOLVED.search(value):
        yield f"{name}: {value!r} is filled in from elsewhere; {_UNLESS}"
    elif value.lstrip().startswith("{"):
        yield f"{name}: sets several keys at once; write each as key=value, or start the lab with --allow-paths"
    elif _names_program(path):
        yield f"{name}: names a program, or what one is given; {_UNLESS}"
    elif any((path.rpartition(".")[2], element.lower()) in _UNGUARDED for element in _elements(value)):
        yield f"{name}={value}: lets a program run without walls around it; {_UNLESS}"
    elif _names_file(path):
        for element in _elements(value):
            if "\\" in element or not _is_inside(element, settings):
                yield _outside(name, element, settings)


def _elements(value: str) -> list[str]:
    """Return the words of a value: of a list or a sweep each, quoted or not."""
    return [element.strip() for element in re.split(r"[,\[\](){}'\"]+|\s{2,}", value) if element.strip()]


def _outside(name: str, value: str, settings: LabSettings) -> str:
    inside = ", ".join(map(str, dict.fromkeys((settings.working_dir, *settings.folders))))
    return f"{name}: {value!r} lies outside {inside}; {_UNLESS}"


def _is_inside(value: str, settings: LabSettings) -> bool:
    if value.startswith("${data:"):
        value = str(resource_dir("data") / value.removeprefix("${data:").removesuffix("}"))
    if value.startswith("~"):
        return False
    if value == "null" or not re.search(r"[/\\.]", value):  # a name, such as that of a fault plan, lies beside
        return True
    path = (settings.working_dir / value).resolve()
    shipped = (resource_dir("data"), *plugin_folders("data"))
    roots = (settings.working_dir, *settings.folders, *shipped)
    return any(path.is_relative_to(root.resolve()) for root in roots)


def _names_program(path: str) -> bool:
    """Tell whether a key, or a node that it lies in, is one of a program: its argv, what it finds in its HOME."""
    parts = path.split(".")
    above = (".".join(parts[:end]) for end in range(1, len(parts) + 1))
    return any(name in _program_keys() for name in above)


@cache
def _program_keys() -> frozenset[str]:
    return frozenset(path for path, key in all_keys().items() if key.schema.get("format") == "program")


@cache
def _preset_values(path: str) -> tuple[Any, ...]:
    """Return what the options of a key's group say at it."""
    group, _, key = path.partition(".")
    options = (option for folder in option_folders() for option in sorted((folder / group).glob("*.yaml")))
    return tuple(_at(yaml.safe_load(option.read_text(encoding="utf-8")) or {}, key) for option in options)


def _names_file(path: str) -> bool:
    if any(path == key.path for mode in mode_names() for key in path_keys(mode)):
        return True
    key = key_at(path)  # inside a role's own provider
    return key is not None and str(key.schema.get("format", "")).startswith("path")


def _at(config: Mapping[str, Any], path: str) -> Any:
    value: Any = config
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _find_strange_endpoints(prefix: str, node: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message for every key that would be sent to an address which no shipped or installed option has."""
    for address, variable in (("base_url", "api_key_env"), ("brain_url", "brain_api_key_env")):
        url, key_env = node.get(address), node.get(variable)
        if key_env is not None and url is not None and not _is_known(str(url), str(key_env)):
            sent = f"{url!r} would be sent the key in {key_env}"
            yield f"{prefix}{address}: {sent}, and no option of provider has both; {_UNLESS}"
    for name, child in node.items():
        if isinstance(child, Mapping):
            yield from _find_strange_endpoints(f"{prefix}{name}.", child)


def _is_known(url: str, key_env: str) -> bool:
    return (url, key_env) in _preset_endpoints()


@cache
def _preset_endpoints() -> frozenset[tuple[str | None, str]]:
    """Return address and key variable of every option of ``provider``."""
    found = set()
    for folder in option_folders():
        for path in (folder / "provider").glob("*.yaml"):
            content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            option = content.get("provider", content)
            if option.get("api_key_env"):
                found.add((option.get("base_url"), str(option["api_key_env"])))
    return frozenset(found)
