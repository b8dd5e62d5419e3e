"""Grades of a run that is still graded."""

from __future__ import annotations

from pathlib import Path

from factories import make_grade

from evalkit.lab.live.stored_grades import StoredGrades
from evalkit.store.run_directory import RunDirectory


def test_grades_are_found_as_they_come(tmp_path: Path) -> None:
    """By case-trial, oldest first; half a line waits for its other half."""
    run = RunDirectory(tmp_path)
    grades = StoredGrades(run.grades_path)
    grades.read_on()
    assert grades.of("a") == []
    first = [make_grade("a", "g", 0.0), make_grade("b", "g", 1.0)]
    run.append_grades(first)
    grades.read_on()
    again = make_grade("a", "g", 1.0)
    run.append_grades([again])
    whole = run.grades_path.read_bytes()
    run.grades_path.write_bytes(whole[:-5])
    grades.read_on()
    assert grades.of("a") == first[:1]
    run.grades_path.write_bytes(whole)
    grades.read_on()
    assert grades.of("a") == [first[0], again]
    assert grades.of("b") == first[1:]


def test_judges_cost(tmp_path: Path) -> None:
    """As far as prices are known; all that was ever asked was paid for."""
    run = RunDirectory(tmp_path)
    grades = StoredGrades(run.grades_path)
    run.append_grades([make_grade("a", "polite", 1, judge={"cost_usd": 0.25}) for _ in range(2)])
    grades.read_on()
    assert (grades.cost_usd, grades.cost_is_whole) == (0.5, True)
    run.append_grades([make_grade("a", "heard", 1, cost_usd={"speech": None})])
    grades.read_on()
    assert (grades.cost_usd, grades.cost_is_whole) == (0.5, False)


def test_a_replaced_file_is_read_anew_and_broken_lines_are_passed_over(tmp_path: Path) -> None:
    """Somebody copied an older one back, or a disk failed."""
    run = RunDirectory(tmp_path)
    grades = StoredGrades(run.grades_path)
    run.append_grades([make_grade("a", "g", 1.0), make_grade("a", "h", 1.0)])
    grades.read_on()
    run.grades_path.write_bytes(b'{"half"\n[]\n7\n{"key":1}\n')
    run.append_grades([make_grade("b", "g", 1.0)])
    grades.read_on()
    assert (grades.of("a"), len(grades.of("b"))) == ([], 1)
