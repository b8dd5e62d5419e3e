"""Text through ``/chat/completions``, as it streams: what OpenRouter, LM Studio and most other endpoints speak.

Everything is asked for as a stream, so that the time of the first token is known and a long answer is never taken for
silence. An endpoint that answers whole all the same is read whole. A stream that ends without saying why it ended was
cut: a failure of the connection, with what had come as its evidence (:class:`AnswerCut`).

Endpoints differ in three optional fields: one that refuses ``stream_options`` is asked without it, then and from then
on, and the limit on tokens goes out as ``max_tokens`` or ``max_completion_tokens``, whichever is taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalkit.clock import Clock, MonotonicClock
from evalkit.errors import CaseFailure
from evalkit.providers.chat_assembly import ChatAssembly
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint, request_url
from evalkit.providers.text_model import (
    MAX_ANSWER_CHARACTERS,
    NOT_ABOUT_THE_REQUEST,
    Answer,
    AnswerCut,
    Sampling,
    TextModel,
    answer_too_large,
    as_mapping,
)
from evalkit.records.faults import Stage
from evalkit.records.json import JsonObject
from evalkit.settings.types import LLM_PROVIDERS

if TYPE_CHECKING:
    from httpx2 import Response

# Of an answer that was cut, as evidence: enough to see what it was, and no field of a table that readers refuse.
_KEPT = 50_000
_LIMITS = ("max_tokens", "max_completion_tokens")
# Whose newer models refuse the older name.
_PREFER_NEWER = ("openai", "azure")


class ChatModel(TextModel):
    """A text model behind ``/chat/completions``.

    Args:
        clients: HTTP clients by endpoint.
        endpoint: Where the model is.
        model: Its name.
        stage: At which stage a failed request counts.
        clock: Measures the time of the first token.

    """

    def __init__(
        self,
        clients: Clients,
        endpoint: ProviderEndpoint,
        model: str,
        *,
        stage: str = Stage.GRADING,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(clients, endpoint, model, stage=stage)
        self._clock = clock or MonotonicClock()
        self._limits = list(reversed(_LIMITS) if endpoint.name in _PREFER_NEWER else _LIMITS)
        self._asks_for_usage = True

    async def _answer(
        self, instructions: str, text: str | Sequence[JsonObject], schema: JsonObject | None, sampling: Sampling
    ) -> Answer:
        told = [{"role": "system", "content": instructions}] if instructions else []
        asked = [{"role": "user", "content": text}] if isinstance(text, str) else [dict(one) for one in text]
        while True:
            body = self._body([*told, *asked], schema, sampling)
            try:
                return self._bounded(await self._stream(body))
            except CaseFailure as failure:
                if not self._gives_way(failure, body):
                    raise

    def _body(
        self, messages: Sequence[Mapping[str, Any]], schema: JsonObject | None, sampling: Sampling
    ) -> dict[str, Any]:
        effort = sampling.get("reasoning_effort")
        options: dict[str, Any] = {
            "temperature": sampling.get("temperature"),
            "seed": sampling.get("seed"),
            self._limits[0]: sampling.get("max_output_tokens"),
            "stream_options": {"include_usage": True} if self._asks_for_usage else None,
        }
        if effort is not None and self._endpoint.name == "openrouter":
            options["reasoning"] = {"effort": effort}
        else:
            options["reasoning_effort"] = effort
        if schema is not None:
            wanted = {"name": "answer", "schema": schema, "strict": True}
            options["response_format"] = {"type": "json_schema", "json_schema": wanted}
        if self._endpoint.name in LLM_PROVIDERS:
            options["cache_prompt"] = False  # with it the same question gets another answer the second time
        told = {name: value for name, value in options.items() if value is not None}
        return {"model": self._model, "messages": list(messages), "stream": True, **told}

    def _gives_way(self, failure: CaseFailure, body: Mapping[str, Any]) -> bool:
        """Whether the endpoint refused a field that it can be asked without; it is not sent again."""
        if failure.error_type in NOT_ABOUT_THE_REQUEST or isinstance(failure, AnswerCut):
            return False
        if "stream_options" in failure.message and self._asks_for_usage:
            self._asks_for_usage = False
            return True
        if len(self._limits) > 1 and self._limits[0] in body and self._limits[0] in failure.message:
            self._limits.pop(0)
            return True
        return False

    async def _stream(self, body: Mapping[str, Any]) -> Answer:
        assembly, sent_at = ChatAssembly(), self._clock.now()
        url = request_url(self._endpoint, "/chat/completions", self._model)
        try:
            async with self._clients.ask(self._stage, self._endpoint, url, json=body) as answer:
                if "event-stream" in answer.headers.get("content-type", ""):
                    await self._read_stream(answer, assembly, sent_at)
                else:
                    self._read_whole(json.loads(await answer.aread()), assembly)
        except CaseFailure as failure:
            if assembly.has_begun:
                raise AnswerCut(failure, self._evidence(assembly.answer(self._model))) from None
            raise
        return assembly.answer(self._model)

    async def _read_stream(self, answer: Response, assembly: ChatAssembly, sent_at: float) -> None:
        from evalkit.providers.http_exchange import read_events

        async for event in read_events(answer):
            chunk = as_mapping(event)
            self._require_no_error(chunk)
            assembly.take(chunk)
            if assembly.has_begun and assembly.first_token_ms is None:
                assembly.first_token_ms = (self._clock.now() - sent_at) * 1000
            if assembly.characters > MAX_ANSWER_CHARACTERS:
                raise answer_too_large(self._stage, self._endpoint)
        if not assembly.finish:
            message = f"{self._endpoint.name} ended the stream before the answer: it never said why it ended"
            raise CaseFailure(self._stage, "connection_closed", message)

    def _read_whole(self, told: Any, assembly: ChatAssembly) -> None:
        body = as_mapping(told)
        self._require_no_error(body)
        if not isinstance(body.get("choices"), list):
            message = f"{self._endpoint.name} answered without a chat completion"
            raise CaseFailure(self._stage, "invalid_response", message)
        assembly.take(body)

    def _require_no_error(self, body: Mapping[str, Any]) -> None:
        """Raise for an error that stands in an answer: what failed after the status had been sent."""
        choices = body.get("choices")
        first = as_mapping(choices[0]) if isinstance(choices, list) and choices else {}
        for holder in (body, first):
            if holder.get("error"):
                raise self._clients.failure_in_answer(self._stage, self._endpoint, holder["error"])
        if first.get("finish_reason") == "error":
            message = f"{self._endpoint.name} ended the answer with an error and did not say which"
            raise CaseFailure(self._stage, "server_error", message)

    def _evidence(self, answer: Answer) -> Answer:
        """Return the beginning of what came of an answer that is none."""
        return self._bounded(replace(answer, text=answer.text[:_KEPT], reasoning=answer.reasoning[:_KEPT]))
