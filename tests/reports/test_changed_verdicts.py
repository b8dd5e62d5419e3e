"""What grading again changed, and what it could not."""

from __future__ import annotations

from typing import Any

from evalkit.reports.changed_verdicts import VerdictChange, diff_lines, diff_to_json, diff_verdicts


def test_changed_new_and_unanswered(make_grade: Any) -> None:
    """Each question by its newest earlier verdict in force; the same verdict is no change."""
    before = [make_grade("a", "polite", 0), make_grade("a", "polite", 1), make_grade("b", "polite", 1, None)]
    before += [make_grade("c", "polite", 1), make_grade("c", "polite", None, in_force=False, unanswered=True)]
    after = [
        make_grade("a", "polite", 0),
        make_grade("b", "polite", 1, None),
        make_grade("b", "brief", 1),
        make_grade("c", "polite", None, in_force=False, unanswered=True, rationale="not graded: nobody there"),
    ]
    diff = diff_verdicts(before, after)
    assert diff.changed == (VerdictChange("a", 1, "polite", 1, 0, "because 0"),)
    assert (diff.asked, diff.added, len(diff.unanswered), diff.kinds) == (4, 1, 1, {"1 to 0": 1})
    assert diff_lines(diff) == [
        "4 verdicts, 1 changed, 1 new, 1 unanswered",
        "  1 from 1 to 0",
        "a turn 1 polite: 1 to 0: because 0",
        "c turn 1 polite: unanswered, the earlier verdict counts on: not graded: nobody there",
    ]
    found = diff_to_json(diff)
    assert found["changed"][0]["grader_id"] == "polite"
    assert found["unanswered"][0]["reason"] == "not graded: nobody there"


def test_a_judge_that_cannot_tell_has_answered(make_grade: Any) -> None:
    """From a verdict to none is a change like any other, when somebody said so."""
    diff = diff_verdicts([make_grade("a", "polite", 1)], [make_grade("a", "polite", None)])
    assert diff.kinds == {"1 to none": 1}
    assert diff.unanswered == ()


def test_long_lists_and_long_words_are_cut_and_say_so(make_grade: Any) -> None:
    """Fifty changes are shown, a rationale in one line."""
    before = [make_grade(f"c{index}", "polite", 1) for index in range(60)]
    after = [make_grade(f"c{index}", "polite", 0, rationale="word\n" * 100) for index in range(60)]
    lines = diff_lines(diff_verdicts(before, after))
    assert len(lines) == 2 + 50 + 1
    assert lines[-1] == "and 10 more"
    assert max(len(line) for line in lines) < 200
    assert lines[2].endswith("…")
