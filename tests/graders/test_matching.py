"""Arguments of tool calls, compared by rules that are data."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.graders.matching import match_arguments
from evalkit.records.match_rules import MATCH_RULES

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


def matches(expected: Any, found: Any, rule: str | None = None) -> bool:
    return match_arguments({"x": expected}, {"x": found}, {"x": rule} if rule else {}).matched


@given(value=VALUES, rule=st.sampled_from([None, *MATCH_RULES]))
def test_every_value_matches_itself_under_every_rule(value: Any, rule: str | None) -> None:
    """No rule ever rejects the expected value itself."""
    assert matches(value, value, rule)


@given(expected=st.dictionaries(st.text(), VALUES, max_size=4), more=st.dictionaries(st.text(), VALUES, max_size=3))
def test_further_arguments_never_hurt(expected: dict[str, Any], more: dict[str, Any]) -> None:
    """Expected arguments are a subset: what else was given does not count."""
    assert match_arguments(expected, {**more, **expected}, {}).matched


@given(expected=st.dictionaries(st.text(), VALUES, min_size=1, max_size=4))
def test_a_missing_argument_always_fails(expected: dict[str, Any]) -> None:
    """Leaving out any one expected argument is a mismatch that names it."""
    missing = next(iter(expected))
    result = match_arguments(expected, {key: value for key, value in expected.items() if key != missing}, {})
    assert not result.matched
    assert any("not given" in reason for reason in result.reasons)


@given(digits=st.text(string.digits, min_size=1, max_size=9), zeros=st.integers(1, 3))
def test_leading_zeros_of_an_id_matter(digits: str, zeros: int) -> None:
    """An id with more or fewer leading zeros is another id."""
    assert not matches("0" * zeros + digits, digits, "id")


@given(body=st.text(string.ascii_letters + string.digits, min_size=1, max_size=10), data=st.data())
def test_spaces_dashes_case_and_hash_of_an_id_do_not_matter(body: str, data: st.DataObject) -> None:
    """However an id is grouped, it stays the same id."""
    fill = data.draw(
        st.lists(st.sampled_from(["", " ", "-", "\u2013", "\u00a0", "#"]), min_size=len(body), max_size=len(body))
    )
    spelled = "".join(f"{gap}{char}" for gap, char in zip(fill, body, strict=True))
    assert matches(body, spelled.swapcase(), "id")


@given(number=st.integers(-(10**9), 10**9))
def test_numbers_match_by_value_however_they_are_written(number: int) -> None:
    """3, "3", 3.0 and "3.0" are one number, and no other is."""
    for spelled in (str(number), float(number), f"{number}.0", f"{number:,}"):
        assert matches(number, spelled)
    assert not matches(number, number + 1)
    assert not matches(number, str(number - 1))


@given(text=st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1))
def test_text_ignores_case_and_surrounding_space(text: str) -> None:
    """Text in capitals and with space around it is the same text."""
    assert matches(text, f"  {text.upper()}\n", "text")


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("white dinner plates", "White dinner-plates!"),
        ("check-up", "checkup"),
        ("café", "cafe\u0301"),
        ("10 a.m.", "10am"),
        ("3", 3),
        ("Straße", "STRASSE"),
        ("March 14", "March 14th"),
        ("March 14th, 2026", "march 14 2026"),
        ("the 21st of May", "the 21 of May"),
    ],
)
def test_text_that_is_the_same(expected: str, found: Any) -> None:
    """Case, punctuation, white space, Unicode spelling and the ending of an ordinal number are ignored."""
    assert matches(expected, found)


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("lamp", "lamps"),
        ("1, 2", "12"),
        ("007", 7),
        ("", "x"),
        ("...", "!!!"),
        ("x", None),
        ("true", True),
        ("March 14", "March 15th"),
        ("B4TH", "B4"),
    ],
)
def test_text_that_is_not_the_same(expected: str, found: Any) -> None:
    """Other letters, other digits and other types are other texts."""
    assert not matches(expected, found)


@pytest.mark.parametrize(
    ("expected", "found"),
    [(True, 1), (False, 0), (True, "true"), (None, "null"), (None, False), (1, True), (0, None), ([], {}), ({}, [])],
)
def test_booleans_nulls_and_containers_match_exactly(expected: Any, found: Any) -> None:
    """JSON types are not mixed up, as Python would."""
    assert not matches(expected, found)


def test_lists_match_element_by_element_and_objects_as_subsets() -> None:
    """Each element by its own type, same length; inside an object further keys may stand."""
    assert matches([1, "Two", {"a": True}], ["1", "two", {"a": True, "b": 0}])
    assert not matches([1, 2], [1, 2, 3])
    assert not matches([1, 2], [2, 1])
    assert matches({}, {"anything": 1})


def test_a_rule_reaches_into_containers_and_a_dotted_name_overrides_it() -> None:
    """A rule for a list or object holds inside; ``outer.inner`` says otherwise for one key."""
    expected = {"order": {"ids": ["A-1", "A-2"], "note": "as is"}}
    found = {"order": {"ids": ["a1", "a2"], "note": "AS IS"}}
    assert not match_arguments(expected, found, {"order": "exact"}).matched
    assert not match_arguments(expected, found, {"order": "id", "order.note": "exact"}).matched
    assert match_arguments(expected, found, {"order": "id", "order.note": "text"}).matched


def test_exact_is_letter_by_letter() -> None:
    """Under `exact` nothing is forgiven, but 1 and 1.0 are the same JSON number."""
    assert not matches("Damaged", "damaged", "exact")
    assert not matches("3", 3, "exact")
    assert not matches({"a": 1}, {"a": 1, "b": 2}, "exact")
    assert matches(1, 1.0, "exact")


@pytest.mark.parametrize("found", ["$1,250.00", "1250", 1250.0, "1,250"])
def test_money_is_a_number(found: Any) -> None:
    """The rule `number` reads currency signs and thousands' commas."""
    assert matches("1250", found, "number")


def test_a_verdict_says_what_was_expected_and_what_was_found() -> None:
    """Each mismatch names argument, rule, expected and found value."""
    result = match_arguments(
        {"order_id": "007", "reason": "late"}, {"order_id": "7", "reason": "Late"}, {"order_id": "id"}
    )
    assert [verdict.matched for verdict in result.verdicts] == [False, True]
    assert result.reasons == ('order_id: expected "007", found "7" (by id)',)


def test_an_unknown_rule_is_refused() -> None:
    """A rule that does not exist is an error, never a silent default."""
    with pytest.raises(ValueError, match="fuzzy"):
        match_arguments({"x": 1}, {"x": 1}, {"x": "fuzzy"})
