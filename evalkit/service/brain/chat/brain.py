"""Any chat model as the brain of a voice agent: a conversation goes out as a chat completion, sentences come back.

How a model is told of the tools is found out once for each model, and stands in every reply:

========== =========================================================================================================
tool_mode  what it is
========== =========================================================================================================
native     ``tools`` in the request; its calls stream beside its words
written    the same, and it wrote its calls as JSON in place of making them, and nothing else
json       the endpoint refused that (HTTP 400 and the like, about tools), or is not to be asked for it: the model is
           told of the tools in words and answers with one JSON object, which is read whole before any of it is spoken
none       the conversation has no tools
========== =========================================================================================================
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from evalkit.errors import EvalkitError
from evalkit.service.brain.chat.assembly import CompletionAssembly
from evalkit.service.brain.chat.endpoint import ChatEndpoint
from evalkit.service.brain.chat.failures import BrainFailure
from evalkit.service.brain.chat.json_answer import answer_schema, asking_messages, read_answer, repair_messages
from evalkit.service.brain.chat.messages import Message, to_messages, to_tools
from evalkit.service.brain.chat.sentences import SentenceCutter
from evalkit.service.brain.chat.thoughts import ThoughtFilter
from evalkit.service.brain.chat.written_calls import written_calls
from evalkit.service.brain.conversation import Call, Conversation, Origin, Reply, Sentence, ToolMode

_CUT_OFF = frozenset({"length", "max_tokens", "max_output_tokens"})


@dataclass(frozen=True)
class _Completion:
    """One answer of the endpoint: its words without thoughts, its calls, why it ended, and what it cost."""

    text: str
    calls: tuple[Call, ...]
    finish: str
    usage: Mapping[str, Any]

    def origin(self, tool_mode: ToolMode) -> Origin:
        details = self.usage.get("prompt_tokens_details")
        return Origin(
            tool_mode,
            _count(self.usage.get("prompt_tokens")),
            _count(details.get("cached_tokens")) if isinstance(details, Mapping) else None,
            _count(self.usage.get("completion_tokens")),
        )


class ChatBrain:
    """The models of one chat endpoint, whatever they are called.

    Args:
        endpoint: Where they are.
        tells_in_words: Tell them of tools in words from the beginning, without asking the endpoint to take any.

    """

    models: Sequence[str] = ()

    def __init__(self, endpoint: ChatEndpoint, *, tells_in_words: bool = False) -> None:
        self._endpoint = endpoint
        self._tells_in_words = tells_in_words
        self._without_tools: set[str] = set()
        self._without_format: set[str] = set()
        self._thinking_first: set[str] = set()

    def knows(self, model: str) -> bool:  # noqa: ARG002 - the endpoint says which it has, when it is asked
        """Return True."""
        return True

    def thinks_elsewhere(self, model: str) -> bool:  # noqa: ARG002 - all of them do
        """Return True."""
        return True

    async def think(self, model: str, conversation: Conversation) -> AsyncGenerator[Sentence | Reply, None]:
        """Yield the reply's sentences as the model writes them, then the reply. Raises :class:`BrainFailure`."""
        if conversation.tools and (self._tells_in_words or model in self._without_tools):
            async with aclosing(self._think_in_json(model, conversation)) as parts:
                async for part in parts:
                    yield part
            return
        try:
            async with aclosing(self._think_as_written(model, conversation)) as parts:
                async for part in parts:
                    yield part
            return
        except BrainFailure as failure:
            if not (conversation.tools and failure.refuses_tools):
                raise
        self._without_tools.add(model)
        async with aclosing(self._think_in_json(model, conversation)) as parts:
            async for part in parts:
                yield part

    async def aclose(self) -> None:
        """Close the connections to the endpoint."""
        await self._endpoint.aclose()

    async def _think_as_written(self, model: str, conversation: Conversation) -> AsyncGenerator[Sentence | Reply, None]:
        tools = to_tools(conversation) if conversation.tools else {}
        cutter, has_spoken = SentenceCutter(), False
        asked = self._ask({"model": model, "messages": to_messages(conversation), **tools, **_form(conversation)})
        async with aclosing(asked) as pieces:
            async for piece in pieces:
                if isinstance(piece, _Completion):
                    completion = piece
                elif piece is None:
                    if has_spoken:
                        raise _thought_aloud(model)
                    cutter = SentenceCutter()
                else:
                    for sentence in cutter.take(piece):
                        has_spoken = True
                        yield Sentence(self._endpoint.redacted(sentence))
        is_cut = completion.finish in _CUT_OFF
        written = () if has_spoken or completion.calls else written_calls(completion.text, conversation)
        if written:
            yield Reply("", written, is_cut=is_cut, origin=completion.origin(ToolMode.WRITTEN))
            return
        if rest := cutter.rest():
            yield Sentence(self._endpoint.redacted(rest))
        mode = ToolMode.NATIVE if conversation.tools else ToolMode.NONE
        yield Reply(completion.text, completion.calls, is_cut=is_cut, origin=completion.origin(mode))

    async def _think_in_json(self, model: str, conversation: Conversation) -> AsyncGenerator[Sentence | Reply, None]:
        messages = asking_messages(conversation)
        completion = await self._ask_for_object(model, messages, conversation)
        origin = completion.origin(ToolMode.JSON)
        try:
            text, calls = read_answer(completion.text, conversation)
        except ValueError as problem:
            again = repair_messages(messages, completion.text, str(problem))
            completion = await self._ask_for_object(model, again, conversation)
            origin = _added(origin, completion.origin(ToolMode.JSON))
            try:
                text, calls = read_answer(completion.text, conversation)
            except ValueError:
                text, calls = completion.text, ()
        cutter = SentenceCutter()
        for sentence in (*cutter.take(text), cutter.rest()):
            if sentence:
                yield Sentence(sentence)
        yield Reply(text, calls, is_cut=completion.finish in _CUT_OFF, origin=origin)

    async def _ask_for_object(self, model: str, messages: list[Message], conversation: Conversation) -> _Completion:
        wanted = {"name": "answer", "schema": answer_schema(conversation)}
        constrained = {"response_format": {"type": "json_schema", "json_schema": wanted}}
        while True:
            body = {"model": model, "messages": messages}
            try:
                return await self._read_whole({**body, **({} if model in self._without_format else constrained)})
            except BrainFailure as failure:
                if model in self._without_format or not failure.refuses_format:
                    raise
                self._without_format.add(model)

    async def _read_whole(self, body: Mapping[str, Any]) -> _Completion:
        async with aclosing(self._ask(body)) as pieces:
            async for piece in pieces:
                if isinstance(piece, _Completion):
                    return piece
        raise EvalkitError("a completion without an end")  # _ask ends with one

    async def _ask(self, body: Mapping[str, Any]) -> AsyncGenerator[str | _Completion | None, None]:
        """Yield the words that are to be said as they come, None where those before were a thought, and the whole."""
        model = str(body["model"])
        assembly = CompletionAssembly(self._endpoint.redacted)
        thoughts = ThoughtFilter(begins_inside=model in self._thinking_first)
        text = ""
        async with aclosing(self._endpoint.complete(body)) as chunks:
            async for chunk in chunks:
                words = thoughts.take(assembly.take(chunk))
                if thoughts.thought_from_the_beginning and model not in self._thinking_first:
                    self._thinking_first.add(model)
                    text = ""
                    yield None
                if words:
                    text += words
                    yield words
        rest = thoughts.rest(is_cut=assembly.finish in _CUT_OFF)
        if rest:
            text += rest
            yield rest
        if assembly.finish == "content_filter" and not (text or assembly.calls):
            raise BrainFailure(f"the filter of the brain's endpoint kept back the answer of {model}", "content_filter")
        if any(not call.name for call in assembly.calls):
            raise BrainFailure(f"{model} called a tool without its name", "invalid_response")
        yield _Completion(self._endpoint.redacted(text), assembly.calls, assembly.finish, assembly.usage)


def _form(conversation: Conversation) -> Mapping[str, Any]:
    """Return the field of a request that asks for an answer by the conversation's schema, where it has one."""
    if conversation.answer_schema is None:
        return {}
    wanted = {"name": "answer", "schema": dict(conversation.answer_schema)}
    return {"response_format": {"type": "json_schema", "json_schema": wanted}}


def _thought_aloud(model: str) -> BrainFailure:
    message = (
        f"{model} thinks aloud without a first <think>, which was known only when it had begun to be spoken; "
        "it is known now, so ask again"
    )
    return BrainFailure(message, "invalid_response")


def _added(one: Origin, other: Origin) -> Origin:
    """Return the tokens of both; unknown where one is."""
    return Origin(
        one.tool_mode,
        _sum(one.input_tokens, other.input_tokens),
        _sum(one.cached_tokens, other.cached_tokens),
        _sum(one.output_tokens, other.output_tokens),
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
