"""Turns a valid config into the one that runs: role defaults and absolute paths filled in.

The result is what ``config.yaml`` stores, once the mode has filled in its own. Nothing here touches a network, a key,
or the files the paths name.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evalkit.object_storage.addresses import is_address
from evalkit.settings.roles import ROLES
from evalkit.settings.schemas import path_keys


def resolve(config: Mapping[str, Any], working_dir: Path, models: Sequence[str] = ()) -> dict[str, Any]:
    """Return a copy of a validated `config` with every null that has a default replaced by it.

    Relative paths become absolute from `working_dir`, addresses on object storage stay. Roles get the root provider and
    their provider's default model. Providers keep the default models that `models` names, those of the mode (none:
    all); the first is the assistant's.
    """
    resolved = with_absolute_paths(config, working_dir)
    roles = [role for role in ROLES if role in resolved]
    for role in roles:
        node = resolved[role]
        node["provider"] = node["provider"] or copy.deepcopy(resolved["provider"])
        node["model"] = node["model"] or node["provider"]["models"].get(_default_model(role, node, models))
    for provider in (resolved["provider"], *(resolved[role]["provider"] for role in roles)):
        kept = models or provider["models"]
        provider["models"] = {name: model for name, model in provider["models"].items() if name in kept}
    return resolved


def with_absolute_paths(config: Mapping[str, Any], working_dir: Path) -> dict[str, Any]:
    """Return a copy of `config` in which every key that names a file or folder is absolute, from `working_dir`."""
    result: dict[str, Any] = _copied(dict(config))
    for path_key in path_keys(config["mode"]["name"]):
        *nodes, key = path_key.path.split(".")
        node: Any = result
        for name in nodes:
            node = node.get(name) if isinstance(node, dict) else None
        _make_absolute(node, key, working_dir, path_key.suffix)
    for role in ROLES:
        _make_absolute(result.get(role, {}).get("provider"), "run", working_dir)
    return result


def _copied(value: Any) -> Any:
    """Return a copy of plain values, three times as fast as what copies anything."""
    if isinstance(value, dict):
        return {key: _copied(child) for key, child in value.items()}
    return [_copied(child) for child in value] if isinstance(value, list) else value


def _make_absolute(node: Any, key: str, working_dir: Path, suffix: str = "") -> None:
    value = node.get(key) if isinstance(node, dict) else None
    if isinstance(value, str) and "${" not in value and value.strip().endswith(suffix) and not is_address(value):
        node[key] = str((working_dir / Path(value.strip()).expanduser()).resolve())


def _default_model(role: str, node: Mapping[str, Any], models: Sequence[str]) -> str:
    if role == "assistant" and models:
        return models[0]
    return "simulator_text" if role == "simulator" and node["kind"] == "text" else role


def find_missing_models(resolved: Mapping[str, Any], needed: Sequence[str]) -> list[str]:
    """Return a message for every role of `needed` that has no model of its own and none from its provider."""
    return [
        f"{role}.model: null, and provider {resolved[role]['provider']['name']} has no default for this role; "
        f"name one with {role}.model=MODEL, or another provider for it alone: provider@{role}.provider=local"
        for role in needed
        if resolved[role]["model"] is None
    ]
