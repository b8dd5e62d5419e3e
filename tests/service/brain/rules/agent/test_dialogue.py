"""A conversation is followed over turns."""

import json
from typing import Any

from evalkit.service.brain.conversation import Answered, Call, Called, Conversation, Item, Said, UserTurn
from evalkit.service.brain.rules.agent.dialogue import Move, decide

ID = {"parcel_id": {"type": "string", "pattern": r"^[A-Z]{0,2}\d{4,6}$"}}
PARCEL = {"properties": ID, "required": ["parcel_id"]}
REDIRECT = {"properties": {**ID, "new_address": {"type": "string"}}, "required": ["parcel_id", "new_address"]}
TOOLS: list[dict[str, Any]] = [
    {"name": "find_parcel", "description": "Find where a parcel is.", "parameters": PARCEL},
    {"name": "stop_parcel", "description": "Cancel a parcel.", "parameters": PARCEL},
    {"name": "redirect_parcel", "description": "Send a parcel to another address.", "parameters": REDIRECT},
]


def after(*items: Item | str, choice: str = "auto") -> Any:
    """Return the decision after `items`; texts are what the caller says."""
    heard = [UserTurn(item) if isinstance(item, str) else item for item in items]
    return decide(Conversation("Today is 2 March 2026.", TOOLS, heard, choice))


def test_calls_when_everything_is_known() -> None:
    """All required fields said: call."""
    assert after("Where is parcel 4821?").calls == (Call("find_parcel", {"parcel_id": "4821"}),)


def test_asks_and_goes_on() -> None:
    """What is missing is asked for, and the answer completes the call."""
    asked = after("Where is my parcel?")
    assert asked.move is Move.ASK
    assert [field.name for field in asked.missing] == ["parcel_id"]
    assert after("Where is my parcel?", Said("Which?"), "it's 4 8 2 1").calls == (
        Call("find_parcel", {"parcel_id": "4821"}),
    )


def test_several_turns_fill_one_request() -> None:
    """Slots of earlier turns are kept."""
    decision = after("Send my parcel to another address", "parcel 4821", "22 Oak Street, Springfield")
    assert decision.calls == (
        Call("redirect_parcel", {"parcel_id": "4821", "new_address": "22 Oak Street, Springfield"}),
    )


def test_answers_are_reported_once() -> None:
    """After an output the agent speaks, after that it listens again."""
    items = [
        UserTurn("Where is parcel 4821?"),
        Called("c1", "find_parcel", {"parcel_id": "4821"}),
        Answered("c1", json.dumps({"at": "x"})),
    ]
    decision = after(*items)
    assert decision.move is Move.REPORT
    assert decision.answers[0][1] == '{"at": "x"}'
    assert after(*items, Said("It's at x."), "thanks").move is Move.TALK


def test_what_was_not_told_yet_is_told() -> None:
    """Who says something else before hearing a tool's answer still hears it, unless they now ask for another thing."""
    called = Called("c1", "find_parcel", {"parcel_id": "4821"})
    items = [UserTurn("Where is parcel 4821?"), called, Answered("c1", "{}")]
    assert after(*items, "I am not at home before noon.").move is Move.REPORT
    assert after(*items, "Please cancel parcel 4821.").calls == (Call("stop_parcel", {"parcel_id": "4821"}),)


def test_nothing_is_done_twice() -> None:
    """A response that is asked for when nobody has spoken since neither calls nor reports again."""
    called = Called("c1", "find_parcel", {"parcel_id": "4821"})
    assert after("Where is parcel 4821?", called).move is Move.WAIT
    assert after("Where is parcel 4821?", called, Answered("c1", "{}"), Said("Done.")).move is Move.WAIT
    assert after("Where is my parcel?", Said("Which number?")).move is Move.ASK


def test_later_requests_remember_earlier_values() -> None:
    """A pronoun means what was talked about."""
    called = Called("c1", "find_parcel", {"parcel_id": "4821"})
    assert after("Where is parcel 4821?", called, Answered("c1", "{}"), Said("Here."), "Please cancel it").calls == (
        Call("stop_parcel", {"parcel_id": "4821"}),
    )


def test_a_call_is_repeated_with_a_correction() -> None:
    """A correction after the call calls again."""
    called = Called("c1", "find_parcel", {"parcel_id": "4812"})
    before = ["Where is parcel 4812?", called, Answered("c1", "{}"), Said("Not found.")]
    assert after(*before, "No, I meant 4821").calls == (Call("find_parcel", {"parcel_id": "4821"}),)


def test_a_request_can_be_dropped_or_changed() -> None:
    """Never mind ends it, another request replaces it."""
    assert after("Where is my parcel?", "never mind").move is Move.TALK
    changed = after("Where is my parcel?", "Actually, cancel parcel 4821 please")
    assert changed.calls == (Call("stop_parcel", {"parcel_id": "4821"}),)


def test_tool_choice_is_obeyed() -> None:
    """None forbids calls, required and a name force one."""
    assert after("Where is parcel 4821?", choice="none").calls == ()
    assert after("hello", choice="required").calls
    asked = after("Send my parcel 4821 to another address", choice="required")
    assert asked.calls == (Call("redirect_parcel", {"parcel_id": "4821"}),)
    assert after("parcel 4821", choice="stop_parcel").calls == (Call("stop_parcel", {"parcel_id": "4821"}),)


def test_an_unfit_id_is_asked_for_again() -> None:
    """An id of the wrong shape is not used."""
    decision = after("Where is parcel 48?")
    assert decision.move is Move.ASK
    assert after("Where is parcel 48213999?").misheard


def test_no_tools_no_calls() -> None:
    """Without tools there is only talk."""
    assert decide(Conversation("", [], [UserTurn("cancel it")])).move is Move.TALK
    assert decide(Conversation("", TOOLS, [])).move is Move.TALK
