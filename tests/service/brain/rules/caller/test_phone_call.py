"""One call from the caller's side: limits, repeats, and what ends it."""

from __future__ import annotations

from evalkit.service.brain.rules.caller.persona import CallerPersona, read_persona
from evalkit.service.brain.rules.caller.phone_call import END_CALL, PhoneCall

PERSONA = """# Facts
Order number: 48213
# Goal
- Cancel the order.
# Style
{style}
# Rules
- {end}
"""
ENDS, NEVER = "When your goal is settled, say END_CALL and nothing else.", "Never say END_CALL."


def persona(end: str = ENDS, style: str = "Calm.") -> CallerPersona:
    """Return a persona that ends calls, or doesn't."""
    return read_persona(PERSONA.format(end=end, style=style))


def test_a_settled_goal_ends_the_call() -> None:
    """The call is over when its last step is settled."""
    call = PhoneCall(persona(), "Cancel order 48213, please.")
    assert call.hear("Your order has been cancelled.") == END_CALL


def test_the_same_question_for_ever_ends_the_call() -> None:
    """A fact is told three times, in three ways, and no fourth time."""
    call = PhoneCall(persona(), "Hi, I want to cancel an order.")
    lines = [call.hear("Could you tell me the order number, please?") for _ in range(4)]
    assert len(set(lines)) == 4
    assert lines[-1] == END_CALL


def test_a_refusal_is_answered_with_one_more_try() -> None:
    """A caller insists once, with the number that it gave, then gives up and hangs up."""
    call = PhoneCall(persona(), "Cancel order 48213, please.")
    first, second, third = (call.hear("I'm sorry, I can't do that.") for _ in range(3))
    assert "48213" in first
    assert END_CALL not in (first, second)
    assert third == END_CALL


def test_wrong_for_ever_is_corrected_twice() -> None:
    """Two corrections, then there is no point in going on."""
    call = PhoneCall(persona(), "Cancel order 48213, please.")
    lines = [call.hear("So that's order 48231?") for _ in range(3)]
    assert all("48213" in line for line in lines[:2])
    assert lines[2] == END_CALL


def test_never_ending_callers_chat() -> None:
    """What would end a call is one more thing to talk about."""
    call = PhoneCall(persona(NEVER), "Cancel order 48213, please.")
    lines = [call.hear("Your order has been cancelled. Goodbye.") for _ in range(6)]
    assert END_CALL not in lines
    assert len(set(lines)) == 6


def test_who_hears_badly_asks_again_and_goes_on() -> None:
    """The answer is asked for again once, and counts although it isn't said again."""
    call = PhoneCall(persona(style="You do not hear well."), "Cancel order 48213, please.")
    assert "again" in call.hear("Your order has been cancelled.")
    assert call.hear("I'm sorry, I can't help with that.") == END_CALL


def test_who_has_no_goal_hangs_up() -> None:
    """A caller without anything to want has nothing to say."""
    call = PhoneCall(CallerPersona((), (), "", ()), "Hello?")
    assert call.hear("It is sunny.") == END_CALL
