"""Persons, places, things and texts are told apart by cues."""

from typing import Any

import pytest

from evalkit.service.brain.rules.agent.fields import Field, read_tools
from evalkit.service.brain.rules.agent.naming import listed, name_candidates, whole_answer
from evalkit.service.brain.rules.language.readings import read_utterance
from evalkit.service.brain.rules.language.words import read_words


def field(name: str, **schema: Any) -> Field:
    """Return one required field."""
    spec = {"name": "t", "parameters": {"properties": {name: {"type": "string", **schema}}, "required": [name]}}
    return read_tools([spec])[0].fields[0]


def best(one: Field, text: str) -> Any:
    """Return the value of the best candidate."""
    found = name_candidates(one, read_utterance(text, None), frozenset())
    return max(found, key=lambda candidate: candidate.score).value if found else None


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("customer_name", "My name is Maria Lopez and I live in Berlin", "Maria Lopez"),
        ("doctor", "I'd like to see Dr. Stone, my name is Maria Lopez", "Dr Stone"),
        ("author", "Winter Birds by Helen Marsh", "Helen Marsh"),
        ("owner_name", "His name is Biscuit and I'm Karen Doyle", "Karen Doyle"),
        ("destination", "a ticket to Lisbon please", "Lisbon"),
        ("destination", "i want to go to portland", "portland"),
        ("medication_name", "how much is ibuprofen", "ibuprofen"),
    ],
)
def test_cues(name: str, text: str, value: str) -> None:
    """Introductions, titles, prepositions and grammar tell who and what is meant."""
    assert best(field(name), text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The name is Corren White, that's K A R E N.", "Karen White"),
        ("for Corren White, K-A-R-E-N, please", "Karen White"),
        ("It's Corren Wide. K-A-R-E-N, W-H-I-T-E.", "Karen White"),
        ("A-N-N-A, F-I-S-H-E-R", "Anna Fisher"),
        ("The name is spelled A, N, N, A.", "Anna"),
        ("My name is Karen White and the code is B X T.", "Karen White"),
        ("The code is B X T R.", None),
    ],
)
def test_spelled_names(text: str, value: str | None) -> None:
    """Letters say what a name is that sounded like another; those of a code are no name."""
    assert best(field("customer_name"), text) == value


def test_lists_hold_what_is_coordinated() -> None:
    """And, with and commas join the members of a list."""
    one = field("items", type="array", items={"type": "string"})
    found = listed(one, read_utterance("can I get a club sandwich and a coke", None), frozenset())
    assert [candidate.value for candidate in found] == ["club sandwich", "coke"]


def test_answers_lose_their_lead_in() -> None:
    """Politeness around an answer is no part of it."""
    assert whole_answer(read_words("It's the blue one, please.")) == "blue one"
