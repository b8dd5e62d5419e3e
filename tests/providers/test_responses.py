"""Text models: text and schema-constrained JSON, with what went wrong kept apart from what was answered."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

from evalkit.errors import CaseFailure
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint
from evalkit.providers.responses import ResponsesModel
from evalkit.records.faults import Stage
from evalkit.records.record import Usage

if TYPE_CHECKING:
    from conftest import FakeEndpoint

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["grade"],
    "properties": {"grade": {"type": "integer", "enum": [0, 1]}},
}


def response(text: str, **changes: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": content}
    usage = {
        "input_tokens": 30, "output_tokens": 5, "total_tokens": 35,
        "input_tokens_details": {"cached_tokens": 10}, "output_tokens_details": {"reasoning_tokens": 0},
    }  # fmt: skip
    base = {"id": "r", "object": "response", "created_at": 0, "model": "judge-2026-01-01", "status": "completed"}
    return {**base, "output": [message], "usage": usage, **changes}


@pytest.fixture
async def model(server: FakeEndpoint) -> AsyncIterator[ResponsesModel]:
    clients = Clients({}, timeout_s=5)
    yield ResponsesModel(clients, ProviderEndpoint("compatible", server.base_url), "judge")
    await clients.aclose()


async def test_text_in_text_out(server: FakeEndpoint, model: ResponsesModel) -> None:
    """Instructions and text go out, and nothing is asked to be stored; text, tokens and model come back."""
    server.say_json(response("fine"))
    answer = await model.ask("Be brief.", "How are you?")
    assert server.asked[0].path == "/v1/responses"
    assert server.asked[0].json == {
        "model": "judge", "instructions": "Be brief.", "input": "How are you?", "store": False,
    }  # fmt: skip
    assert (answer.text, answer.parsed, answer.problem) == ("fine", None, "")
    assert answer.model == "judge-2026-01-01"
    assert answer.usage == Usage(
        input_tokens=30, output_tokens=5, input_text_tokens=30, input_cached_tokens=10, output_text_tokens=5,
        output_reasoning_tokens=0,
    )  # fmt: skip


async def test_a_schema_constrains(server: FakeEndpoint, model: ResponsesModel) -> None:
    """The schema is sent as a strict format, and the answer is parsed."""
    server.say_json(response('{"grade": 1}'))
    answer = await model.ask("Judge.", "text", schema=SCHEMA)
    assert answer.parsed == {"grade": 1}
    assert server.asked[0].json["text"]["format"] == {
        "type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("I think 1", "not JSON"),
        ('{"grade": 2}', r"\$\.grade"),
        ("{}", "required"),
        ("", "is empty"),
        ("[" * 9999, "not JSON"),
    ],
)
async def test_an_answer_that_breaks_the_schema_is_kept(
    server: FakeEndpoint, model: ResponsesModel, text: str, said: str
) -> None:
    """An answer that cannot be parsed is no failure: its words are kept, with the reason."""
    server.say_json(response(text))
    answer = await model.ask("Judge.", "text", schema=SCHEMA)
    assert answer.parsed is None
    assert answer.text == text
    assert re.search(said, answer.problem)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"garbage", "application/json"),
        (b"{}", "application/json"),
        (b'{"output": 7}', "application/json"),
        (b"[1]", "application/json"),
        (b"hi", "text/plain"),
    ],
)
async def test_garbage_is_no_answer(server: FakeEndpoint, model: ResponsesModel, body: bytes, media_type: str) -> None:
    """What is no response object is a failure of the request."""
    server.say(200, body, media_type)
    with pytest.raises(CaseFailure) as caught:
        await model.ask("Judge.", "text")
    assert (caught.value.stage, caught.value.error_type) == (Stage.GRADING, "invalid_response")


async def test_a_failed_response_is_a_failure(server: FakeEndpoint, model: ResponsesModel) -> None:
    """A response that ended as failed carries the provider's code."""
    error = {"code": "server_error", "message": "out of order"}
    server.say_json(response("", status="failed", error=error))
    with pytest.raises(CaseFailure, match="out of order") as caught:
        await model.ask("Judge.", "text")
    assert caught.value.error_type == "server_error"


async def test_tokens_may_be_untold(server: FakeEndpoint, model: ResponsesModel) -> None:
    """Without usage the tokens are unknown, not 0."""
    server.say_json(response("fine", usage=None))
    assert (await model.ask("", "text")).usage == Usage()


@pytest.mark.parametrize(
    "changes",
    [
        {"output": [1, None, {"content": 3}, {"content": [7, {"type": "output_text", "text": 5}]}]},
        {"usage": "many", "output": []},
        {"usage": {"input_tokens": "3", "input_tokens_details": None}, "output": []},
        {"model": None, "output": []},
    ],
)
async def test_a_misshapen_response_has_no_text(
    server: FakeEndpoint, model: ResponsesModel, changes: dict[str, Any]
) -> None:
    """A response whose parts are not what they should be is read as far as it goes, without a crash."""
    server.say_json(response("", **changes))
    answer = await model.ask("", "text", schema=SCHEMA)
    assert (answer.text, answer.parsed) == ("", None)


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"grade": 1}\n```',
        'Sure! {"grade": 1} That is my verdict.',
        'The shape is {"x": [1]}, so: {"grade": 1}',
        '{"grade": 1}{"grade": 1}',
        '{ not this } {"grade": 1}',
    ],
)
async def test_an_object_among_words_is_found(server: FakeEndpoint, model: ResponsesModel, text: str) -> None:
    """Endpoints that ignore the schema wrap their JSON in words and fences."""
    server.say_json(response(text))
    assert (await model.ask("Judge.", "text", schema=SCHEMA)).parsed == {"grade": 1}


async def test_two_different_objects_are_no_answer(server: FakeEndpoint, model: ResponsesModel) -> None:
    """A judge that quotes one verdict and gives another is not guessed at."""
    server.say_json(response('They said {"grade": 1}, I say {"grade": 0}.'))
    answer = await model.ask("Judge.", "text", schema=SCHEMA)
    assert (answer.parsed, answer.problem) == (None, "the answer holds 2 different objects")


async def test_a_refusal_is_told_from_an_answer(server: FakeEndpoint, model: ResponsesModel) -> None:
    """What a model says when it declines is kept, and is no answer."""
    message = {"type": "message", "content": [{"type": "refusal", "refusal": "I can't do that."}]}
    server.say_json(response("", output=[message]))
    answer = await model.ask("Judge.", "text", schema=SCHEMA)
    assert (answer.refused, answer.parsed, answer.text) == (True, None, "I can't do that.")


async def test_an_answer_that_was_cut_off_says_so(server: FakeEndpoint, model: ResponsesModel) -> None:
    """Running out of tokens explains half an object."""
    cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    server.say_json(response('{"gra', **cut))
    assert "cut off (max_output_tokens)" in (await model.ask("Judge.", "text", schema=SCHEMA)).problem


async def test_an_endpoint_without_schemas_is_asked_in_words(server: FakeEndpoint, model: ResponsesModel) -> None:
    """It is asked again in words, with the schema in the instructions, and from then on in words at once."""
    refusal = {"error": {"message": "Unknown parameter: 'text.format' json_schema", "code": "unsupported_parameter"}}
    server.answer = lambda asked: (400, refusal) if "text" in asked else (200, response('{"grade": 1}'))
    for _ in range(2):
        assert (await model.ask("Judge.", "text", schema=SCHEMA)).parsed == {"grade": 1}
    assert ["text" in asked.json for asked in server.asked] == [True, False, False]
    assert '"enum": [0, 1]' in server.asked[1].json["instructions"]


@pytest.mark.parametrize(
    ("status", "message"), [(400, "no such voice"), (429, "schema"), (401, "schema"), (500, "schema")]
)
async def test_other_refusals_are_failures(
    server: FakeEndpoint, model: ResponsesModel, status: int, message: str
) -> None:
    """A request that failed for another reason is not repeated in words."""
    server.say_json({"error": {"message": message}}, status)
    with pytest.raises(CaseFailure):
        await model.ask("Judge.", "text", schema=SCHEMA)
    assert len(server.asked) == 1


async def test_a_key_that_is_quoted_in_an_answer_is_taken_out(server: FakeEndpoint) -> None:
    """Whether the model says it or a failed response names it as its error."""
    key = "sk-canary-0123456789abcdef"
    clients = Clients({"TEST_KEY": key}, timeout_s=5)
    model = ResponsesModel(clients, ProviderEndpoint("compatible", server.base_url, "TEST_KEY"), "judge")
    server.say_json(response(f"your key is {key}"))
    assert (await model.ask("Be brief.", "Which key?")).text == "your key is [TEST_KEY]"
    server.say_json(response("", status="failed", error={"code": f"no_{key}", "message": f"{key} is wrong"}))
    with pytest.raises(CaseFailure) as caught:
        await model.ask("Be brief.", "Which key?")
    assert key not in str(caught.value)
    await clients.aclose()


async def test_how_it_is_to_answer_is_sent(server: FakeEndpoint, model: ResponsesModel) -> None:
    """In the API's words; it has no seed, so none is sent."""
    server.say_json(response("fine"))
    await model.ask("", "text", temperature=0.5, max_output_tokens=9, reasoning_effort="low", seed=7)
    sent = server.asked[0].json
    assert (sent["temperature"], sent["max_output_tokens"], sent["reasoning"]) == (0.5, 9, {"effort": "low"})
    assert "seed" not in sent


async def test_reasoning_is_kept_apart(server: FakeEndpoint, model: ResponsesModel) -> None:
    """As an item of its own, or between tags; why it ended and what it cost are told where the endpoint does."""
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    more = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Well."}]}
    said = {"type": "message", "content": [{"type": "output_text", "text": "<think>So.</think>Yes."}]}
    server.say_json(response("", output=[thought, more, said], usage={"input_tokens": 1, "cost": 0.5}))
    answer = await model.ask("", "text")
    assert (answer.text, answer.reasoning) == ("Yes.", "Hm.\nWell.\nSo.")
    assert (answer.finish, answer.cut_off, answer.cost_usd) == ("completed", False, 0.5)


async def test_an_answer_of_ten_megabytes_is_given_up(server: FakeEndpoint, model: ResponsesModel) -> None:
    """It is bounded, with a clear failure."""
    server.say_json(response("x" * 10_000_000))
    with pytest.raises(CaseFailure, match="4194304 characters") as caught:
        await model.ask("", "text")
    assert caught.value.error_type == "answer_too_large"
