"""Answers keep to the JSON that was asked for, or the request is refused."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI, BadRequestError

from evalkit.service.answer_form import AnswerForm, read_form
from evalkit.service.bad_request import BadRequest
from evalkit.service.brain.conversation import Call, Reply

GRADE = {"type": "object", "properties": {"grade": {"type": "integer"}}, "required": ["grade"]}


def asked(schema: Any) -> AnswerForm:
    """Return the format that a request with `schema` asks for."""
    return read_form({"type": "json_schema", "name": "n", "schema": schema, "strict": True}, "text.format")


@pytest.mark.parametrize("text", ["Hello.", "[]", "{}", '{"grade": "one"}', '{"grade": 1'])
def test_what_does_not_fit_is_refused(text: str) -> None:
    """Words, other JSON, a missing field and a wrong type are no answer; the message says where it was asked for."""
    with pytest.raises(BadRequest, match=r"'parrot' cannot answer in the json_schema of 'text\.format'") as refusal:
        asked(GRADE).check(Reply(text), "parrot")
    assert (refusal.value.status, refusal.value.param) == (400, "text.format")


@pytest.mark.parametrize(
    "reply",
    [Reply('{"grade": 1}'), Reply("", (Call("f", {}),)), Reply('{"gra', is_cut=True)],
    ids=["fits", "call", "cut"],
)
def test_what_fits_passes(reply: Reply) -> None:
    """So do a reply without words that calls a tool, and one that a limit on tokens cut."""
    asked(GRADE).check(reply, "parrot")


@pytest.mark.parametrize(
    "wire",
    [
        None,
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_schema", "name": "n", "schema": GRADE},
        {"type": "json_schema", "name": "n", "schema": GRADE, "strict": False},
    ],
)
def test_any_text_is_right_where_nobody_insists(wire: dict[str, Any] | None) -> None:
    """A schema that is not strict is a wish."""
    read_form(wire, "text.format").check(Reply("Hello."), "parrot")


def test_the_older_api_keeps_the_schema_one_level_down() -> None:
    """Its path in messages says so."""
    wire = {"type": "json_schema", "json_schema": {"name": "n", "schema": GRADE, "strict": True}}
    form = read_form(wire, "response_format", nested="json_schema")
    assert form == AnswerForm(GRADE, is_strict=True, param="response_format.json_schema")


@pytest.mark.parametrize(
    "schema",
    [{"type": "objekt"}, {"$ref": "#/$defs/no"}, {"properties": {"a": {"$ref": "http://127.0.0.1:1/schema.json"}}}],
    ids=["no type", "nowhere", "elsewhere"],
)
def test_a_schema_that_is_none_is_refused(schema: Any) -> None:
    """Also one that refers to nothing, or to another place: nothing is fetched."""
    with pytest.raises(BadRequest, match=r"Invalid schema in 'text\.format\.schema'"):
        asked(schema)


def test_references_within_a_schema_hold() -> None:
    """As classes of data written by libraries have them."""
    schema = {"$defs": {"g": GRADE}, "$ref": "#/$defs/g"}
    asked(schema).check(Reply('{"grade": 0}'), "parrot")
    with pytest.raises(BadRequest):
        asked(schema).check(Reply("{}"), "parrot")


async def test_responses_refuse_over_http(client: AsyncOpenAI, service_url: str) -> None:
    """The official client raises what it raises for endpoints without structured outputs."""
    wanted = {"format": {"type": "json_schema", "name": "n", "schema": GRADE, "strict": True}}
    answer = await client.responses.create(model="parrot", input='{"grade": 1}', text=wanted)
    assert answer.output_text == '{"grade": 1}'
    with pytest.raises(BadRequestError, match="cannot answer in the json_schema"):
        await client.responses.create(model="parrot", input="Hello.", text=wanted)
    async with httpx2.AsyncClient() as http:
        body = {
            "model": "parrot",
            "input": "",
            "text": {"format": {"type": "json_schema", "name": "n", "strict": True}},
        }
        refusal = await http.post(f"{service_url}/responses", json=body)
    assert (refusal.status_code, refusal.json()["error"]["param"]) == (400, "text.format.schema")
