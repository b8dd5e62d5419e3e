"""A conversation as messages that strict endpoints take."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evalkit.service.brain.chat.messages import (
    INAUDIBLE,
    INTERRUPTED,
    NO_RESULT,
    ON_THE_LINE,
    to_messages,
    to_plain_messages,
    to_tools,
)
from evalkit.service.brain.conversation import Answered, Called, Conversation, Item, Said, UserTurn

TOOL = {"type": "function", "name": "find", "description": "Finds.", "parameters": {"type": "object"}, "strict": None}


def _conversation(*items: Item, **options: Any) -> Conversation:
    return Conversation("Be kind.", (TOOL,), items, **options)


def test_a_call_and_its_answer() -> None:
    """Words and calls are one message, and each call is answered at once."""
    called = Called("call_1", "find", {"id": 7})
    system, user, assistant, tool, last = to_messages(
        _conversation(UserTurn("Hi."), Said("One moment."), called, Answered("call_1", "late"), Said("It is late."))
    )
    assert (system, user) == ({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi."})
    (call,) = assistant["tool_calls"]
    assert assistant["content"] == "One moment."
    assert call["function"] == {"name": "find", "arguments": '{"id":7}'}
    assert tool == {"role": "tool", "tool_call_id": call["id"], "content": "late"}
    assert last == {"role": "assistant", "content": "It is late."}
    assert len(call["id"]) == 9
    assert call["id"].isalnum()


def test_a_caller_who_spoke_before_the_answer_came() -> None:
    """The answer stands behind its call all the same, and where none has come that is said."""
    early = _conversation(UserTurn("Hi."), Called("a", "find", {}), Called("b", "find", {}), UserTurn("Hello?"))
    messages = to_messages(early)
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool", "tool", "user"]
    assert (messages[2]["content"], messages[3]["content"]) == (None, NO_RESULT)
    late = _conversation(*early.items, Answered("a", "found"))
    assert [message.get("content") for message in to_messages(late)][3:] == ["found", NO_RESULT, "Hello?"]


def test_only_what_was_heard_is_told() -> None:
    """Of an answer that was cut, and that it was."""
    said = (Said("One two three.", heard="One two"), UserTurn("Stop."), Said("Never heard.", heard=""))
    assert [message["content"] for message in to_messages(_conversation(*said))[1:]] == [
        f"One two {INTERRUPTED}", "Stop.", INTERRUPTED
    ]  # fmt: skip


def test_a_caller_who_has_not_spoken_or_was_not_understood() -> None:
    """Many templates want a user's message, and none that is empty."""
    for make in (to_messages, to_plain_messages):
        assert make(_conversation())[1:] == [{"role": "user", "content": ON_THE_LINE}]
        greeted = make(_conversation(Said("Hello, this is the shop.")))
        assert [message["role"] for message in greeted] == ["system", "user", "assistant"]
        assert make(_conversation(UserTurn(""), Said("")))[1:] == [{"role": "user", "content": INAUDIBLE}]


def test_without_tools_it_is_all_words() -> None:
    """Calls as the JSON that was asked for, answers told by the user."""
    told = to_plain_messages(
        _conversation(UserTurn("Hi."), Called("a", "find", {"id": 7}), Answered("a", "late"), Answered("?", "lost"))
    )
    assert told[2] == {"role": "assistant", "content": '{"call":{"name":"find","arguments":{"id":7}},"say":""}'}
    assert "Result of the tool find: late" in told[3]["content"]


def test_tools_are_offered_in_the_shape_of_the_api() -> None:
    """With the choice, where there is one."""
    function = {"name": "find", "description": "Finds.", "parameters": {"type": "object"}}
    tools = [{"type": "function", "function": function}]
    assert to_tools(_conversation()) == {"tools": tools}
    assert to_tools(_conversation(tool_choice="none")) == {"tools": tools, "tool_choice": "none"}
    named = {"type": "function", "function": {"name": "find"}}
    assert to_tools(_conversation(tool_choice="find"))["tool_choice"] == named


_IDS = st.sampled_from(["a", "b", "c"])
_ITEMS = st.one_of(
    st.builds(UserTurn, st.text(max_size=5)),
    st.builds(Said, st.text(max_size=5), st.none() | st.text(max_size=5)),
    st.builds(lambda one: Called(one, "find", {}), _IDS),
    st.builds(lambda one: Answered(one, "x"), _IDS),
)


@given(st.lists(_ITEMS, max_size=10))
def test_every_call_is_answered_at_once_and_nothing_else_is(items: list[Item]) -> None:
    """Whatever a conversation was, each call has one answer right behind its message, and no answer stands alone."""
    messages = to_messages(Conversation("", (), items))
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            assert message["tool_call_id"] == waiting.pop(0)
            continue
        assert waiting == []
        assert message["content"] or message["tool_calls"]
        waiting = [call["id"] for call in message.get("tool_calls", ())]
    assert waiting == []
    assert any(message["role"] == "user" for message in messages)
    assert len([m for m in messages if m["role"] == "tool"]) == len([i for i in items if isinstance(i, Called)])
