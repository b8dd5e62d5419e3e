"""Ids of cases: safe as file names, unique also when case is ignored, never mistaken for a later trial's."""

from __future__ import annotations

import re
from collections.abc import Iterable

from evalkit.datasets.files import clip
from evalkit.datasets.tables import Table, TableRow
from evalkit.records.case import CASE_ID_PATTERN

_LOOKS_LIKE_A_TRIAL = re.compile(r"\.t\d+$")


def find_id_problems(table: Table, column: str) -> list[str]:
    """Return one message for each row of `table` whose id in `column` cannot be one."""
    problems = []
    first: dict[str, TableRow] = {}
    for row in table.rows:
        case_id = row.cells[column]
        problem = _find_problem(case_id)
        earlier = first.setdefault(case_id.casefold(), row)
        if problem is None and earlier is not row:
            other = earlier.cells[column]
            alike = "" if other == case_id else f" as {other!r}, and upper and lower case do not tell files apart"
            problem = f"{case_id!r} stands in row {earlier.number} already{alike}; ids are unique"
        if problem is not None:
            problems.append(f"{table.where(row, column)}: {problem}")
    return problems


def find_unsafe_ids(case_ids: Iterable[str]) -> list[str]:
    """Return a message for every id that cannot be one, or that stands twice: whatever mode read them."""
    problems = []
    seen: set[str] = set()
    for case_id in case_ids:
        problem = _find_problem(case_id)
        if problem is None and case_id.casefold() in seen:
            problem = f"{clip(case_id)} stands twice; ids are unique, also when case is ignored"
        seen.add(case_id.casefold())
        problems += [problem] if problem else []
    return problems


def _find_problem(case_id: str) -> str | None:
    if CASE_ID_PATTERN.fullmatch(case_id):
        return None
    if not case_id:
        return "is empty; every row needs an id"
    if _LOOKS_LIKE_A_TRIAL.search(case_id):
        return f"{clip(case_id)} ends like the name of a later trial (.t and a number); choose another id"
    return (
        f"{clip(case_id)} is not a safe file name; an id has up to 120 letters a-z, digits, '.', '_' and '-', "
        f"begins with a letter or digit and does not end in '.'"
    )
