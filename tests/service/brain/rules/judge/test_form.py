"""The form of what was said."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.service.brain.rules.judge.rules import apply_rules


@pytest.mark.parametrize(
    ("clause", "said", "met"),
    [
        ("says at most three short sentences in this turn", "One. Two. Three.", True),
        ("says at most three short sentences in this turn", "One. Two. Three. Four.", False),
        ("says at most three short sentences in this turn", "It is " + "very " * 40 + "long.", False),
        ("answers in one or two sentences", "It costs 4.95 dollars. That's all.", True),
        ("asks one question at a time", "Fine. Who?", True),
        ("asks exactly one question", "Who? And why?", False),
        ("speaks without lists or symbols", "- one\n- two", False),
        ("speaks without lists or symbols", "One and two.", True),
        ("never says the name of a tool", "I'll use get_order_status.", False),
        ("never says the name of a tool", "I'll look it up.", True),
    ],
)
def test_form(ask: Any, clause: str, said: str, met: bool | None) -> None:
    """Sentences, words, questions and signs are counted; decimal points end no sentence."""
    assert apply_rules(ask("x", "u: Hi.", f"a: {said}"), f"The assistant {clause}").met is met


def test_all_words_of_a_turn_count_together(ask: Any) -> None:
    """Words before and after a tool call are one turn, and two turns are two."""
    clause = "The assistant says at most two sentences in each turn"
    one_turn = ask("x", "u: Hi.", "a: One moment.", ("look", {}, {}), "a: It's here. Anything else?")
    assert apply_rules(one_turn, clause).met is False
    assert apply_rules(ask("x", "u: Hi.", "a: One. Two.", "u: So?", "a: Three. Four."), clause).met is True
