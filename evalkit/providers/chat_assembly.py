"""One chat completion put together from its pieces, or from the whole of it; endpoints that differ are read alike.

Reasoning comes as ``reasoning`` (OpenRouter, LM Studio), ``reasoning_content`` (DeepSeek, vLLM, llama.cpp), as
``reasoning_details``, as parts of the content, or between ``<think>`` tags (:func:`split_thought`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalkit.providers.text_model import Answer, as_mapping, as_sequence, reported_cost_usd, token_count
from evalkit.records.record import Usage

_REASONING_FIELDS = ("reasoning", "reasoning_content")
_THOUGHT_KEYS = ("text", "summary", "thinking")


class ChatAssembly:
    """What has come of an answer so far.

    Attributes:
        finish: Why it ended, in the endpoint's word; empty: it has not.
        first_token_ms: When the first piece came, as the reader measures it; None for an answer that came whole.
        characters: How long answer and reasoning are.

    """

    def __init__(self) -> None:
        self.finish = ""
        self.first_token_ms: float | None = None
        self.characters = 0
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._usage: Mapping[str, Any] = {}
        self._model = ""

    @property
    def has_begun(self) -> bool:
        """Whether any piece of an answer, of a refusal or of reasoning has come."""
        return self.characters > 0

    def take(self, body: Mapping[str, Any]) -> None:
        """Take a chunk of a stream, or a whole completion."""
        if isinstance(body.get("model"), str):
            self._model = body["model"]
        if isinstance(body.get("usage"), Mapping):
            self._usage = body["usage"]
        choices = as_sequence(body.get("choices"))
        first = as_mapping(choices[0]) if choices else {}
        piece = as_mapping(first.get("delta")) or as_mapping(first.get("message"))
        self._keep(self._text, _words(piece.get("content"), ("text",)))
        self._keep(self._refusal, _words(piece.get("refusal"), ()))
        self._keep(self._reasoning, _thought(piece))
        if isinstance(first.get("finish_reason"), str):
            self.finish = first["finish_reason"]

    def answer(self, asked_model: str) -> Answer:
        """Return what has come as an answer; `asked_model` answered it where the endpoint names none."""
        text, refusal = "".join(self._text), "".join(self._refusal)
        declined = bool(refusal and not text)
        return Answer(
            text=refusal if declined else text,
            parsed=None,
            problem="",
            usage=_read_usage(self._usage),
            model=self._model or asked_model,
            refused=declined,
            reasoning="".join(self._reasoning),
            finish=self.finish,
            first_token_ms=self.first_token_ms,
            cost_usd=reported_cost_usd(self._usage),
        )

    def _keep(self, pieces: list[str], words: str) -> None:
        if words:
            pieces.append(words)
            self.characters += len(words)


def _words(content: Any, keys: tuple[str, ...]) -> str:
    """Return the words of a text, or of the parts of a content that is a list."""
    if isinstance(content, str):
        return content
    found = (as_mapping(part).get(key) for part in as_sequence(content) for key in keys)
    return "".join(words for words in found if isinstance(words, str))


def _thought(piece: Mapping[str, Any]) -> str:
    """Return a piece of reasoning: the same may stand in two fields, so the first that has any counts."""
    for field in _REASONING_FIELDS:
        if isinstance(piece.get(field), str) and piece[field]:
            return str(piece[field])
    told = _words(piece.get("reasoning_details"), _THOUGHT_KEYS)
    parts = [part for part in as_sequence(piece.get("content")) if as_mapping(part).get("type") == "thinking"]
    return told or "".join(_words(as_mapping(part).get("thinking"), ("text",)) for part in parts)


def _read_usage(usage: Mapping[str, Any]) -> Usage:
    spent, made = token_count(usage, "prompt_tokens"), token_count(usage, "completion_tokens")
    return Usage(
        input_tokens=spent,
        output_tokens=made,
        input_text_tokens=spent,
        input_cached_tokens=token_count(as_mapping(usage.get("prompt_tokens_details")), "cached_tokens"),
        output_text_tokens=made,
        output_reasoning_tokens=token_count(as_mapping(usage.get("completion_tokens_details")), "reasoning_tokens"),
    )
