"""Words of the session's tools are found by sound in what a recogniser wrote."""

from typing import Any

import pytest

from evalkit.service.brain.rules.agent.fields import read_tools
from evalkit.service.brain.rules.agent.soundalikes import as_meant


def tool(name: str, **properties: Any) -> dict[str, Any]:
    """Return a tool that takes `properties`."""
    return {"name": name, "description": "Serve a customer.", "parameters": {"properties": properties}}


TOOLS = read_tools(
    [
        tool("extend_hire", hire_code={"type": "string"}, days={"type": "integer"}),
        tool("book_visit", service={"enum": ["pest_check", "soil_test", "pruning"]}, receipt_number={"type": "string"}),
    ]
)


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("The higher code is AE7034.", "The hire code is AE7034."),
        ("Please extend higher MT4419.", "Please extend hire MT4419."),
        ("I'd like a pass check, please.", "I'd like a pest check, please."),
        ("Recede number KT8156.", "receipt number KT8156."),
        ("a sole test on Monday", "a soil test on Monday"),
    ],
)
def test_what_sounds_alike_is_meant(heard: str, meant: str) -> None:
    """A word that is pronounced like one of the tools, and a phrase in which a sound or two were lost."""
    assert as_meant(heard, TOOLS) == meant


@pytest.mark.parametrize(
    "heard",
    [
        "I'm bringing it back.",
        "Somebody should check my roses.",
        "My name is Higher.",
        "I need a past due notice.",
        "soil test and pest check",
        "",
    ],
)
def test_all_else_stays_as_it_was_heard(heard: str) -> None:
    """What sounds otherwise, names, words of any talk, and what was said in the tools' own words."""
    assert as_meant(heard, TOOLS) == heard


def test_where_two_are_as_near_neither_was_meant() -> None:
    """The agent asks rather than choosing."""
    tools = read_tools([tool("book", room={"enum": ["east_wing", "yeast_wing"]})])
    assert as_meant("the feast wing", tools) == "the feast wing"


def test_a_word_of_a_description_was_said_as_such() -> None:
    """Who says a word of the tools has not been misheard."""
    higher = {"name": "raise", "description": "Ask for a higher limit.", "parameters": {"properties": {}}}
    assert as_meant("a higher limit", (*TOOLS, *read_tools([higher]))) == "a higher limit"
