"""Text and schema-constrained JSON through ``/responses``: what judges and text callers ask with.

Not every endpoint constrains. One that rejects a JSON schema is asked again for JSON in plain words, then and from then
on; and wherever words or a code fence stand around the object, the object is taken, as long as there is only one.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.errors import CaseFailure
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint
from evalkit.records.faults import Stage
from evalkit.records.json import Json, JsonObject
from evalkit.records.record import Usage

_log = logging.getLogger(__name__)
_IN_WORDS = "Answer with one JSON object and nothing else: no code fence, no words around it. Its JSON Schema: "
_FORMAT_WORDS = re.compile(r"json_schema|text\.format|response_format|structured|\bformat\b|\bschema\b", re.IGNORECASE)
# Kinds of failure that would be the same for a request without a schema.
_NOT_ABOUT_US = frozenset(
    {
        "authentication_failed", "insufficient_quota", "rate_limited", "server_error", "redirected", "invalid_response",
        "connect_timeout", "request_timeout", "connection_refused", "connection_closed", "connection_failed",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What a model answered.

    Attributes:
        text: The answer as it came, also where it could not be parsed.
        parsed: The JSON in it, when a schema was given and the answer keeps to it; else None.
        problem: Why `parsed` is None although a schema was given, else empty.
        refused: Whether the model declined; `text` is then how it put it.
        usage: Tokens.
        model: The model that says it answered.

    """

    text: str
    parsed: Json
    problem: str
    usage: Usage
    model: str
    refused: bool = False


class TextModel:
    """Asks one text model of one endpoint. A failed request is a failure at `stage`."""

    def __init__(self, clients: Clients, endpoint: ProviderEndpoint, model: str, *, stage: str = Stage.GRADING) -> None:
        self._clients = clients
        self._endpoint = endpoint
        self._model = model
        self._stage = stage
        self._constrains = True

    async def ask(
        self, instructions: str, text: str | Sequence[JsonObject], *, schema: JsonObject | None = None
    ) -> Answer:
        """Return the answer to `text` under `instructions`, constrained by a JSON `schema` where one is given.

        Args:
            instructions: What the model is told to do.
            text: What it answers: one text, or a conversation's messages (`role`, `content`), oldest first.
            schema: What the answer keeps to.

        Raises:
            CaseFailure: The request failed. An answer that breaks the schema is an answer, with a `problem`.

        """
        if schema is None:
            return self._read(await self._request(instructions, text, {}), None)
        if self._constrains:
            wanted = {"format": {"type": "json_schema", "name": "answer", "schema": schema, "strict": True}}
            try:
                return self._read(await self._request(instructions, text, {"text": wanted}), schema)
            except CaseFailure as failure:
                if not _rejects_schema(failure):
                    raise
                _log.info("%s: %s takes no JSON schema; asking in words", self._endpoint.name, self._model)
                self._constrains = False
        told = f"{instructions}\n\n{_IN_WORDS}{json.dumps(schema)}"
        return self._read(await self._request(told, text, {}), schema)

    async def _request(
        self, instructions: str, text: str | Sequence[JsonObject], options: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        client = self._clients.get(self._endpoint)
        given: Any = text if isinstance(text, str) else [dict(message) for message in text]
        with self._clients.failures_at(self._stage, self._endpoint):
            response = await client.responses.with_raw_response.create(
                model=self._model, instructions=instructions, input=given, store=False, **options
            )
            body = _mapping(json.loads(self._clients.redacted(self._endpoint, response.text)))
        if not isinstance(body.get("output"), list):
            message = f"{self._endpoint.name} answered without a response object"
            raise CaseFailure(self._stage, "invalid_response", message)
        if body.get("status") == "failed":
            error = _mapping(body.get("error"))
            kind, message = error.get("code") or "server_error", error.get("message") or "the response failed"
            raise CaseFailure(self._stage, str(kind), str(message))
        return body

    def _read(self, body: Mapping[str, Any], schema: JsonObject | None) -> Answer:
        said = _read_parts(body["output"], "output_text", "text")
        declined = _read_parts(body["output"], "refusal", "refusal")
        usage, model = _read_usage(body), str(body.get("model") or self._model)
        if declined and not said:
            return Answer(declined, None, f"the model declined: {declined}", usage, model, refused=True)
        parsed, problem = _parse(said, schema) if schema is not None else (None, "")
        reason = _mapping(body.get("incomplete_details")).get("reason")
        if problem and reason:
            problem = f"the answer was cut off ({reason}); {problem}"
        return Answer(said, parsed, problem, usage, model)


def _rejects_schema(failure: CaseFailure) -> bool:
    """Whether a request was refused because of its JSON schema: the endpoint's message names it."""
    return failure.error_type not in _NOT_ABOUT_US and bool(_FORMAT_WORDS.search(failure.message))


def _read_parts(output: Sequence[Any], kind: str, key: str) -> str:
    parts = [part for item in output for part in _sequence(_mapping(item).get("content"))]
    texts = [_mapping(part).get(key) for part in parts if _mapping(part).get("type") == kind]
    return "".join(text for text in texts if isinstance(text, str))


def _parse(text: str, schema: JsonObject) -> tuple[Json, str]:
    """Return the value that keeps to `schema`, or why there is none: the whole text, else the one object in it."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(schema)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        kept = [found for found in _objects(text) if validator.is_valid(found)]
        if not kept:
            return None, "the answer is empty" if not text.strip() else f"the answer is not JSON: {error}"
        if any(found != kept[0] for found in kept):
            return None, f"the answer holds {len(kept)} different objects"
        return kept[0], ""
    for violation in validator.iter_errors(value):
        return None, f"the answer breaks its schema at {violation.json_path}: {violation.message}"
    return value, ""


def _objects(text: str) -> Iterator[Json]:
    """Yield the JSON objects that stand in `text`, from left to right, not those inside another."""
    decoder, start = json.JSONDecoder(), text.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield value
        start = text.find("{", end)


def _read_usage(body: Mapping[str, Any]) -> Usage:
    usage = _mapping(body.get("usage"))
    spent, made = _count(usage, "input_tokens"), _count(usage, "output_tokens")
    return Usage(
        input_tokens=spent,
        output_tokens=made,
        input_text_tokens=spent,
        input_cached_tokens=_count(_mapping(usage.get("input_tokens_details")), "cached_tokens"),
        output_text_tokens=made,
    )


def _count(usage: Mapping[str, Any], name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
