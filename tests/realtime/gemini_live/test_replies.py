"""What Gemini Live says, read: any messages, and in what order and at what time things are told."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.realtime.events import InvalidEvent
from evalkit.realtime.gemini_live.replies import GeminiReplies, UnusableSound, read_message
from evalkit.realtime.response_log import ResponseLog

SOUND = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAA="}}


def content(**told: Any) -> dict[str, Any]:
    return {"serverContent": told}


def speaks(*parts: Any) -> dict[str, Any]:
    return content(modelTurn={"parts": list(parts or [SOUND])})


def words(text: str) -> dict[str, Any]:
    return content(outputTranscription={"text": text})


def calls(*ids: str) -> dict[str, Any]:
    return {"toolCall": {"functionCalls": [{"id": each, "name": "f", "args": {}} for each in ids]}}


END = content(turnComplete=True)


def read(*messages: dict[str, Any]) -> ResponseLog:
    """Return the responses that messages stand for, one each millisecond."""
    replies, log = GeminiReplies(), ResponseLog()
    for at_ms, message in enumerate(messages):
        for each in replies.read(message, float(at_ms)):
            log.feed(each.event, each.at_ms, turn_index=1)
    return log


def test_words_that_come_before_their_sound() -> None:
    """They are those of the answer that begins then: alone they begin none."""
    assert not read(words("Hello.")).responses
    (answer,) = read(words("Hel"), words("lo."), speaks(), words(" Bye."), END).responses
    assert (answer.result.transcript, answer.began_at_ms, answer.done_at_ms) == ("Hello. Bye.", 2, 4)


def test_words_without_any_sound_are_an_answer_at_its_end() -> None:
    """Though nothing can be heard of it."""
    (answer,) = read(words("Hello."), END).responses
    assert (answer.result.transcript, answer.received_bytes) == ("Hello.", 0)


def test_words_that_come_behind_a_call_are_those_of_what_follows() -> None:
    """They begin no answer of their own, which the tools' answers would be waited for by."""
    first, second = read(speaks(), words("One"), calls("a"), words(" moment."), END, speaks(), END).responses
    assert (first.result.transcript, second.result.transcript.strip()) == ("One", "moment.")
    assert [call.call_id for call in first.calls] == ["a"]


def test_an_answer_that_was_cut() -> None:
    """It is cancelled, and so are its calls; the end of the turn behind it ends nothing more."""
    cut, whole = read(speaks(), content(interrupted=True), END, speaks(), END).responses
    assert (cut.was_interrupted, whole.was_interrupted) == (True, False)
    assert cut.done_at_ms == 1


def test_a_call_that_nobody_named_has_an_id_of_ours() -> None:
    """So that its answer finds it."""
    message = {"toolCall": {"functionCalls": [{"name": "f"}, {"name": "g", "args": [1]}]}}
    (answer,) = read(message).responses
    assert len({call.call_id for call in answer.calls}) == 2
    assert [call.arguments for call in answer.calls] == [{}, None]


def test_thoughts_are_not_spoken() -> None:
    """Neither are parts of which nothing is known."""
    assert not read(speaks({"text": "hmm", "thought": True}), speaks({"executableCode": {}})).responses
    (answer,) = read(speaks({"text": "Hello."}), END).responses
    assert answer.result.text == "Hello."


def test_tokens_of_each_answer() -> None:
    """The last count of one is right; thoughts and the tools' answers are part of it."""
    counts = {"promptTokenCount": 5, "toolUsePromptTokenCount": 2, "responseTokenCount": 3, "thoughtsTokenCount": 4,
              "cachedContentTokenCount": 1}  # fmt: skip
    (answer,) = read({**speaks(), "usageMetadata": {"promptTokenCount": 1}}, {**END, "usageMetadata": counts}).responses
    usage = answer.result.usage
    assert (usage.input_tokens, usage.output_tokens, usage.input_cached_tokens) == (7, 7, 1)


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({"serverContent": 1}, "'serverContent' is a int"),
        ({"serverContent": {"modelTurn": {"parts": {}}}}, "'parts' is a dict; expected a list"),
        ({"serverContent": {"modelTurn": {"parts": ["x"]}}}, "'parts' holds something else than objects"),
        ({"toolCall": {"functionCalls": "f"}}, "'functionCalls' is a str"),
        ({"toolCallCancellation": {"ids": "f"}}, "'ids' is a str"),
        ({"usageMetadata": []}, "'usageMetadata' is a list"),
    ],
)
def test_what_is_not_as_the_protocol_has_it(message: dict[str, Any], problem: str) -> None:
    """What was found, and what was expected."""
    with pytest.raises(InvalidEvent, match=problem):
        read(message)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=4) | st.sampled_from(["AAA=", "audio/pcm"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["parts", "modelTurn", "inlineData", "data", "mimeType", "text", "functionCalls", "ids", "id", "name", "args",
         "turnComplete", "interrupted", "generationComplete", "outputTranscription", "inputTranscription", "timeLeft",
         "promptTokensDetails", "modality", "tokenCount", "turnCompleteReason"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
_ODD = st.dictionaries(
    st.sampled_from(
        ["setupComplete", "serverContent", "toolCall", "toolCallCancellation", "goAway", "usageMetadata", "new"]
    ),
    _JSON, max_size=3,
)  # fmt: skip
_RIGHT = st.sampled_from(
    [speaks(), speaks(SOUND, SOUND), words("a "), calls("a"), calls("b", "c"), END, content(interrupted=True),
     content(generationComplete=True), {"toolCallCancellation": {"ids": ["a"]}}, {"goAway": {"timeLeft": "5s"}},
     content(inputTranscription={"text": "x"}), {"usageMetadata": {"promptTokenCount": 1}}]
)  # fmt: skip


@given(st.lists(_ODD, max_size=8))
def test_any_messages_are_read_or_refused(messages: list[dict[str, Any]]) -> None:
    """Nothing else is ever raised."""
    replies, log = GeminiReplies(), ResponseLog()
    for message in messages:
        with suppress(InvalidEvent, UnusableSound):
            for each in replies.read(message, 0.0):
                log.feed(each.event, each.at_ms, turn_index=1)


@given(st.lists(_RIGHT, max_size=30))
def test_whatever_the_order_answers_follow_each_other(messages: list[dict[str, Any]]) -> None:
    """One is under way at a time, all sound is in one of them and in its order, and every call is made once."""
    log = read(*messages)
    assert sum(not each.is_done for each in log.responses) <= 1
    assert all(each.is_done for each in log.responses[:-1])
    sounds = sum(len(each.get("serverContent", {}).get("modelTurn", {}).get("parts", [])) for each in messages)
    assert sum(each.received_bytes for each in log.responses) == 2 * sounds
    made = [call["id"] for each in messages for call in each.get("toolCall", {}).get("functionCalls", [])]
    assert [call.call_id for each in log.responses for call in each.calls] == made
    began = [each.began_at_ms for each in log.responses]
    assert began == sorted(began)


@given(st.binary(max_size=20) | st.text(max_size=20))
def test_any_frame_is_an_object_or_refused(frame: str | bytes) -> None:
    """Text and binary alike."""
    with suppress(InvalidEvent):
        assert isinstance(read_message(frame), dict)
