"""Text and schema-constrained JSON through ``/responses``: what judges and text callers ask with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from evalkit.errors import CaseFailure
from evalkit.providers.endpoints import request_url
from evalkit.providers.text_model import (
    Answer,
    Sampling,
    TextModel,
    as_mapping,
    as_sequence,
    reported_cost_usd,
    token_count,
)
from evalkit.records.json import JsonObject
from evalkit.records.record import Usage


class ResponsesModel(TextModel):
    """A text model behind ``/responses``. Nothing is asked to be stored; the API knows no seed, so none is sent."""

    async def _answer(
        self, instructions: str, text: str | Sequence[JsonObject], schema: JsonObject | None, sampling: Sampling
    ) -> Answer:
        options: dict[str, Any] = {
            "temperature": sampling.get("temperature"),
            "max_output_tokens": sampling.get("max_output_tokens"),
        }
        effort = sampling.get("reasoning_effort")
        options["reasoning"] = None if effort is None else {"effort": effort}
        if schema is not None:
            wanted = {"type": "json_schema", "name": "answer", "schema": schema, "strict": True}
            options["text"] = {"format": wanted}
        told = {name: value for name, value in options.items() if value is not None}
        return self._bounded(self._read(await self._request(instructions, text, told)))

    async def _request(
        self, instructions: str, text: str | Sequence[JsonObject], options: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        url = request_url(self._endpoint, "/responses", self._model)
        given = text if isinstance(text, str) else [dict(message) for message in text]
        asked = {"model": self._model, "instructions": instructions, "input": given, "store": False, **options}
        async with self._clients.ask(self._stage, self._endpoint, url, json=asked) as answer:
            await answer.aread()
            body = as_mapping(json.loads(self._clients.redacted(self._endpoint, answer.text)))
        if not isinstance(body.get("output"), list):
            message = f"{self._endpoint.name} answered without a response object"
            raise CaseFailure(self._stage, "invalid_response", message)
        if body.get("status") == "failed":
            error = as_mapping(body.get("error"))
            kind, message = error.get("code") or "server_error", error.get("message") or "the response failed"
            raise CaseFailure(self._stage, str(kind), str(message))
        return body

    def _read(self, body: Mapping[str, Any]) -> Answer:
        output = body["output"]
        said = _read_parts(output, "content", "output_text", "text")
        declined = _read_parts(output, "content", "refusal", "refusal")
        thought = [_read_parts(output, "summary", "summary_text", "text")]
        thought.append(_read_parts(output, "content", "reasoning_text", "text"))
        usage = as_mapping(body.get("usage"))
        return Answer(
            text=declined if declined and not said else said,
            parsed=None,
            problem="",
            usage=_read_usage(usage),
            model=str(body.get("model") or self._model),
            refused=bool(declined and not said),
            reasoning="\n".join(filter(None, thought)),
            finish=str(as_mapping(body.get("incomplete_details")).get("reason") or body.get("status") or ""),
            cost_usd=reported_cost_usd(usage),
        )


def _read_parts(output: Sequence[Any], place: str, kind: str, key: str) -> str:
    parts = [part for item in output for part in as_sequence(as_mapping(item).get(place))]
    texts = [as_mapping(part).get(key) for part in parts if as_mapping(part).get("type") == kind]
    return "".join(text for text in texts if isinstance(text, str))


def _read_usage(usage: Mapping[str, Any]) -> Usage:
    spent, made = token_count(usage, "input_tokens"), token_count(usage, "output_tokens")
    return Usage(
        input_tokens=spent,
        output_tokens=made,
        input_text_tokens=spent,
        input_cached_tokens=token_count(as_mapping(usage.get("input_tokens_details")), "cached_tokens"),
        output_text_tokens=made,
        output_reasoning_tokens=token_count(as_mapping(usage.get("output_tokens_details")), "reasoning_tokens"),
    )
