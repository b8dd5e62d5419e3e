"""The programs on a page: how each ended, what it changed and answered, escaped and bounded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import factories
import pytest
from coding_tasks import ORACLE, write_task

from evalkit.modes.coding.cases import make_case
from evalkit.modes.coding.layout import CODING_LAYOUT, show_program, show_programs
from evalkit.modes.coding.tasks import read_task
from evalkit.records.case import Case
from evalkit.records.faults import Failure
from evalkit.records.layout import SectionSource
from evalkit.records.record import CaseRecord
from evalkit.reports.page.render import render_section

RIGHT: dict[str, Any] = {
    "zero": {"ok": 0}, "three": {"ok": 6}, "minus": {"ok": -4}, "text": {"ok": "abab"},
    "nothing": {"error": "TypeError", "message": "no"}, "name": {"ok": "double"},
}  # fmt: skip


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return make_case(read_task(write_task(tmp_path)))


def _record(case: Case, answers: dict[str, Any], **fields: Any) -> CaseRecord:
    notes = {
        "observed": {"status": "answered", "reason": "", "patch_level": 2, "answers": answers},
        "shown": {"diff": ORACLE, "build_log": "", "run_log": "<script>alert(1)</script>"},
    }
    return factories.make_record(case, notes=notes, **fields)


def _source(records: list[CaseRecord]) -> SectionSource:
    return SectionSource(records, {}, {}, lambda _path, _most_bytes: None)


def test_a_program_shows_every_call(case: Case) -> None:
    """What was asked, expected and answered, and which of them is wrong."""
    (program,) = show_programs(_source([_record(case, {**RIGHT, "three": {"ok": 7}, "zero": {"oversized": 9}})]))[
        "programs"
    ]  # type: ignore[misc]
    assert (program["status"], program["right"], program["level"]) == ("fail", 4, 2)
    assert program["calls"][1] == {
        "id": "three", "call": "double(3)", "expected": "6", "got": "7", "is_right": False,
    }  # fmt: skip
    assert program["calls"][4]["expected"] == "error TypeError"
    assert program["calls"][4]["got"] == "error TypeError: no"


def test_who_passed_is_counted_by_kind_of_task(case: Case) -> None:
    """What was lost counts nowhere."""
    lost = factories.make_record(case, failure=Failure("sandbox", "box_failed", "no box"), trial=3)
    shown: Any = show_programs(_source([_record(case, RIGHT), _record(case, {}, trial=2), lost]))
    assert [program["status"] for program in shown["programs"]] == ["pass", "fail", "no grade"]
    assert shown["shares"][0] == {"name": "language", "lines": [("python", 1, 2)]}


def test_the_page_escapes_what_programs_say(case: Case) -> None:
    """And shows both sides of the diff."""
    rendered = render_section(CODING_LAYOUT.page_sections[0], _source([_record(case, RIGHT)]))
    assert "&lt;script&gt;alert(1)" in rendered.markup
    assert "<script>" not in rendered.markup
    assert 'class="removed"' in rendered.markup
    assert 'class="added"' in rendered.markup
    assert "1 of 1" in rendered.markup


def test_the_page_of_one_case_shows_its_program_alone(case: Case) -> None:
    """Open, and without the table of all."""
    section = CODING_LAYOUT.case_sections[0]
    assert section.context is show_program
    markup = str(render_section(section, _source([_record(case, RIGHT)])).markup)
    assert "<details" not in markup
    assert "Passed by" not in markup
    assert "What the answer changes" in markup
    assert '<th scope="row">three</th>' in markup


def test_a_dry_run_has_programs_that_were_not_run(case: Case) -> None:
    """Without a verdict."""
    rendered = render_section(CODING_LAYOUT.page_sections[0], _source([factories.make_record(case)]))
    assert "not run" in rendered.markup
    assert "Passed by" not in rendered.markup


def test_the_columns_are_those_that_the_documentation_promises() -> None:
    """Identity first, then how it ended, then where to read on."""
    assert CODING_LAYOUT.columns[:10] == (
        "task_id", "title", "language", "kind", "difficulty", "outcome", "calls_passed", "calls", "patch_level",
        "edit_format",
    )  # fmt: skip
