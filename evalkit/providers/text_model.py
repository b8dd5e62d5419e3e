"""A text model as its callers see it, whichever of the two APIs its endpoint speaks: messages in, an answer out.

:class:`~evalkit.providers.responses.ResponsesModel` asks through ``/responses``, and
:class:`~evalkit.providers.chat.ChatModel` through ``/chat/completions``; a provider's ``text_api`` says which.

Not every endpoint constrains. One that rejects a JSON schema is asked again for JSON in plain words, then and from then
on; and wherever words or a code fence stand around the object, the object is taken, as long as there is only one.
"""

from __future__ import annotations

import functools
import json
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict, Unpack

from evalkit.errors import CaseFailure
from evalkit.json_among_words import objects_among_words
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint
from evalkit.records.faults import Stage
from evalkit.records.json import Json, JsonObject
from evalkit.records.record import Usage

_log = logging.getLogger(__name__)
_IN_WORDS = "Answer with one JSON object and nothing else: no code fence, no words around it. Its JSON Schema: "
_FORMAT_WORDS = re.compile(r"json_schema|text\.format|response_format|structured|\bformat\b|\bschema\b", re.IGNORECASE)
# Kinds of failure that would be the same for a request that asks for less.
NOT_ABOUT_THE_REQUEST = frozenset(
    {
        "authentication_failed", "insufficient_quota", "rate_limited", "server_error", "redirected", "invalid_response",
        "connect_timeout", "request_timeout", "connection_refused", "connection_closed", "connection_failed",
        "answer_too_large", "input_flagged",
    }
)  # fmt: skip
MAX_ANSWER_CHARACTERS = 4 * 1024 * 1024
"""No model's answer is that long: an endpoint that sends more than this has lost its way."""
_CUT_OFF = frozenset({"length", "max_output_tokens", "max_tokens"})
_THOUGHT = re.compile(r"\s*<think>(?P<thought>.*?)(?:</think>\s*|\Z)", re.DOTALL)


class Sampling(TypedDict, total=False):
    """How a model is to answer; what is missing or None is not sent, and the endpoint's own default holds.

    Attributes:
        temperature: Randomness, 0 to 2.
        max_output_tokens: The most it may say, its reasoning included.
        reasoning_effort: ``none``, ``minimal``, ``low``, ``medium``, ``high``, or what else the model knows.
        seed: Makes an answer repeatable where the endpoint can; ``/responses`` has none, so it is not sent there.

    """

    temperature: float | None
    max_output_tokens: int | None
    reasoning_effort: str | None
    seed: int | None


@dataclass(frozen=True)
class Answer:
    """What a model answered.

    Attributes:
        text: The answer as it came, also where it could not be parsed; without the model's reasoning.
        parsed: The JSON in it, when a schema was given and the answer keeps to it; else None.
        problem: Why `parsed` is None although a schema was given, else empty.
        refused: Whether the model declined; `text` is then how it put it.
        usage: Tokens; None in it for what the endpoint did not say.
        model: The model that says it answered.
        reasoning: What it thought, where the endpoint tells.
        finish: Why it ended, in the endpoint's word: ``stop``, ``length``, …; empty where it did not say.
        first_token_ms: Time from the request to the first piece of reasoning or answer; None where it came whole.
        cost_usd: What the endpoint says the answer cost; None where it says nothing.

    """

    text: str
    parsed: Json
    problem: str
    usage: Usage
    model: str
    refused: bool = False
    reasoning: str = ""
    finish: str = ""
    first_token_ms: float | None = None
    cost_usd: float | None = None

    @property
    def cut_off(self) -> bool:
        """Whether it ended because it might not be longer."""
        return self.finish in _CUT_OFF


class AnswerCut(CaseFailure):
    """A stream ended before its answer did. `answer` is what had come by then: evidence, and no answer."""

    def __init__(self, failure: CaseFailure, answer: Answer) -> None:
        self.answer = answer
        super().__init__(failure.stage, failure.error_type, failure.message, retry_after_s=failure.retry_after_s)


class TextModel(ABC):
    """Asks one text model of one endpoint. A failed request is a failure at `stage`."""

    def __init__(self, clients: Clients, endpoint: ProviderEndpoint, model: str, *, stage: str = Stage.GRADING) -> None:
        self._clients = clients
        self._endpoint = endpoint
        self._model = model
        self._stage = stage
        self._constrains = True

    async def ask(
        self,
        instructions: str,
        text: str | Sequence[JsonObject],
        *,
        schema: JsonObject | None = None,
        **sampling: Unpack[Sampling],
    ) -> Answer:
        """Return the answer to `text` under `instructions`, constrained by a JSON `schema` where one is given.

        Args:
            instructions: What the model is told to do; empty: nothing.
            text: What it answers: one text, or a conversation's messages (`role`, `content`), oldest first.
            schema: What the answer keeps to.
            sampling: How it is to answer.

        Raises:
            CaseFailure: The request failed. An answer that breaks the schema is an answer, with a `problem`.
            AnswerCut: It failed after part of the answer had come.

        """
        if schema is None:
            return await self._answer(instructions, text, None, sampling)
        if self._constrains:
            try:
                return _parsed(await self._answer(instructions, text, schema, sampling), schema)
            except CaseFailure as failure:
                if not _rejects_schema(failure):
                    raise
                _log.info("%s: %s takes no JSON schema; asking in words", self._endpoint.name, self._model)
                self._constrains = False
        told = f"{instructions}\n\n{_IN_WORDS}{json.dumps(schema)}"
        return _parsed(await self._answer(told, text, None, sampling), schema)

    @abstractmethod
    async def _answer(
        self, instructions: str, text: str | Sequence[JsonObject], schema: JsonObject | None, sampling: Sampling
    ) -> Answer:
        """Return the answer, not parsed; `schema` is sent with the request. Raises CaseFailure."""

    def _bounded(self, answer: Answer) -> Answer:
        """Return `answer` with its reasoning apart and without the key. Raises CaseFailure for one without end."""
        if len(answer.text) + len(answer.reasoning) > MAX_ANSWER_CHARACTERS:
            raise answer_too_large(self._stage, self._endpoint)
        thought, text = split_thought(answer.text)
        reasoning = "\n".join(filter(None, (answer.reasoning, thought)))
        clean = functools.partial(self._clients.redacted, self._endpoint)
        return replace(
            answer,
            text=clean(text),
            reasoning=clean(reasoning),
            model=clean(answer.model),
            finish=clean(answer.finish),
        )


def answer_too_large(stage: str, endpoint: ProviderEndpoint) -> CaseFailure:
    """Return the failure of an answer that is longer than any model's."""
    message = f"{endpoint.name} answered with more than {MAX_ANSWER_CHARACTERS} characters; the rest was not read"
    return CaseFailure(stage, "answer_too_large", message)


def split_thought(text: str) -> tuple[str, str]:
    """Return (what is thought aloud in `text`, the answer after it), where a model thinks between ``<think>`` tags.

    The thought is at the beginning, and may lack its first tag, which some templates put into the prompt. One without
    an end is a thought and no answer.
    """
    found = _THOUGHT.match(text)
    if found:
        return found["thought"].strip(), text[found.end() :]
    before, tag, after = text.partition("</think>")
    if tag and "<think>" not in before and "<think>" not in after:
        return before.strip(), after.lstrip()
    return "", text


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return `value` where it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_sequence(value: Any) -> Sequence[Any]:
    """Return `value` where it is a list, else an empty one."""
    return value if isinstance(value, list) else ()


def token_count(usage: Mapping[str, Any], name: str) -> int | None:
    """Return the number at `name`; None where there is none, so that what was not told never becomes 0."""
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def reported_cost_usd(usage: Mapping[str, Any]) -> float | None:
    """Return what an endpoint says an answer cost, as OpenRouter does in its usage; None where it says nothing."""
    value = usage.get("cost")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def _rejects_schema(failure: CaseFailure) -> bool:
    """Whether a request was refused because of its JSON schema: the endpoint's message names it."""
    return failure.error_type not in NOT_ABOUT_THE_REQUEST and bool(_FORMAT_WORDS.search(failure.message))


def _parsed(answer: Answer, schema: JsonObject) -> Answer:
    if answer.refused:
        return replace(answer, problem=f"the model declined: {answer.text}")
    value, problem = _parse(answer.text, schema)
    if problem and answer.cut_off:
        problem = f"the answer was cut off ({answer.finish}); {problem}"
    return replace(answer, parsed=value, problem=problem)


def _parse(text: str, schema: JsonObject) -> tuple[Json, str]:
    """Return the value that keeps to `schema`, or why there is none: the whole text, else the one object in it."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(schema)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        kept = [found.value for found in objects_among_words(text) if validator.is_valid(found.value)]
        if not kept:
            return None, "the answer is empty" if not text.strip() else f"the answer is not JSON: {error}"
        if any(found != kept[0] for found in kept):
            return None, f"the answer holds {len(kept)} different objects"
        return kept[0], ""
    for violation in validator.iter_errors(value):
        return None, f"the answer breaks its schema at {violation.json_path}: {violation.message}"
    return value, ""
