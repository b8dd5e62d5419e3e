"""Whole calls: the caller against the embedded agent, and against what other assistants say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.datasets.simulations import Simulation, load_simulations
from evalkit.mocks.definitions import parse_mocks
from evalkit.mocks.session import MockSession
from evalkit.records.record import ToolCall
from evalkit.service.brain.conversation import Answered, Called, Conversation, Item, Said, UserTurn
from evalkit.service.brain.rules.agent.models import MODELS
from evalkit.service.brain.rules.caller.caller import read_turns, respond
from evalkit.service.brain.rules.caller.models import CALLERS

SIMULATIONS = {
    one.simulation_id: one for one in load_simulations(Path(__file__).parents[5] / "data/run/simulations.csv")
}
STYLES = (
    "You are in a hurry and it shows.",
    "You like to talk.",
    "You misspeak often.",
    "You do not hear well.",
    "English is not your first language.",
)
TALKS_LIKE_AN_AGENT = ("how can i help", "anything else i can", "thank you for calling", "look that up for you")
HEADERS = ("# facts", "# goal", "# style", "# rules", "rules:", "persona:", "instructions", "end_call ")
# The agent's own mistake: it books with general practice after it was asked about the skin doctor.
UNREACHED = {"sim_clinic_find_and_book"}


@dataclass
class Held:
    """A call that was held, as the caller's words, what it heard, and the tools that were called."""

    said: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)


def hold(simulation: Simulation, *, model: str = "local-caller", style: str = "") -> Held:
    """Hold a call as the run harness does: the first turn as given, tools answered by mocks until the agent speaks."""
    mocks = MockSession(parse_mocks(list(simulation.tool_mocks), "tool_mocks"), simulation.tools)
    persona = f"{simulation.persona}\n\n# Style\n{style}\n" if style else simulation.persona
    mine: list[Item] = []
    theirs: list[Item] = []
    held = Held()
    for turn in range(simulation.max_turns):
        instructions = Conversation(persona, (), tuple(mine))
        text = CALLERS[model](instructions).text if turn else simulation.first_user_turn
        held.said.append(text)
        if text == "END_CALL":
            break
        theirs.append(UserTurn(text))
        held.heard.append(_agent_turn(simulation, mocks, theirs, held))
        mine += [Said(text), UserTurn(held.heard[-1])]
    return held


def _agent_turn(simulation: Simulation, mocks: MockSession, items: list[Item], held: Held) -> str:
    words = []
    for _ in range(6):
        reply = MODELS["local-agent"](Conversation(simulation.system_prompt, simulation.tools, tuple(items)))
        if reply.text:
            words.append(reply.text)
            items.append(Said(reply.text))
        for call in reply.calls:
            call_id = f"call_{len(items)}"
            held.calls.append((call.name, call.arguments))
            arguments = dict(call.arguments)
            answer = mocks.answer(ToolCall(call.name, arguments, json.dumps(arguments), call_id))
            items += [Called(call_id, call.name, call.arguments), Answered(call_id, json.dumps(answer.output.output))]
        if not reply.calls:
            break
    return " ".join(words)


def makes_expected_calls(simulation: Simulation, held: Held) -> bool:
    """Whether every expected call was made with the expected arguments, and none where none was due."""
    if not simulation.expected_calls:
        return not (simulation.expects_no_call and held.calls)
    return all(
        any(
            name == wanted.name and wanted.arguments.items() <= dict(arguments).items()
            for name, arguments in held.calls
        )
        for wanted in simulation.expected_calls
    )


def stays_a_caller(held: Held) -> bool:
    """Whether nothing said after the first turn talks like an agent or shows the instructions."""
    spoken = [text.lower() for text in held.said[1:] if text != "END_CALL"]
    return all(text and not any(sign in text for sign in TALKS_LIKE_AN_AGENT + HEADERS) for text in spoken)


@pytest.mark.parametrize("name", SIMULATIONS)
def test_every_shipped_call_ends_and_leads_to_its_tools(name: str) -> None:
    """Each shipped call ends by itself or at its limit, the caller stays one, and the expected calls are made."""
    simulation = SIMULATIONS[name]
    held = hold(simulation)
    assert stays_a_caller(held), held.said
    assert held.said[-1] == "END_CALL" or len(held.said) == simulation.max_turns
    assert all(text.strip() != "" for text in held.said)
    assert name in UNREACHED or makes_expected_calls(simulation, held), held.calls


def test_most_calls_are_ended_by_the_caller() -> None:
    """Of the calls that may end, the caller ends most before their turns are used up."""
    ended = [name for name, simulation in SIMULATIONS.items() if hold(simulation).said[-1] == "END_CALL"]
    assert len(ended) >= len(SIMULATIONS) - 2
    assert "sim_clinic_never_ends" not in ended


@pytest.mark.parametrize("style", STYLES)
def test_styles_change_the_words_and_not_the_outcome(style: str) -> None:
    """A style laid over a persona leaves the caller a caller, and nearly all calls lead to their tools."""
    reached = 0
    changed = 0
    for simulation in SIMULATIONS.values():
        held = hold(simulation, style=style)
        assert stays_a_caller(held), held.said
        reached += makes_expected_calls(simulation, held)
        changed += held.said != hold(simulation).said
    assert reached >= 12
    assert changed >= 3


def test_the_same_call_twice_is_word_for_word_the_same() -> None:
    """Nothing is random and nothing is remembered between calls."""
    simulation = SIMULATIONS["sim_support_long_memory"]
    assert hold(simulation) == hold(simulation)


def talk(name: str, *heard: str) -> list[str]:
    """Return what the caller of a shipped simulation answers to each of `heard`."""
    simulation = SIMULATIONS[name]
    items: list[Item] = [Said(simulation.first_user_turn)]
    replies = []
    for text in heard:
        items.append(UserTurn(text))
        replies.append(respond(Conversation(simulation.persona, (), tuple(items))).text)
        items.append(Said(replies[-1]))
    return replies


def test_a_misheard_id_is_corrected_until_it_is_right() -> None:
    """An id that is read back wrong is corrected at once, a right one is confirmed."""
    first, second = talk(
        "sim_support_order_status",
        "Just to confirm, the order number is 4 8 2 3 1, is that right?",
        "So that's order 48213, right?",
    )
    assert first == "No, it's 48213."
    assert second == "Yes, that's right."


def test_a_slip_of_its_own_is_taken_back() -> None:
    """A number that the caller read out wrongly is put right as soon as the other side has answered."""
    replies = talk("sim_support_corrected_id", "Order 31845, a garden hose, was delivered. Anything else?")
    assert replies == ["Sorry, I misread it. The order number is 31854."]


def test_an_apartment_that_is_left_out_is_missed() -> None:
    """An address repeated without its apartment is corrected, the complete one ends the call."""
    _, missing, complete = talk(
        "sim_support_address_apartment",
        "Of course. What is the new address?",
        "I've changed it to 27 Maple Avenue, Denver.",
        "Sorry. It's now 27 Maple Avenue, Apartment 5, Denver. Anything else I can do?",
    )
    assert "left out the apartment" in missing
    assert complete == "END_CALL"


def test_what_it_does_not_know_is_not_invented() -> None:
    """A question without a fact to answer it gets no fact, and asked for ever it ends the call."""
    replies = talk("sim_support_order_status", *["Could I get your email address, please?"] * 8)
    assert not any(char.isdigit() or char == "@" for text in replies for char in text)
    assert "I don't have that with me" in replies[0]
    assert "END_CALL" in replies


def test_an_open_offer_brings_up_the_next_step() -> None:
    """The steps are brought up in order, each when the one before is settled."""
    first, second, third = talk(
        "sim_support_change_of_mind",
        "Your rug is waiting for stock and is expected on Friday, March 20th. Is there anything else?",
        "I can cancel that for you. Shall I go ahead and cancel order 60517?",
        "Done. The order is cancelled.",
    )
    assert "cancel the order" in first
    assert second == "Yes, please."
    assert third == "END_CALL"


def test_told_to_call_911_it_says_so_and_hangs_up() -> None:
    """A rule of the form "when you are told to …, say that you will, and hang up" is obeyed."""
    promise, end = talk("sim_clinic_emergency", "Please hang up and call 911 immediately.", "Please do it now.")
    assert promise.startswith("Okay, I will")
    assert end == "END_CALL"


def test_a_refusal_is_taken_where_the_persona_takes_it() -> None:
    """A persona that doesn't insist says what its rules tell it to say, and hangs up."""
    given_up, end = talk(
        "sim_support_tool_error",
        "I'm sorry, I couldn't move it, the system isn't available. Would you like me to try again?",
        "All right. Goodbye.",
    )
    assert given_up.endswith("I will try again later.")
    assert end == "END_CALL"


def test_silence_at_the_other_end_is_asked_about_and_then_ends_the_call() -> None:
    """Sound without words is no answer; nobody waits for one for ever."""
    replies = talk("sim_clinic_lab_results", "(inaudible)", "", " . ")
    assert replies[0] != replies[1]
    assert replies[2] == "END_CALL"


def test_a_caller_that_never_ends_never_does_and_never_repeats_a_turn_at_once() -> None:
    """`Never say END_CALL` holds whatever the other side says."""
    replies = talk("sim_clinic_never_ends", *["Goodbye."] * 30)
    assert "END_CALL" not in replies
    assert all(one != other for one, other in pairwise(replies))


def test_without_an_opening_the_caller_opens_with_its_first_step() -> None:
    """Asked to speak first, the caller says what it wants; a greeting before it changes nothing."""
    persona = SIMULATIONS["sim_support_missing_information"].persona
    assert respond(Conversation(persona, (), ())).text == "Hello. I'd like to cancel the order."
    greeted = respond(Conversation(persona, (), (UserTurn("Hello, how can I help you today?"),)))
    assert greeted.text == "I'd like to cancel the order."


def test_messages_in_a_row_are_one_turn() -> None:
    """An assistant's turn of several messages is answered once."""
    items = (Said("Hi."), UserTurn("One moment."), UserTurn("It is here."), Said("Thanks."), UserTurn("Bye."))
    assert read_turns(items) == ("Hi.", ["One moment. It is here.", "Bye."])


WORDS = """order number 48213 4 8 what is the your please ? . could you tell me date of birth and name cancelled not
found sorry goodbye anything else shall I right address march 12th 10:30 apartment maple avenue would like me to"""
_WORDS = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(WORDS.split()),
        max_size=25,
    ).map(" ".join),
)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted(SIMULATIONS)), heard=st.lists(_WORDS, min_size=1, max_size=8))
def test_whatever_is_heard_gets_a_callers_answer(name: str, heard: list[str]) -> None:
    """The caller never raises, never falls silent, never reads its headings aloud, and decides the same twice."""
    replies = talk(name, *heard)
    assert replies == talk(name, *heard)
    for reply in replies:
        assert reply.strip()
        assert reply == "END_CALL" or not any(header in reply.lower() for header in HEADERS)
        assert "END_CALL" not in reply or reply == "END_CALL"


@settings(max_examples=100, deadline=None)
@given(instructions=st.text(max_size=300), heard=st.lists(st.text(max_size=40), max_size=4))
def test_any_instructions_make_a_caller(instructions: str, heard: list[str]) -> None:
    """Instructions in no known shape are played as far as they can be."""
    items: list[Item] = []
    for text in heard:
        items += [UserTurn(text), Said("yes")]
    assert respond(Conversation(instructions, (), tuple(items))).text


@settings(max_examples=60, deadline=None)
@given(
    heard=st.lists(_WORDS, min_size=40, max_size=40),
    name=st.sampled_from(sorted(set(SIMULATIONS) - {"sim_clinic_never_ends"})),
)
def test_every_call_that_may_end_ends(heard: list[str], name: str) -> None:
    """Whatever the other side says, a caller that may hang up does so within forty turns."""
    assert "END_CALL" in talk(name, *heard)
