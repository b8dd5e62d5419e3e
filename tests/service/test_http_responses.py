"""The same models in text, by the official client."""

from __future__ import annotations

import httpx2
import pytest
from openai import AsyncOpenAI
from openai.types.responses import Response


async def test_responses(client: AsyncOpenAI):
    """Text and items are answered by the same models, calls included, in the official shape."""
    answer = await client.responses.create(model="parrot", input="Hello.", instructions="Be kind.")
    assert answer.output_text == "Hello."
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    tool = {"type": "function", "name": "find", "parameters": {"type": "object"}, "strict": False}
    called = await client.responses.create(
        model="caller", input=[{"role": "user", "content": "Find it."}], tools=[tool]
    )
    assert [item.type for item in called.output] == ["message", "function_call"]
    call = called.output[1]
    follow_up = [
        {"role": "user", "content": [{"type": "input_text", "text": "Find it."}]},
        {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments},
        {"type": "function_call_output", "call_id": call.call_id, "output": "Found."},
    ]
    answer = await client.responses.create(model="caller", input=follow_up, tools=[tool])
    assert answer.output_text == "Found."
    Response.model_validate(answer.to_dict(), strict=False)


async def test_responses_take_a_schema(client: AsyncOpenAI):
    """Structured output may be asked for."""
    text = {"format": {"type": "json_schema", "name": "grade", "schema": {"type": "object"}, "strict": True}}
    answer = await client.responses.create(model="parrot", input="{}", text=text)
    assert answer.output_text == "{}"


async def test_a_response_that_may_not_be_longer_ends(client: AsyncOpenAI):
    """It says that it is incomplete, and why."""
    answer = await client.responses.create(model="parrot", input="Hello there.", max_output_tokens=2)
    assert (answer.output_text, answer.status) == ("Hello th", "incomplete")
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "model"),
        ({"model": "parrot"}, "input"),
        ({"model": "parrot", "input": [{"role": "bot", "content": ""}]}, "input[0].role"),
        ({"model": "parrot", "input": [{"type": "image"}]}, "input[0].type"),
        (
            {"model": "parrot", "input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            "input[0].content[0].type",
        ),
        (
            {"model": "parrot", "input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "["}]},
            "input[0].arguments",
        ),
        ({"model": "parrot", "input": "", "stream": True}, "stream"),
        ({"model": "parrot", "input": "", "tools": [{"type": "web_search"}]}, "tools[0].type"),
    ],
)
async def test_responses_refusals(service_url, body, param):
    """A wrong request is refused with status 400 and the field's path."""
    async with httpx2.AsyncClient() as http:
        answer = await http.post(f"{service_url}/responses", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
