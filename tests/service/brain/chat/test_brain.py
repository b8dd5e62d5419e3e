"""Any chat model as a brain: sentences while it writes, calls, and tools for models that take none."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_chat import Script, call, chunk, finish, refusal, serving_scripts, stream, whole, words

from evalkit.service.brain.chat.brain import ChatBrain
from evalkit.service.brain.chat.endpoint import ChatEndpoint
from evalkit.service.brain.chat.failures import BrainFailure
from evalkit.service.brain.conversation import Conversation, Origin, Reply, Sentence, ToolMode, UserTurn

TOOL = {"type": "function", "name": "find", "description": "Finds.", "parameters": {"type": "object"}}
BARE = Conversation("Be kind.", (), (UserTurn("Where is it?"),))
ASKED = Conversation("Be kind.", (TOOL,), (UserTurn("Where is it?"),))
USAGE = {"prompt_tokens": 40, "completion_tokens": 12, "prompt_tokens_details": {"cached_tokens": 8}}
NO_TOOLS = refusal(400, {"error": {"message": "m does not support tools"}})


async def _think(brain: ChatBrain, asked: Conversation, model: str = "m") -> tuple[list[str], Reply]:
    """Return the sentences of a reply, which are its text, and the reply."""
    parts = [part async for part in brain.think(model, asked)]
    reply = parts[-1]
    assert isinstance(reply, Reply)
    sentences = [part.text for part in parts[:-1] if isinstance(part, Sentence)]
    assert len(sentences) == len(parts) - 1
    assert "".join(sentences) == reply.text
    return sentences, reply


async def _reply(asked: Conversation, *scripts: Script) -> tuple[list[str], Reply]:
    with serving_scripts(*scripts) as server:
        brain = ChatBrain(ChatEndpoint(server.url))
        try:
            return await _think(brain, asked)
        finally:
            await brain.aclose()


async def test_sentences_come_while_it_writes() -> None:
    """The first one before the model has written the second, and the reply at the end, with what it cost."""
    first_is_said = threading.Event()
    written = [*words("Your order has been", " shipped. "), first_is_said.wait, *words("It arrives today.")]
    with serving_scripts(stream(written, finish(usage=USAGE))) as server:
        brain = ChatBrain(ChatEndpoint(server.url))
        async with aclosing(brain.think("m", BARE)) as parts:
            assert await anext(parts) == Sentence("Your order has been shipped. ")
            first_is_said.set()
            assert [part async for part in parts] == [
                Sentence("It arrives today."),
                Reply("Your order has been shipped. It arrives today.", origin=Origin(ToolMode.NONE, 40, 8, 12)),
            ]
        await brain.aclose()


async def test_words_and_calls() -> None:
    """Two calls at once behind the words, though it says that it has stopped."""
    pieces = [
        *words("One moment."),
        call(0, "a", "find", '{"id":'),
        call(0, None, None, "7}"),
        call(0, "b", "find", "{}"),
    ]
    sentences, reply = await _reply(ASKED, stream(pieces, finish("stop")))
    assert sentences == ["One moment."]
    assert [(one.name, one.arguments_json) for one in reply.calls] == [("find", '{"id":7}'), ("find", "{}")]
    assert reply.origin == Origin(ToolMode.NATIVE)


@pytest.mark.parametrize("reason", ["stop", "tool_calls"])
async def test_calls_alone(reason: str) -> None:
    """Without a word."""
    sentences, reply = await _reply(ASKED, stream(call(0, None, "find", {"id": 7}), finish(reason)))
    assert (sentences, reply.text, reply.calls[0].arguments) == ([], "", {"id": 7})


async def test_an_answer_that_comes_whole() -> None:
    """Is cut into sentences all the same."""
    sentences, reply = await _reply(BARE, whole({"content": "Your order has been shipped. It arrives today."}))
    assert len(sentences) == 2
    assert reply.origin == Origin(ToolMode.NONE, 7, None, 3)


async def test_thoughts_are_not_said() -> None:
    """In a field of their own, or between tags."""
    pieces = [chunk({"reasoning": "Hm. " * 20}), chunk({"reasoning_content": "Hm. " * 20})]
    thought = words("<thi", "nk>He asks where it is, I think. So.</th", "ink>\n\nIt is ", "here.")
    sentences, reply = await _reply(BARE, stream(pieces, thought, finish()))
    assert sentences == ["It is here."]
    assert reply.text == "It is here."


async def test_a_thought_without_its_first_tag() -> None:
    """Fails the response when some of it has been said; from then on the model is known."""
    script = stream(words("He asks where it is, I think. So I say ", "it.</think>It is here."), finish())
    with serving_scripts(script) as server:
        brain = ChatBrain(ChatEndpoint(server.url))
        with pytest.raises(BrainFailure, match="thinks aloud") as failed:
            await _think(brain, BARE)
        assert failed.value.code == "invalid_response"
        assert await _think(brain, BARE) == (["It is here."], Reply("It is here.", origin=Origin(ToolMode.NONE)))
        await brain.aclose()
    short = stream(words("He asks.", "</think>It is here."), finish())
    assert (await _reply(BARE, short))[0] == ["It is here."]


@given(
    st.sampled_from(["{}", "```json\n{}\n```", "<tool_call>{}</tool_call>"]),
    st.sampled_from(["find", "fly"]),
    st.dictionaries(st.text(max_size=5), st.text(max_size=30), max_size=3),
    st.lists(st.integers(0, 200), max_size=6),
)
@settings(max_examples=40, deadline=None)
def test_a_call_that_is_written_is_made(frame: str, name: str, arguments: dict[str, str], cuts: list[int]) -> None:
    """However it comes, and nothing is said before; one of a tool that there is not is what the model wrote."""
    text = frame.replace("{}", json.dumps({"name": name, "arguments": arguments}))
    pieces = [text[start:end] for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(text)], strict=True)]
    sentences, reply = asyncio.run(_reply(ASKED, stream(words(*pieces), finish(usage=USAGE))))
    if name == "find":
        assert (sentences, reply.text) == ([], "")
        assert [(call.name, call.arguments) for call in reply.calls] == [("find", arguments)]
        assert reply.origin == Origin(ToolMode.WRITTEN, 40, 8, 12)
    else:
        assert (sentences, reply.calls, reply.origin) == ([text], (), Origin(ToolMode.NATIVE, 40, 8, 12))


async def test_json_behind_words_stays_in_one_piece() -> None:
    """So that who speaks it can leave it out; and it is no call, nor is one that was made besides."""
    found = '{"name": "find", "arguments": {"why": "It is late. It is very, very late. So."}}'
    sentences, reply = await _reply(ASKED, stream(words("One moment, I will look. Here: ", found), finish()))
    assert sentences == ["One moment, I will look. ", f"Here: {found}"]
    assert (reply.calls, reply.origin) == ((), Origin(ToolMode.NATIVE))
    sentences, reply = await _reply(ASKED, stream(words(found), call(0, "a", "find", {"id": 7}), finish()))
    assert (sentences, [one.arguments for one in reply.calls]) == ([found], [{"id": 7}])
    assert reply.origin == Origin(ToolMode.NATIVE)


async def test_an_answer_that_is_cut() -> None:
    """Says so; one that a filter kept back fails, and so does a call without a name."""
    assert (await _reply(BARE, stream(words("It is"), finish("length"))))[1].is_cut
    for script, code in (
        (stream(words(), finish("content_filter")), "content_filter"),
        (stream(call(0, "a", None, "{}"), finish()), "invalid_response"),
    ):
        with pytest.raises(BrainFailure) as failed:
            await _reply(ASKED, script)
        assert failed.value.code == code


async def test_a_model_that_takes_no_tools_is_told_in_words() -> None:
    """From the first refusal on, with a schema; what it answers is read whole."""
    answer = {"say": "One moment, I will look. It is a long way.", "call": {"name": "find", "arguments": {"id": 7}}}
    with serving_scripts(NO_TOOLS, stream(words(json.dumps(answer)), finish(usage=USAGE))) as server:
        brain = ChatBrain(ChatEndpoint(server.url))
        sentences, reply = await _think(brain, ASKED)
        assert (await _think(brain, ASKED))[1] == reply
        assert (await _think(brain, BARE))[1].origin == Origin(ToolMode.NONE, 40, 8, 12)
        await brain.aclose()
    assert sentences == ["One moment, I will look. ", "It is a long way."]
    assert [(one.name, one.arguments) for one in reply.calls] == [("find", {"id": 7})]
    assert reply.origin == Origin(ToolMode.JSON, 40, 8, 12)
    assert ["tools" in asked for asked in server.asked] == [True, False, False, False]
    assert server.asked[1]["response_format"]["json_schema"]["schema"]["required"] == ["call", "say"]
    assert "response_format" not in server.asked[3]


async def test_a_model_that_is_to_be_told_in_words_is_asked_for_nothing_else() -> None:
    """From the first request on; without tools there is nothing to tell."""
    answer = {"call": {"name": "find", "arguments": {"id": 7}}, "say": ""}
    with serving_scripts(stream(words(json.dumps(answer)), finish(usage=USAGE))) as server:
        brain = ChatBrain(ChatEndpoint(server.url), tells_in_words=True)
        _, reply = await _think(brain, ASKED)
        assert (await _think(brain, BARE))[1].origin == Origin(ToolMode.NONE, 40, 8, 12)
        await brain.aclose()
    assert [(one.name, one.arguments) for one in reply.calls] == [("find", {"id": 7})]
    assert reply.origin == Origin(ToolMode.JSON, 40, 8, 12)
    assert ["tools" in asked for asked in server.asked] == [False, False]
    assert list(server.asked[0]["response_format"]["json_schema"]["schema"]["properties"]) == ["call", "say"]


async def test_an_answer_in_another_form_is_asked_for_once_more() -> None:
    """And then it is what the model says; a server that takes no schema is asked without."""
    no_schema = refusal(400, {"error": {"message": "response_format is not supported"}})
    right = stream(words('{"say": "It is here.", "call": null}'), finish(usage=USAGE))
    wrong = stream(words("It is", " here."), finish(usage=USAGE))
    with serving_scripts(NO_TOOLS, no_schema, wrong, right, wrong, wrong) as server:
        brain = ChatBrain(ChatEndpoint(server.url))
        repaired, plain = [await _think(brain, ASKED) for _ in range(2)]
        await brain.aclose()
    assert [asked.get("response_format") is not None for asked in server.asked] == [False, True, *[False] * 4]
    assert repaired[1] == Reply("It is here.", origin=Origin(ToolMode.JSON, 80, 16, 24))
    assert "no JSON object" in server.asked[3]["messages"][-1]["content"]
    assert plain[1] == Reply("It is here.", origin=Origin(ToolMode.JSON, 80, 16, 24))


async def test_a_form_that_is_asked_for_is_asked_of_the_endpoint() -> None:
    """So that the model can judge; one that is refused is the asker's to do without."""
    schema = {"type": "object", "required": ["verdict"]}
    asked = Conversation("Judge.", (), BARE.items, answer_schema=schema)
    no_schema = refusal(400, {"error": {"message": "response_format is not supported"}})
    with serving_scripts(stream(words('{"verdict": 1}'), finish()), no_schema) as server:
        brain = ChatBrain(ChatEndpoint(server.url))
        assert (await _think(brain, asked))[1].text == '{"verdict": 1}'
        with pytest.raises(BrainFailure, match="response_format") as failed:
            await _think(brain, asked)
        await brain.aclose()
    assert server.asked[0]["response_format"]["json_schema"]["schema"] == schema
    assert (failed.value.code, failed.value.status) == ("invalid_request", 400)


async def test_a_key_that_is_quoted_is_not_said() -> None:
    """Nor handed to a tool."""
    pieces = [*words("You sent me sk-very", "-secret, I see. Why?"), call(0, "a", "find", '{"key": "sk-very-secret"}')]
    with serving_scripts(stream(pieces, finish())) as server:
        brain = ChatBrain(ChatEndpoint(server.url, "sk-very-secret"))
        sentences, reply = await _think(brain, ASKED)
        await brain.aclose()
    assert "very" not in str((sentences, reply))


async def test_other_refusals_are_failures() -> None:
    """Of a request with tools too."""
    with pytest.raises(BrainFailure) as failed:
        await _reply(ASKED, refusal(400, {"error": {"message": "max context is 4096"}}))
    assert failed.value.code == "invalid_request"
