"""Whether something was said."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.service.brain.rules.judge.facts import find_said, find_stated, is_error


@pytest.mark.parametrize(
    ("claim", "said", "met"),
    [
        ("the order is expected on Wednesday, March 4th", "It comes on March the fourth.", True),
        ("the order is expected on Wednesday, March 4th", "It comes on Thursday, March 5th.", False),
        ("the order is expected on Wednesday, March 4th", "It comes on Thursday, March 4th.", False),
        ("23.50 dollars are left", "You have twenty-three dollars and fifty cents.", True),
        ("the number is 0071552", "Seven one five five two.", False),
        ("it comes on March 12th", "It won't come on March 12th.", None),
        ("they should call 911", "If it gets worse, call 911.", None),
        ("breakfast is included", "No, breakfast is included.", True),
        ("breakfast is included", "Breakfast isn't included.", False),
        ("the order is cancelled", "Shall I cancel the order?", False),
        ("the refund rules", "You can cancel for free.", None),
    ],
)
def test_claims(ask: Any, claim: str, said: str, met: bool | None) -> None:
    """Values exactly, words by their stems, denials and conditions not for statements."""
    assert find_said(claim, ask("x", f"a: {said}").of("assistant")).met is met


@pytest.mark.parametrize(
    ("said", "met"), [("It was moved.", True), ("It wasn't moved.", False), ("Was it moved?", False)]
)
def test_what_must_not_be_stated(ask: Any, said: str, met: bool) -> None:
    """Only a statement states: no denial, no question."""
    assert find_stated("the delivery was moved", ask("x", f"a: {said}").of("assistant")).met is met


@pytest.mark.parametrize(
    ("output", "error"), [({"error": "x"}, True), ({"status": "not found"}, True), ({"status": "ok"}, False)]
)
def test_errors_of_tools(ask: Any, output: Any, error: bool) -> None:
    """An error is one by its key or by its words."""
    assert is_error(ask("x", "u: Hi.", ("t", {}, output)).of("output")[0]) is error
