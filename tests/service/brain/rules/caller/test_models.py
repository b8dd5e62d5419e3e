"""The callers by name, and reached as the run harness reaches them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evalkit.service.brain.rules.agent.models import MODELS
from evalkit.service.brain.rules.caller.models import CALLERS

PERSONA = """# Facts
Order number: 48213
# Goal
- Cancel the order.
# Rules
- When your goal is settled, say END_CALL and nothing else.
"""


def test_callers_have_names_of_their_own() -> None:
    """One right caller, five defects, and no name that an agent has."""
    assert set(CALLERS) == {
        "local-caller",
        *(f"local-caller-{defect}" for defect in ("swaps-roles", "silent", "leaks", "invents", "repeats")),
    }
    assert not CALLERS.keys() & MODELS.keys()


def _ask(new_bench: Callable[..., Any], *said: tuple[str, str]) -> Any:
    """Ask for one turn outside the session's conversation, instructions and past in the response itself."""
    kinds = {"assistant": "output_text", "user": "input_text"}
    past = [{"type": "message", "role": role, "content": [{"type": kinds[role], "text": text}]} for role, text in said]
    bench = new_bench(reply=CALLERS["local-caller"])
    response = {"conversation": "none", "instructions": PERSONA, "input": past, "tool_choice": "none"}
    return bench.send("response.create", response={**response, "output_modalities": ["audio"]})


def test_a_turn_is_made_from_what_one_response_is_given(new_bench: Callable[..., Any]) -> None:
    """Persona and past come with ``response.create``; words and sound come back, the conversation stays empty."""
    sent = _ask(new_bench, ("assistant", "I'd like to cancel an order."), ("user", "What is the order number?"))
    assert sent.only("response.output_audio_transcript.done")["transcript"] == "The order number is 48213."
    assert sent.of("response.output_audio.delta")
    assert not sent.of("conversation.item.added")
    assert sent.only("response.done")["response"]["status"] == "completed"


def test_the_end_of_a_call_makes_no_sound(new_bench: Callable[..., Any]) -> None:
    """``END_CALL`` is a transcript and nothing to play."""
    sent = _ask(new_bench, ("assistant", "Cancel order 48213."), ("user", "Your order has been cancelled."))
    assert sent.only("response.output_audio_transcript.done")["transcript"] == "END_CALL"
    assert not sent.of("response.output_audio.delta")
    assert sent.only("response.done")["response"]["status"] == "completed"
