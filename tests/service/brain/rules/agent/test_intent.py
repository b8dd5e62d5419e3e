"""The tool that an utterance asks for scores best."""

import pytest

from evalkit.service.brain.rules.agent.fields import read_tools
from evalkit.service.brain.rules.agent.intent import score_tools
from evalkit.service.brain.rules.language.readings import read_utterance

ID = {"ticket_id": {"type": "string", "pattern": r"^\d{6}$"}}
DATED = {**ID, "new_date": {"type": "string", "format": "date"}}
TICKET = {"properties": ID, "required": list(ID)}
NEW_DATE = {"properties": DATED, "required": list(DATED)}
TOOLS = read_tools(
    [
        {"name": "show_ticket", "description": "Show a ticket.", "parameters": TICKET},
        {"name": "drop_ticket", "description": "Cancel a ticket.", "parameters": TICKET},
        {"name": "shift_ticket", "description": "Move a ticket to another day.", "parameters": NEW_DATE},
    ]
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("What's on ticket 204118?", "show_ticket"),
        ("Please call off ticket 204118", "drop_ticket"),
        ("Can I use ticket 204118 on March 5th 2027 instead?", "shift_ticket"),
        ("I don't want to cancel ticket 204118, just reschedule it", "shift_ticket"),
        ("I was going to cancel it, but no, please just show me ticket 204118", "show_ticket"),
    ],
)
def test_near_tools(text: str, name: str) -> None:
    """Verbs, synonyms, values and negations decide between tools about one thing."""
    assert score_tools(TOOLS, read_utterance(text, None))[0].tool.name == name


def test_order_of_ties_is_the_sessions() -> None:
    """Nothing said, nothing preferred."""
    assert [one.tool.name for one in score_tools(TOOLS, read_utterance("hm", None))] == [tool.name for tool in TOOLS]
