"""Candidates are scored by label, unit and shape."""

from datetime import date
from typing import Any

from evalkit.service.brain.rules.agent.candidates import EitherHalf, form_candidates, label_score
from evalkit.service.brain.rules.agent.fields import Field, read_tools
from evalkit.service.brain.rules.language.readings import read_utterance

TODAY = date(2026, 3, 2)


def field(name: str, **schema: Any) -> Field:
    """Return one field."""
    return read_tools([{"name": "t", "parameters": {"properties": {name: schema}}}])[0].fields[0]


def best(one: Field, text: str) -> Any:
    """Return the value of the best candidate."""
    found = form_candidates(one, read_utterance(text, TODAY))
    return max(found, key=lambda candidate: candidate.score).value if found else None


def test_the_label_decides_between_two_ids() -> None:
    """Each id goes to the field it was called by."""
    text = "my card number is 204881930 and the item is 77120"
    assert best(field("card_number"), text) == "204881930"
    assert best(field("item_number"), text) == "77120"


def test_the_unit_decides_between_two_numbers() -> None:
    """Two nights are nights, four people are guests."""
    text = "two nights for four people"
    assert best(field("nights", type="integer"), text) == 2
    assert best(field("number_of_guests", type="integer"), text) == 4


def test_bounds_exclude() -> None:
    """A number outside minimum and maximum is no candidate."""
    assert best(field("quantity", type="integer", maximum=5), "I need 30 of them") is None


def test_dates_of_birth_need_a_year() -> None:
    """A day without a year is nobody's birthday."""
    assert best(field("date_of_birth", format="date"), "on March 8th") is None
    assert best(field("date_of_birth", format="date"), "born March 8th, 1961") == "1961-03-08"


def test_without_today_a_relative_date_has_no_value() -> None:
    """Nobody can say which day tomorrow is, so nothing is filled in."""
    assert form_candidates(field("date"), read_utterance("tomorrow please", None)) == []


def test_label_score_falls_with_distance() -> None:
    """A label right before a value says more."""
    said = read_utterance("order 1 and then also 2", None).said
    one = field("order_id")
    assert label_score(one, said, 1) > label_score(one, said, 5)


def test_an_hour_that_is_in_both_halves_of_the_day() -> None:
    """A time and a moment are either; another time tells which."""
    either = best(field("time"), "on March 5th at quarter past eight")
    assert either == EitherHalf("08:15", "20:15")
    assert either.clock == "8:15"
    assert (either.beside("19:30"), either.beside("09:00"), either.beside(None)) == ("20:15", "08:15", "")
    moment = best(field("when", format="date-time"), "on March 5th at quarter past eight")
    assert moment == EitherHalf("2026-03-05T08:15:00", "2026-03-05T20:15:00")
    assert moment.clock == "8:15"
