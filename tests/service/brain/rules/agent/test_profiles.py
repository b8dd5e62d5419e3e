"""Tools are known by their own words."""

from evalkit.service.brain.rules.agent.fields import read_tools
from evalkit.service.brain.rules.agent.profiles import profile, rarity
from evalkit.service.brain.rules.language.words import stem

TOOLS = read_tools(
    [
        {"name": "cancel_booking", "description": "Cancel a booking. Not for refunds."},
        {"name": "getBookingStatus", "description": "Tells how a booking stands."},
        {"name": "request_refill", "description": "Ask for a refill."},
    ]
)


def test_actions_come_from_the_verb_that_matters() -> None:
    """A carrying verb counts less than what it carries; a looking verb is a lookup."""
    cancel, status, refill = (profile(tool) for tool in TOOLS)
    assert cancel.actions["do:cancel"] == 1.0
    assert "do:book" not in cancel.actions
    assert "do:lookup" in status.actions
    assert refill.actions["do:refill"] > refill.actions.get("do:order", 0)


def test_what_a_tool_is_not_for_does_not_count() -> None:
    """Negative sentences are left out."""
    assert stem("refunds") not in profile(TOOLS[0]).stems


def test_shared_words_tell_less() -> None:
    """A word of all tools is worth less than a word of one."""
    rare = rarity([profile(tool) for tool in TOOLS])
    assert rare.stems[stem("booking")] < rare.stems[stem("cancel")]
