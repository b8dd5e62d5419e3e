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


BOOK = {
    "name": "book_table",
    "description": "Book a table.",
    "parameters": {
        "properties": {
            "date": {"type": "string", "format": "date"},
            "time": {"type": "string", "description": "HH:MM"},
        },
        "required": ["date"],
    },
}
EIGHT = "I'd like to book a table for tomorrow at quarter past eight."


def booking(*said: Item | str, instructions: str = "Today is 2 March 2026.") -> Any:
    """Return the decision of one who books tables."""
    items = [UserTurn(item) if isinstance(item, str) else item for item in said]
    return decide(Conversation(instructions, [BOOK], items))


def test_the_half_of_the_day_is_asked_for_and_not_guessed() -> None:
    """Though the tool could be called without the time; the answer names the half, or says the time again."""
    asked = booking(EIGHT)
    assert asked.move is Move.ASK
    assert asked.either is not None
    assert asked.either.clock == "8:15"
    evening = {"date": "2026-03-03", "time": "20:15"}
    for answer in ("In the evening, please.", "PM", "a quarter past eight in the evening"):
        assert booking(EIGHT, Said("Which?"), answer).calls == (Call("book_table", evening),)
    assert booking(EIGHT, Said("Which?"), "the morning").calls[0].arguments["time"] == "08:15"
    assert booking(EIGHT, Said("Which?"), "at eight fifteen").either == asked.either


def test_opening_hours_tell_the_half_of_the_day() -> None:
    """Nobody is there at a quarter past eight in the morning, so nobody is asked."""
    open_late = "Today is 2 March 2026. We are open from 5 pm to 11 pm."
    assert booking(EIGHT, instructions=open_late).calls[0].arguments["time"] == "20:15"


def test_a_corrected_time_stays_in_its_half_of_the_day() -> None:
    """While the request is open, and after the call."""
    called = Called("c1", "book_table", {"date": "2026-03-03", "time": "19:30"})
    before = ["Book a table for tomorrow at 7:30 pm.", called, Answered("c1", "{}"), Said("Done.")]
    assert booking(*before, "No, make it quarter past eight.").calls[0].arguments["time"] == "20:15"


def test_words_of_the_tools_are_found_by_sound_in_what_was_heard() -> None:
    """Only there: who types a word means it."""
    tool = {
        "name": "extend_hire",
        "description": "Let a customer keep something for longer.",
        "parameters": {"properties": {"hire_code": {"type": "string"}}, "required": ["hire_code"]},
    }
    heard, typed = (UserTurn("Please extend higher MT4419.", is_heard=is_heard) for is_heard in (True, False))
    assert decide(Conversation("", [tool], [heard])).calls == (Call("extend_hire", {"hire_code": "MT4419"}),)
    assert decide(Conversation("", [tool], [typed])).heard == "Please extend higher MT4419."
