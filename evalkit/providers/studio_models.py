"""LM Studio's models as its three listings tell them: the REST API since 0.4, the older one, and the program ``lms``.

Nothing here asks anybody. A listing that is not shaped as its documentation says is read as far as it goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_EMBEDDING_KINDS = frozenset({"embedding", "embeddings"})


@dataclass(frozen=True)
class StudioModel:
    """A model that LM Studio has on disk.

    Attributes:
        key: Its name in requests.
        kind: ``llm`` or ``embedding``.
        instances: The ids of what is loaded of it.
        path: Where ``lms`` knows it by; empty where it was not told, as everything that follows.
        title: Its name for people.
        quantization: How its weights are packed, for example ``Q4_K_M``.
        size_bytes: How large it is on disk.
        context_length: The most tokens that it can hold.
        sees: Whether it takes pictures.
        calls_tools: Whether it was trained to call tools.

    """

    key: str
    kind: str
    instances: tuple[str, ...]
    path: str = ""
    title: str = ""
    quantization: str = ""
    size_bytes: int | None = None
    context_length: int | None = None
    sees: bool | None = None
    calls_tools: bool | None = None

    def is_named(self, name: str) -> bool:
        """Whether `name` asks for it, or for something that is loaded of it."""
        return name == self.key or name in self.instances


def read_models(answer: Any) -> list[StudioModel] | None:
    """Return the models of an answer of ``GET /api/v1/models``; None for any other answer."""
    listed = _mapping(answer).get("models")
    return [_of_rest(_mapping(model)) for model in listed] if isinstance(listed, list) else None


def read_older_models(answer: Any) -> list[StudioModel] | None:
    """Return the models of an answer of ``GET /api/v0/models`` (since 0.3.6); None for any other answer."""
    listed = _mapping(answer).get("data")
    return [_of_older_rest(_mapping(model)) for model in listed] if isinstance(listed, list) else None


def read_listings(known: Any, loaded: Any) -> list[StudioModel] | None:
    """Return the models of what ``lms ls --json`` and ``lms ps --json`` print; None where the first is no list."""
    if not isinstance(known, list):
        return None
    running = [_mapping(instance) for instance in (loaded if isinstance(loaded, list) else ())]
    return [_of_program(_mapping(model), running) for model in known]


def _of_rest(model: Mapping[str, Any]) -> StudioModel:
    instances = model.get("loaded_instances")
    ids = [_mapping(instance).get("id") for instance in (instances if isinstance(instances, list) else ())]
    able = _mapping(model.get("capabilities"))
    return StudioModel(
        key=_text(model.get("key")),
        kind=_kind(model.get("type")),
        instances=tuple(one for one in ids if isinstance(one, str)),
        title=_text(model.get("display_name")),
        quantization=_text(_mapping(model.get("quantization")).get("name")),
        size_bytes=_count(model.get("size_bytes")),
        context_length=_count(model.get("max_context_length")),
        sees=_truth(able.get("vision")),
        calls_tools=_truth(able.get("trained_for_tool_use")),
    )


def _of_older_rest(model: Mapping[str, Any]) -> StudioModel:
    key, kind = _text(model.get("id")), model.get("type")
    able = model.get("capabilities")
    return StudioModel(
        key=key,
        kind=_kind(kind),
        instances=(key,) if model.get("state") == "loaded" else (),
        quantization=_text(model.get("quantization")),
        context_length=_count(model.get("max_context_length")),
        sees=kind == "vlm" if isinstance(kind, str) else None,
        calls_tools="tool_use" in able if isinstance(able, list) else None,
    )


def _of_program(model: Mapping[str, Any], running: Sequence[Mapping[str, Any]]) -> StudioModel:
    key, path = _text(model.get("modelKey")) or _text(model.get("path")), _text(model.get("path"))
    ids = [one.get("identifier") for one in running if one.get("modelKey") == key or (path and one.get("path") == path)]
    return StudioModel(
        key=key,
        kind=_kind(model.get("type")),
        instances=tuple(one for one in ids if isinstance(one, str)),
        path=path,
        title=_text(model.get("displayName")),
        quantization=_text(_mapping(model.get("quantization")).get("name")),
        size_bytes=_count(model.get("sizeBytes")),
        context_length=_count(model.get("maxContextLength")),
        sees=_truth(model.get("vision")),
        calls_tools=_truth(model.get("trainedForToolUse")),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _kind(value: Any) -> str:
    return "embedding" if value in _EMBEDDING_KINDS else "llm"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None
