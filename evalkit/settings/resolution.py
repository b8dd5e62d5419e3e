"""Turns a valid config into the one that runs: role defaults, rates and absolute paths filled in.

The result is what ``config.yaml`` stores. Nothing here touches a network, a key, or the files the paths name.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEFAULT_CHUNK_MS = 20

_ROLES = ("assistant", "simulator", "judge", "speech")
_PATHS = (
    ("mode", "data_csv"),
    ("assistant", "system_prompt_file"),
    ("assistant", "tools_file"),
    ("tool_mocks", "mocks_file"),
    ("voice", "output_csv"),
    ("judge", "calibration_file"),
    ("limits", "prices_file"),
)


def resolve(config: Mapping[str, Any], working_dir: Path) -> dict[str, Any]:
    """Return a copy of a validated `config` with every null that has a default replaced by it.

    Relative paths become absolute from `working_dir`. Roles get the root provider and their provider's default model.
    """
    resolved: dict[str, Any] = copy.deepcopy(dict(config))
    for provider in (resolved["provider"], *(resolved[role]["provider"] for role in _ROLES)):
        if provider is not None and provider["run"] is not None:
            provider["run"] = str((working_dir / Path(provider["run"]).expanduser()).resolve())
    for role in _ROLES:
        node = resolved[role]
        node["provider"] = node["provider"] or copy.deepcopy(resolved["provider"])
        node["model"] = node["model"] or node["provider"]["models"][_default_model(role, node)]
    audio = resolved["audio"]
    audio["input_format"] = audio["input_format"] or "pcm16"
    audio["output_format"] = audio["output_format"] or "pcm16"
    audio["sample_rate_hz"] = 24_000 if audio["input_format"] == "pcm16" else 8_000
    audio["output_sample_rate_hz"] = 24_000 if audio["output_format"] == "pcm16" else 8_000
    resolved["chunk_ms"] = resolved["chunk_ms"] or DEFAULT_CHUNK_MS
    if resolved["real_time"] is None:
        is_remote = resolved["assistant"]["provider"]["name"] not in ("local", "replay")
        resolved["real_time"] = resolved["mode"]["name"] == "run" and is_remote
    for node, key in _PATHS:
        if resolved[node][key] is not None:
            resolved[node][key] = str((working_dir / Path(resolved[node][key]).expanduser()).resolve())
    resolved["output_dir"] = str((working_dir / Path(resolved["output_dir"]).expanduser()).resolve())
    return resolved


def _default_model(role: str, node: Mapping[str, Any]) -> str:
    return "simulator_text" if role == "simulator" and node["kind"] == "text" else role


def find_missing_models(resolved: Mapping[str, Any], needed: tuple[str, ...]) -> list[str]:
    """Return a message for every role of `needed` that has no model of its own and none from its provider."""
    return [
        f"{role}.model: null, and provider {resolved[role]['provider']['name']} has no default for this role; "
        f"name one with {role}.model=MODEL"
        for role in needed
        if resolved[role]["model"] is None
    ]
