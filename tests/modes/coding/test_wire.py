"""Requests are told in the language's own kind of line; answers are taken for what they are, whoever wrote them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.modes.coding.task import Language, TaskCall
from evalkit.modes.coding.wire import LONGEST_ANSWER, read_answer_line, request_line
from evalkit.records.json import canonical

CALL = TaskCall("over-lap", "merge", ([[1, 4]], "ä b", None), {"expect": 1})


def test_a_request_has_the_call_and_nothing_of_the_answer() -> None:
    """The id, which may tell something, and what is expected stay outside."""
    as_json = request_line(Language.PYTHON, CALL)
    assert json.loads(as_json) == {"fn": "merge", "args": [[[1, 4]], "ä b", None]}
    assert as_json.isascii()
    assert request_line(Language.RUST, CALL) == b"call smerge a3 a1 a2 i1 i4 s%C3%A4%20b n"


@pytest.mark.parametrize(
    ("language", "line", "expected"),
    [
        (Language.PYTHON, b'{"ok": [1, null]}', {"ok": [1, None]}),
        (Language.GO, b'{"error": "ValueError", "message": "no"}', {"error": "ValueError", "message": "no"}),
        (Language.JAVASCRIPT, b'{"ok": 1e999}', {"ok": {"$float": "inf"}}),
        (Language.JAVASCRIPT, b'{"ok": ["\\ud800x"]}', {"ok": ["\ufffdx"]}),
        (Language.RUST, b"ok a1 i1", {"ok": [1]}),
        (Language.CPP, b"error sOverflow stoo%20big", {"error": "Overflow", "message": "too big"}),
    ],
)
def test_answers_are_read(language: Language, line: bytes, expected: object) -> None:
    """In both kinds of line, with what no file could hold replaced."""
    answer = read_answer_line(language, line)
    assert answer == expected
    canonical(answer)


@pytest.mark.parametrize(
    ("language", "line"),
    [
        (Language.PYTHON, b""),
        (Language.PYTHON, b"1"),
        (Language.PYTHON, b"{}"),
        (Language.PYTHON, b'{"ok": NaN}'),
        (Language.PYTHON, b'{"ok": 1, "expect": 1}'),
        (Language.PYTHON, b'{"ok": "caf\xe9"}'),
        (Language.PYTHON, b'{"ok": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
        (Language.PYTHON, b'{"ok": ' + b"[" * 150 + b"]" * 150 + b"}"),
        (Language.PYTHON, b'{"ok": ' + b"9" * 5000 + b"}"),
        (Language.RUST, b"ok"),
        (Language.RUST, b"ok i1 i2"),
        (Language.RUST, b"pass"),
        (Language.RUST, b"error sKind"),
    ],
)
def test_what_is_no_answer_is_a_value_error(language: Language, line: bytes) -> None:
    """Whatever a program writes, it is one exception that ends in one status."""
    with pytest.raises(ValueError):  # noqa: PT011 - the message is shown, and differs
        read_answer_line(language, line)


def test_of_an_answer_without_end_only_the_length_is_kept() -> None:
    """A record does not grow with what a program writes."""
    line = json.dumps({"ok": "x" * LONGEST_ANSWER}).encode()
    assert read_answer_line(Language.PYTHON, line) == {"oversized": len(line)}


@given(st.binary(max_size=200), st.sampled_from(list(Language)))
def test_any_bytes_are_an_answer_or_a_value_error(line: bytes, language: Language) -> None:
    """No line of a program ends the run, and whatever is taken can be stored."""
    try:
        answer = read_answer_line(language, line)
    except ValueError:
        return
    canonical(answer)


def test_long_messages_are_cut() -> None:
    """A message is for a person."""
    answer = read_answer_line(Language.PYTHON, json.dumps({"error": "E" * 999, "message": "m" * 999}).encode())
    assert (len(str(answer["error"])), len(str(answer["message"]))) == (400, 400)
