"""Roles that only a realtime model can have: who answers on the line, and a caller who hears."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalkit.modes.voice.target import calls_provider
from evalkit.settings.types import LLM_PROVIDERS

_INSTEAD = {
    "assistant": "as a voice agent: provider@assistant.provider=local service.brain=chat assistant.model=MODEL",
    "simulator": "as a caller who writes: simulator.kind=text",
}


def find_realtime_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message for every such role that is given to a local language model, which reads and writes text."""
    for role, instead in _INSTEAD.items():
        node = config.get(role)
        is_called = role != "assistant" or calls_provider(config)
        if node is None or node.get("kind") == "text" or not is_called:
            continue
        provider = (node["provider"] or config["provider"])["name"]
        if provider in LLM_PROVIDERS:
            yield f"{role}.provider: {provider!r} writes text, and this role needs a realtime model; {instead}"
