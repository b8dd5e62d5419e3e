"""One case-trial is read alone, and is the same as in the reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from stored_run import SAMPLE, StoredRun

from evalkit.errors import DataError
from evalkit.lab.web.finished_case import FinishedCase, read_case
from evalkit.runs.stored_run import open_run


def _read(root: Path, key: str) -> FinishedCase | None:
    return read_case(open_run(root, "a test"), key)


@pytest.mark.parametrize(
    ("key", "ending"),
    [
        ("good", "passed"),
        ("bad", "not passed"),
        ("lost", "lost: infrastructure"),
        ("silent", "fault: assistant"),
        ("ungraded", "undecided"),
    ],
)
def test_it_ends_as_in_the_reports(tmp_path: Path, key: str, ending: str) -> None:
    """Whatever became of it."""
    StoredRun(tmp_path).write()
    case = _read(tmp_path, key)
    assert case is not None
    assert case.ending == ending
    assert case.record.key == key
    assert {grade.key for grade in case.grades} <= {key}
    assert case.section_source.records == [case.record]


def test_what_has_not_ended_is_not_there(tmp_path: Path) -> None:
    """A planned case-trial has no record yet."""
    StoredRun(tmp_path, ended=False).write()
    assert _read(tmp_path, "not-yet") is None


@pytest.mark.parametrize("content", [b"", b"{}"])
def test_a_record_that_was_changed_is_not_shown_as_if_it_counted(tmp_path: Path, content: bytes) -> None:
    """Nor one that is gone."""
    run = StoredRun(tmp_path).write()
    run.record_path("good").write_bytes(content)
    with pytest.raises(DataError, match=r"records/good\.json is"):
        _read(tmp_path, "good")
    assert _read(tmp_path, "bad") is not None


def test_grades_of_a_record_that_was_replaced_do_not_count(tmp_path: Path) -> None:
    """They were given to another answer."""
    run = StoredRun(tmp_path, cases=SAMPLE[:1]).write()
    lines = [json.loads(line) for line in run.grades_path.read_text(encoding="utf-8").splitlines()]
    old = [{**line, "record_sha256": "another", "grade": 0.0} for line in lines]
    run.grades_path.write_text("".join(f"{json.dumps(line)}\n" for line in [*lines, *old]), encoding="utf-8")
    case = _read(tmp_path, "good")
    assert case is not None
    assert [grade.grade for grade in case.grades] == [1.0, 1.0]
