"""Config keys that were renamed: the one table for answering an old key and for reading old stored configs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Old dotted key -> new dotted key. A line stays for as long as stored runs with the old key may be resumed.
RENAMED_KEYS = {
    "service.voice": "service.speech",
    "service.ears": "service.transcription",
    "service.voice_model": "service.speech_model",
    "service.ears_model": "service.transcription_model",
}


def renaming_problem(key: str, value: str) -> str | None:
    """Return the message for a renamed key in ``key=value``; None for any other key."""
    new = RENAMED_KEYS.get(key)
    return None if new is None else f"{key}: was renamed; write {new}={value}"


def with_new_names(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored `config` with every renamed key under its new name, where it does not have that one already."""
    renamed = _copied(config)
    for old, new in RENAMED_KEYS.items():
        node, name = _holder(renamed, old)
        if node is None or name not in node:
            continue
        value = node.pop(name)
        target, new_name = _holder(renamed, new)
        if target is not None:
            target.setdefault(new_name, value)
    return renamed


def _copied(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, Mapping) else value for key, value in node.items()}


def _holder(config: dict[str, Any], key: str) -> tuple[dict[str, Any] | None, str]:
    """Return the node that holds `key`, None where there is no such node, and the key's last word."""
    *path, name = key.split(".")
    node: Any = config
    for word in path:
        node = node.get(word) if isinstance(node, dict) else None
    return (node if isinstance(node, dict) else None), name
