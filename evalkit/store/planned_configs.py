"""The configs of a sweep's jobs as ``plan.json`` has them: the first whole, of the others what is another in them.

:mod:`evalkit.runner.stored_plan` says what else is in that file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WITH_WHOLE_CONFIGS = 1
"""The format in which every job had its whole config."""

_Config = Mapping[str, Any]
_Path = tuple[str, ...]


def describe_difference(first: _Config, other: _Config) -> dict[str, Any]:
    """Return what `other` has otherwise than `first`: ``set``, paths with values, and ``unset``, paths it has not."""
    return {"set": list(_find_set(first, other)), "unset": list(_find_unset(first, other))}


def planned_configs(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the config of each job of a parsed ``plan.json``; they share nodes in which they do not differ.

    Raises KeyError or TypeError where the document is none.
    """
    if document.get("format", WITH_WHOLE_CONFIGS) == WITH_WHOLE_CONFIGS:
        yield from (job["config"] for job in document["jobs"])
        return
    first = document["config"]
    for job in document["jobs"]:
        config = dict(first)
        for path, value in job["set"]:
            config = _with(config, path, value)
        for path in job["unset"]:
            config = _without(config, path)
        yield config


def _find_set(first: _Config, other: _Config, path: _Path = ()) -> Iterator[tuple[_Path, Any]]:
    """Yield what `other` has and `first` has not, or otherwise."""
    for key, value in other.items():
        before = first.get(key)
        if value is before and key in first:
            continue
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            yield from _find_set(before, value, (*path, key))
        elif key not in first or repr(value) != repr(before):  # 1, 1.0 and True are equal, and not the same
            yield (*path, key), value


def _find_unset(first: _Config, other: _Config, path: _Path = ()) -> Iterator[_Path]:
    """Yield what `first` has and `other` has not."""
    for key, before in first.items():
        value = other.get(key)
        if key not in other:
            yield (*path, key)
        elif value is not before and isinstance(value, Mapping) and isinstance(before, Mapping):
            yield from _find_unset(before, value, (*path, key))


def _with(config: _Config, path: Sequence[str], value: Any) -> dict[str, Any]:
    name, *rest = path
    return {**config, name: _with(config[name], rest, value) if rest else value}


def _without(config: _Config, path: Sequence[str]) -> dict[str, Any]:
    name, *rest = path
    if rest:
        return {**config, name: _without(config[name], rest)}
    return {key: value for key, value in config.items() if key != name}
