"""Grades survive the way to disk and back."""

import json

from hypothesis import given
from hypothesis import strategies as st

from evalkit.records.grade import Grade, grade_from_json, grade_to_json

_GRADES = st.builds(
    Grade, key=st.text(), turn_index=st.none() | st.integers(1, 9), grader_id=st.text(), grader_type=st.text(),
    grader_version=st.text(), grade=st.none() | st.floats(0, 1), rationale=st.text(), record_sha256=st.text(),
    graded_at=st.text(), evidence=st.lists(st.text(), max_size=3).map(tuple),
    judge=st.dictionaries(st.text(), st.none() | st.text() | st.integers(), max_size=3),
    cost_usd=st.dictionaries(st.text(), st.none() | st.floats(0, 9), max_size=2), unanswered=st.booleans(),
    in_force=st.booleans(),
)  # fmt: skip


@given(_GRADES)
def test_a_grade_comes_back_exactly(grade: Grade) -> None:
    """Ungraded stays None, never 0."""
    assert grade_from_json(json.loads(json.dumps(grade_to_json(grade)))) == grade


def test_a_line_of_an_older_version_can_be_read() -> None:
    """Costs beside the judge and whether it counts came later; without them nothing was paid and it does."""
    line = {"key": "a.t2", "turn_index": 3, "grader_id": "polite", "grader_type": "llm_as_judge", "grader_version": "1"}
    grade = grade_from_json({**line, "grade": 1.0, "rationale": "", "record_sha256": "", "graded_at": "", "judge": {}})
    assert (dict(grade.cost_usd), grade.unanswered, grade.in_force) == ({}, False, True)
    assert grade.question == ("a.t2", 3, "polite")
