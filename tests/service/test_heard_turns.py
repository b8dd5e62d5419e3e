"""What a conversation was for those who held it."""

from __future__ import annotations

import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.service.brain.conversation import Said, UserTurn
from evalkit.service.heard_turns import MIN_HEARD_MS, see, was_heard
from evalkit.service.items import ContentPart, ConversationItem


def answer(status: str, ms: float, cut_to_ms: int | None = None) -> ConversationItem:
    """Return an answer of so many milliseconds, truncated where told."""
    part = ContentPart("output_audio", "One two three.", audio_bytes=AudioFormat.PCM16.byte_count(int(ms)))
    item = ConversationItem("a", "message", status, role="assistant", parts=[part])
    if cut_to_ms is not None:
        item.truncate(0, cut_to_ms)
    return item


@pytest.mark.parametrize(
    ("item", "heard"),
    [
        (answer("completed", 500), True),
        (answer("completed", 5000, 400), False),
        (answer("completed", 5000, int(MIN_HEARD_MS)), True),
        (answer("incomplete", 700), False),
        (answer("incomplete", 3000), True),
        (answer("incomplete", 3000, 0), False),
        (ConversationItem("c", "function_call", "incomplete", call_id="1"), False),
        (ConversationItem("c", "function_call", "completed", call_id="1"), True),
        (ConversationItem("o", "function_call_output", call_id="1"), True),
        (ConversationItem("u", "message", role="user"), True),
        (ConversationItem("u", "message", role="user", is_aside=True), False),
        (ConversationItem("t", "message", "incomplete", "assistant", [ContentPart("output_text", "One")]), True),
    ],
)
def test_what_took_place(item, heard):
    """An answer that was cut within a second, and a call that was never whole, took no place."""
    assert was_heard(item) is heard


def user(text: str, kind: str = "input_audio") -> ConversationItem:
    """Return what a user said, or typed."""
    heard = text if kind == "input_audio" else None
    return ConversationItem("u", "message", role="user", parts=[ContentPart(kind, text, heard=heard)])


def test_halves_are_one_utterance():
    """What a user says with nothing heard in between is one utterance."""
    halves = [user("Move it to March 12th."), user(""), user("I'm not home before.")]
    assert see(halves, joins=True) == [UserTurn("Move it to March 12th. I'm not home before.")]
    assert len(see(halves, joins=False)) == 3


def test_what_was_heard_is_told_from_what_was_typed():
    """A recogniser may have taken a word for another; a keyboard has not."""
    seen = see([user("One."), user("Two."), user("Three.", "input_text")], joins=True)
    assert [(one.text, one.is_heard) for one in seen] == [("One. Two.", True), ("Three.", False)]


def test_what_stays_apart():
    """An answer between two utterances keeps them apart, and what was typed is never joined."""
    said = answer("completed", 2000)
    assert see([user("Hello."), said, user("Cancel it.")], joins=True) == [
        UserTurn("Hello."),
        Said("One two three."),
        UserTurn("Cancel it."),
    ]
    typed = [user("Hello.", "input_text"), user("Cancel it.", "input_text"), user("Now.")]
    assert see(typed, joins=True) == [UserTurn("Hello."), UserTurn("Cancel it."), UserTurn("Now.")]
