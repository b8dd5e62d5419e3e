"""Ids that could not name a case's files, or that two rows share, are refused with the row they stand in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.datasets.ids import find_id_problems, find_unsafe_ids
from evalkit.datasets.tables import Table, TableRow
from evalkit.records.case import CASE_ID_PATTERN


def table_of(*ids: str) -> Table:
    return Table(
        Path("t.csv"), ("id",), tuple(TableRow(number, {"id": case_id}) for number, case_id in enumerate(ids, 2))
    )


@pytest.mark.parametrize(
    ("case_id", "words"),
    [
        ("", "is empty"),
        ("a/b", "is not a safe file name"),
        ("..", "is not a safe file name"),
        ("x" * 121, "is not a safe file name"),
        ("call.t2", "ends like the name of a later trial"),
    ],
)
def test_unsafe_ids_are_refused(case_id: str, words: str) -> None:
    """An id becomes the name of files and folders, so it must be able to."""
    (problem,) = find_id_problems(table_of("fine", case_id), "id")
    assert problem.startswith("t.csv: row 3: column 'id': ")
    assert words in problem


def test_twins_are_refused_also_when_only_case_differs() -> None:
    """Some file systems cannot tell `A1` from `a1`."""
    same, alike = find_id_problems(table_of("a1", "b", "a1", "A1"), "id")
    assert same == "t.csv: row 4: column 'id': 'a1' stands in row 2 already; ids are unique"
    assert alike.startswith("t.csv: row 5: column 'id': 'A1' stands in row 2 already as 'a1'")


@given(st.lists(st.from_regex(CASE_ID_PATTERN, fullmatch=True), unique_by=str.casefold))
def test_safe_and_different_ids_pass(ids: list[str]) -> None:
    """Whatever the pattern allows is allowed."""
    assert find_id_problems(table_of(*ids), "id") == []


def test_ids_of_any_mode_are_held_to_the_same() -> None:
    """Wherever a mode has its cases from: one message each, and twins are twins also when case differs."""
    assert find_unsafe_ids(["a", "b-1", "c.x"]) == []
    unsafe, twin = find_unsafe_ids(["a", "../b", "A"])
    assert "'../b'" in unsafe
    assert twin == "'A' stands twice; ids are unique, also when case is ignored"
