"""Persona prompts of every shape give the same facts, goals, style and rules."""

from __future__ import annotations

from evalkit.service.brain.rules.caller.persona import Fact, read_persona

HEADED = """# Facts
Name: Tom Becker
Order number: 49903

# Goal
- Have the delivery moved to March 12th, or hear plainly that it can't be done now.
- Hear the new day.

# Style
Calm.

# Rules
- You are the caller, on the phone. No lists.
- Give the order number only when you are asked for it.
- If it can't be done now, don't insist. Say that you will try again later.
- When you are told to call 911, say that you will, and hang up.
- When your goal is settled, say END_CALL and nothing else.
"""
LISTED = """You are a customer on the phone with an online shop.

Persona:
- Name: Tom Becker
- Order number: 49903
- Goal: Send the vase back.
- Style: Calm.

Rules:
- Use only the details above, and only when they are asked for.
- Never say END_CALL.
"""
PROSE = "You are Tom. Your order number is 49903. You want to return a vase. Be brief."


def test_headed_sections_are_read() -> None:
    """The documented shape gives each part, in order."""
    persona = read_persona(HEADED)
    assert persona.facts == (Fact("Name", "Tom Becker"), Fact("Order number", "49903"))
    assert len(persona.goals) == 2
    assert persona.style == "Calm."
    assert len(persona.rules) == 5
    assert not persona.never_ends


def test_rules_that_change_what_the_caller_does_are_understood() -> None:
    """Rules about refusals, orders and facts for asking only are more than text."""
    persona = read_persona(HEADED)
    assert persona.accepts_refusal
    assert persona.farewell_promise == "I will try again later"
    assert persona.obeys == ("call 911",)
    assert [persona.is_for_asking_only(fact) for fact in persona.facts] == [False, True]


def test_key_value_lines_in_prose_are_read() -> None:
    """The older shape holds the same: goal and style by their keys, other keys are facts."""
    persona = read_persona(LISTED)
    assert persona.facts == (Fact("Name", "Tom Becker"), Fact("Order number", "49903"))
    assert persona.goals == ("Send the vase back.",)
    assert persona.style == "Calm."
    assert persona.never_ends
    assert persona.is_for_asking_only(persona.facts[1])


def test_plain_prose_is_read() -> None:
    """Sentences about "your order number" and what "you want" do for a persona without lines."""
    persona = read_persona(PROSE)
    assert persona.facts == (Fact("Order number", "49903"),)
    assert persona.goals == ("Return a vase",)


def test_a_style_laid_over_a_persona_is_added() -> None:
    """A second style section joins the first and changes nothing else."""
    persona, plain = read_persona(f"{HEADED}\n# Style\nYou are in a hurry.\n"), read_persona(HEADED)
    assert persona.style == "Calm. You are in a hurry."
    assert (persona.facts, persona.goals, persona.rules) == (plain.facts, plain.goals, plain.rules)
