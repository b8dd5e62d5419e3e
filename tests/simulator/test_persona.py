"""The caller's part, and the word that ends the call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.simulator.persona import Persona, ends_call, mentions_end_call

_NOISE = st.text(st.sampled_from(list(" .,!?*_-\n\t\"'`()[]#…")), max_size=6)


@given(_NOISE, _NOISE, _NOISE, st.lists(st.booleans(), min_size=7, max_size=7))
def test_end_call_alone_ends_the_call(before: str, between: str, after: str, upper: list[bool]) -> None:
    """In any case, with any punctuation or spacing around and inside."""
    letters = "".join(c.upper() if up else c for c, up in zip("endcall", upper, strict=True))
    assert ends_call(f"{before}{letters[:3]}{between}{letters[3:]}{after}")


@given(st.text())
def test_no_other_text_ends_it(text: str) -> None:
    """Only those letters, whatever else a model says."""
    letters = "".join(c for c in text if c.isalnum()).casefold()
    assert ends_call(text) == (letters == "endcall")


@pytest.mark.parametrize("text", ["", "Goodbye.", "Please end the call.", "END_CALL now", "Thanks. END_CALL"])
def test_words_beside_it_do_not_end_it(text: str) -> None:
    """A goodbye is no END_CALL, and END_CALL among words is no END_CALL alone."""
    assert not ends_call(text)
    assert mentions_end_call(text) == ("END_CALL" in text)


def test_a_style_is_laid_over_the_persona() -> None:
    """Under a heading of its own, after all that the persona says; without one nothing is added."""
    assert Persona("You call.\n").instructions == "You call.\n"
    assert Persona("You call.\n", "Be brief. ").instructions == "You call.\n\n# Style\nBe brief.\n"


def test_only_directions_are_acting_lines() -> None:
    """Rules, style and prose direct the actor; facts and goals are what the caller may say."""
    headed = "# Facts\nName: Tom\n\n# Goal\n- Get it.\n\n# Style\nCalm.\n\n# Rules\n- Speak only as the caller.\n"
    assert Persona(headed, "Hurry.").acting_lines == ("Calm.", "Speak only as the caller.", "Hurry.")
    prose = "You are a customer.\n\nPersona:\n- Name: Tom\n- Goal: Get it.\n\nRules:\n- Reply briefly.\n"
    assert Persona(prose).acting_lines == ("You are a customer.", "Reply briefly.")
