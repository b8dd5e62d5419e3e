"""Arguments are read from an utterance by the schema alone."""

from datetime import date
from typing import Any

import pytest

from evalkit.service.brain.rules.agent.candidates import EitherHalf
from evalkit.service.brain.rules.agent.fields import read_tools
from evalkit.service.brain.rules.agent.slots import fill
from evalkit.service.brain.rules.language.readings import read_utterance

TODAY = date(2026, 3, 2)
TEXT, COUNT, FLAG = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
DAY = {"type": "string", "format": "date"}


def filled(text: str, properties: dict[str, Any], name: str = "do_it", asked: str = "") -> dict[str, Any]:
    """Return what `text` holds for a tool that requires all `properties`."""
    spec = {"name": name, "parameters": {"properties": properties, "required": list(properties)}}
    return dict(fill(read_tools([spec])[0], read_utterance(text, TODAY), asked).values)


def test_prepositions_tell_two_places_apart() -> None:
    """From and to decide, whichever comes first."""
    cities = {"origin": {"type": "string"}, "destination": {"type": "string"}}
    assert filled("a flight to Lisbon from Chicago", cities) == {"origin": "Chicago", "destination": "Lisbon"}


def test_two_dates_are_put_in_order() -> None:
    """Check-in comes before check-out."""
    stay = {"checkIn": DAY, "checkOut": DAY}
    assert filled("from March 10th to March 14th", stay) == {"checkIn": "2026-03-10", "checkOut": "2026-03-14"}


def test_two_choices_of_one_kind_take_their_own_words() -> None:
    """One stretch of speech fills one field."""
    account = {"enum": ["checking", "savings"]}
    values = filled("move it from savings to checking", {"from_account": account, "to_account": account})
    assert values == {"from_account": "savings", "to_account": "checking"}


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("Order 31845. Sorry, no, I meant 31854.", {"order_id": {"pattern": r"^\d{5}$"}}, "31854"),
        ("on Monday, no, make it Thursday", {"date": DAY}, "2026-03-05"),
        ("not Tuesday, Monday", {"date": DAY}, "2026-03-09"),
        ("300 dollars. Sorry, make that 400.", {"amount": {"type": "number"}}, 400),
    ],
)
def test_the_last_version_counts(text: str, schema: dict[str, Any], value: Any) -> None:
    """A correction replaces what was said before."""
    assert list(filled(text, schema).values()) == [value]


@pytest.mark.parametrize(
    ("text", "properties", "expected"),
    [
        ("for two nights and four people", {"nights": COUNT, "guests": COUNT}, {"nights": 2, "guests": 4}),
        ("my name is Laura Bennett", {"guest_name": TEXT}, {"guest_name": "Laura Bennett"}),
        ("it's for Sandra Price", {"customer_name": TEXT}, {"customer_name": "Sandra Price"}),
        ("because it arrived too late", {"reason": TEXT}, {"reason": "it arrived too late"}),
        ("do you have the green desk lamp", {"product": TEXT}, {"product": "green desk lamp"}),
        ("a book called The Silent Garden", {"title": TEXT}, {"title": "The Silent Garden"}),
        ("pizza, cola and cake", {"dishes": {"type": "array", "items": TEXT}}, {"dishes": ["pizza", "cola", "cake"]}),
        ("on March 5th at 3 pm", {"when": {**TEXT, "format": "date-time"}}, {"when": "2026-03-05T15:00:00"}),
        ("my 2023 Ford", {"year": COUNT}, {"year": 2023}),
    ],
)  # fmt: skip
def test_kinds_of_values(text: str, properties: dict[str, Any], expected: dict[str, Any]) -> None:
    """Counts, names, reasons, things, lists and moments are read."""
    assert filled(text, properties) == expected


def test_an_answer_to_a_question_may_be_bare() -> None:
    """What was asked for needs no cue."""
    assert filled("It's oak veneer, please.", {"material": {"type": "string"}}, asked="material") == {
        "material": "oak veneer"
    }
    assert filled("yes please", {"insured": {"type": "boolean"}}, asked="insured") == {"insured": True}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes, no problem.", {"insured": True}),
        ("That's right.", {"insured": True}),
        ("Not right now, please.", {"insured": False}),
        ("Please don't.", {"insured": False}),
        ("No, that's right, I have one already.", {"insured": False}),
        ("Okay, no.", {"insured": False}),
        ("I'd rather not, please.", {"insured": False}),
        ("I'm not sure.", {}),
        ("Maybe, I don't know.", {}),
        ("I don't mind.", {}),
        ("What does it cost?", {}),
    ],
)
def test_yes_and_no(text: str, expected: dict[str, bool]) -> None:
    """A no is a no, however politely; who does not decide is asked again."""
    assert filled(text, {"insured": {"type": "boolean"}}, asked="insured") == expected


def test_a_time_of_either_half_of_the_day_is_no_value() -> None:
    """It is kept as what it may be."""
    tool = read_tools([{"name": "book", "parameters": {"properties": {"time": {}, "date": DAY}}}])[0]
    filling = fill(tool, read_utterance("tomorrow at quarter past eight", TODAY))
    assert filling.values == {"date": "2026-03-03"}
    assert filling.unclear == {"time": EitherHalf("08:15", "20:15")}
    assert filling.said == {"date", "time"}


@pytest.mark.parametrize(
    ("text", "is_heard", "asked", "value"),
    [
        ("receipt NR2290", True, "", "NR2290"),
        ("receipt NR220", True, "", None),
        ("receipt NR220", True, "receipt_number", "NR220"),
        ("receipt NR220", False, "", "NR220"),
        ("receipt 48213", True, "", "48213"),
    ],
)
def test_an_id_that_is_nearly_like_the_example(text: str, is_heard: bool, asked: str, value: str | None) -> None:
    """It was likely misheard, so it is asked for; said again, or typed, it is as it is."""
    schema = {"receipt_number": {"description": "Number on the receipt, e.g. NR4821"}}
    tool = read_tools([{"name": "give_back", "parameters": {"properties": schema, "required": list(schema)}}])[0]
    values = fill(tool, read_utterance(text, TODAY, is_heard=is_heard), asked).values
    assert values.get("receipt_number") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("the barrier at the Harbor garage is broken", "Harbor"),
        ("the barrier at Opera Garage is broken", "Opera Garage"),
    ],
)
def test_a_name_does_not_repeat_what_its_field_is_called(text: str, value: str) -> None:
    """The common noun is dropped; in capitals it belongs to the name."""
    assert filled(text, {"garage": {"type": "string", "description": "Name of the garage."}}) == {"garage": value}
