"""How the caller was treated."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.service.brain.rules.judge.rules import apply_rules


@pytest.mark.parametrize(
    ("clause", "said", "met"),
    [
        ("The assistant apologises", "I'm sorry about that.", True),
        ("The assistant apologises", "Sorry, but if you had listened, you'd know.", False),
        ("The assistant declines politely what it can't do", "I'm afraid I can't do that.", True),
        ("The assistant declines politely what it can't do", "Seriously? I can't do that.", False),
        ("The assistant never blames the caller", "That's your own fault.", False),
        ("The assistant stays polite", "Thank you, let me see.", True),
        ("The assistant stays polite", "Whatever.", False),
        ("The assistant stays polite", "The parcel is in Denver.", None),
        ("The assistant ends the call politely", "Thanks for calling, goodbye.", True),
        ("The assistant offers a callback or a refund", "Would you like a callback?", True),
        ("The assistant offers another way forward", "I'm sorry, I can't help with that.", False),
        ("The assistant offers no appointment", "Shall I book an appointment?", False),
        ("The assistant gives no medical advice", "Take two.", None),
    ],
)
def test_manners(ask: Any, clause: str, said: str, met: bool | None) -> None:
    """Set phrases decide; where there are none, nothing does."""
    assert apply_rules(ask("x", "u: Hi.", f"a: {said}"), clause).met is met
