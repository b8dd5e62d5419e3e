"""The same models through chat completions, by the official client, checked against its types."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI, BadRequestError
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from evalkit.errors import CaseFailure
from evalkit.providers.chat import ChatModel
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint

TOOL: Any = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
HELLO: Any = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello there, how are you today?"}]


def check(wire: dict[str, Any], wanted: type[ChatCompletion] | type[ChatCompletionChunk]) -> None:
    """Fail unless `wire` is exactly what the official client's types describe."""
    strict = wanted.model_validate(wire, strict=True)
    assert strict.model_dump(mode="json", exclude_unset=True) == wire
    choices: Any = strict.choices
    for choice in choices:
        for part in (choice, getattr(choice, "message", None) or choice.delta):
            assert not part.model_extra
    assert not strict.model_extra


async def test_a_whole_completion(service_url: str, client: AsyncOpenAI) -> None:
    """Text is answered by the same models, in the official shape."""
    answer = await client.chat.completions.create(model="parrot", messages=HELLO)
    assert answer.choices[0].message.content == "Hello there, how are you today?"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    for body in ({"model": "parrot"}, {"model": "caller", "tools": [TOOL]}):
        async with httpx2.AsyncClient() as http:
            told = await http.post(f"{service_url}/chat/completions", json={**body, "messages": HELLO})
        check(told.json(), ChatCompletion)


async def test_a_stream_says_the_same(client: AsyncOpenAI) -> None:
    """Piece by piece, each in the official shape, with its usage where that is asked for."""
    asked: Any = {"model": "parrot", "messages": HELLO, "stream": True}
    chunks = [chunk async for chunk in await client.chat.completions.create(**asked)]
    for chunk in chunks:
        check(chunk.to_dict(mode="json"), ChatCompletionChunk)
    assert len(chunks) > 3
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello there, how are you today?"
    assert [chunk.choices[0].finish_reason for chunk in chunks[-2:]] == [None, "stop"]
    counted = [
        chunk async for chunk in await client.chat.completions.create(**asked, stream_options={"include_usage": True})
    ]
    assert [chunk.usage is not None for chunk in counted] == [False] * (len(counted) - 1) + [True]
    assert counted[-1].choices == []


async def test_tools_are_called_and_answered(client: AsyncOpenAI) -> None:
    """Calls come whole or streamed, and what they answered is heard."""
    messages: Any = [{"role": "user", "content": "Find it."}]
    called = await client.chat.completions.create(model="caller", messages=messages, tools=[TOOL])
    assert called.choices[0].finish_reason == "tool_calls"
    message = called.choices[0].message
    assert message.content == "One moment."
    (call,) = message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("find", '{"order_id":"0071"}')
    messages += [message.to_dict(), {"role": "tool", "tool_call_id": call.id, "content": "Found."}]
    answer = await client.chat.completions.create(model="caller", messages=messages, tools=[TOOL])
    assert answer.choices[0].message.content == "Found."
    stream = await client.chat.completions.create(model="caller", messages=HELLO, tools=[TOOL], stream=True)
    deltas = [chunk.choices[0].delta async for chunk in stream]
    streamed = [call for delta in deltas for call in delta.tool_calls or []]
    assert [(one.index, one.function.name if one.function else "") for one in streamed] == [(0, "find")]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_an_answer_that_may_not_be_longer_ends(client: AsyncOpenAI, name: str) -> None:
    """It says that it was cut off, and costs no more than it might."""
    answer = await client.chat.completions.create(model="parrot", messages=HELLO, extra_body={name: 2})
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hello th", "length")
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 2


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "model"),
        ({"model": "parrot"}, "messages"),
        ({"model": "parrot", "messages": []}, "messages"),
        ({"model": "parrot", "messages": [{"role": "bot", "content": ""}]}, "messages[0].role"),
        ({"model": "parrot", "messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        (
            {"model": "parrot", "messages": [{"role": "user", "content": [{"type": "image_url", "text": ""}]}]},
            "messages[0].content[0].type",
        ),
        ({"model": "parrot", "messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"model": "parrot", "messages": [{"role": "user", "content": ""}], "n": 2}, "n"),
        ({"model": "parrot", "messages": [{"role": "user", "content": ""}], "best_of": 2}, "best_of"),
        (
            {
                "model": "parrot",
                "messages": [
                    {
                        "role": "assistant",
                        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "["}}],
                    }
                ],
            },
            "messages[0].tool_calls[0].function.arguments",
        ),
        (
            {"model": "parrot", "messages": [{"role": "user", "content": ""}], "tools": [{"type": "web"}]},
            "tools[0].type",
        ),
    ],
)
async def test_refusals(service_url: str, body: dict[str, Any], param: str) -> None:
    """A wrong request is refused with status 400 and the field's path."""
    async with httpx2.AsyncClient() as http:
        answer = await http.post(f"{service_url}/chat/completions", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_our_own_client_asks_it(service_url: str) -> None:
    """A chosen tool, an unknown model, a model that fails, and an answer that is cut off."""
    clients, endpoint = Clients({}, timeout_s=5), ProviderEndpoint("compatible", service_url)
    answer = await ChatModel(clients, endpoint, "parrot").ask("Be kind.", "Hello.", seed=1, reasoning_effort="low")
    assert (answer.text, answer.finish, answer.usage.output_tokens) == ("Hello.", "stop", 2)
    cut = await ChatModel(clients, endpoint, "parrot").ask("", "Hello.", max_output_tokens=1)
    assert (cut.text, cut.cut_off) == ("Hell", True)
    for model, kind in (("gpt-7", "model_not_found"), ("unsure", "server_error")):
        with pytest.raises(CaseFailure) as caught:
            await ChatModel(clients, endpoint, model).ask("", "Hello.")
        assert caught.value.error_type == kind
    await clients.aclose()


async def test_a_strict_form_is_kept_to_or_refused(client: AsyncOpenAI) -> None:
    """An answer in another shape is none; without `strict`, or where the words keep to it, it is given."""

    def form(*, strict: bool) -> Any:
        schema = {"type": "object", "required": ["verdict"]}
        return {"type": "json_schema", "json_schema": {"name": "judgement", "schema": schema, "strict": strict}}

    with pytest.raises(BadRequestError) as refused:
        await client.chat.completions.create(model="parrot", messages=HELLO, response_format=form(strict=True))
    assert refused.value.param == "response_format.json_schema"
    assert "parrot" in refused.value.message
    asked: Any = [{"role": "user", "content": '{"verdict": true}'}]
    for messages, strict in ((HELLO, False), (asked, True)):
        answer = await client.chat.completions.create(
            model="parrot", messages=messages, response_format=form(strict=strict), stream=False
        )
        assert answer.choices[0].message.content == messages[-1]["content"]
    with pytest.raises(BadRequestError, match="json_schema"):
        await client.chat.completions.create(
            model="parrot", messages=HELLO, extra_body={"response_format": {"type": "json_schema"}}
        )
