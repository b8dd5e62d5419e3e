"""What people said, as a labelled set for judges."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from judged_run import CRITERION, POLITE, write_judged_run

from evalkit.errors import ConfigError
from evalkit.lab.people.calibration import NO_JUDGE, SPLIT, read_reviewed_set
from evalkit.lab.people.reviews import Label, Review, add_review
from evalkit.store.run_directory import RunDirectory

PASS, FAIL = Label.PASS, Label.FAIL


def _review(
    run: RunDirectory, key: str, label: Label, by: str, grader: str | None = POLITE, *, blind: bool = False
) -> None:
    sha256 = run.read_finished()[key].sha256
    add_review(run.root, Review(key, label, by, "2026", sha256, grader, 1 if grader else None, blind))


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return write_judged_run(tmp_path / "day" / "a run", {"a": True, "b": False}, verdicts={"a": 1.0, "b": 0.0})


def test_the_label_is_what_most_reviewers_say(run: RunDirectory) -> None:
    """The question is the one that the judge was asked, with its criterion and the call."""
    for by, label in (("ann", FAIL), ("ben", PASS), ("cy", FAIL)):
        _review(run, "a", label, by)
    found = read_reviewed_set([run.root])
    (question,) = found.questions
    assert (question.label, question.topic, question.criterion) == ("fail", POLITE, CRITERION)
    assert question.question_id == "a run: a turn 1 polite"
    assert "Where is order a?" in question.asked.text
    assert (found.runs, found.reviews, len(found.people)) == (1, 3, 3)


def test_what_has_no_label_is_counted(run: RunDirectory) -> None:
    """An even split, a rule, and a case as a whole."""
    _review(run, "b", FAIL, "ann")
    _review(run, "a", FAIL, "ann")
    _review(run, "a", PASS, "ben")
    _review(run, "a", PASS, "ann", "tool_call")
    _review(run, "a", PASS, "ann", None)
    found = read_reviewed_set([run.root])
    assert [question.label for question in found.questions] == ["fail"]
    assert found.left_out == {SPLIT: 1, NO_JUDGE: 2}


def test_runs_are_found_at_any_depth_and_once(run: RunDirectory, tmp_path: Path) -> None:
    """A folder of runs and one of the runs in it."""
    _review(run, "a", PASS, "ann")
    assert len(read_reviewed_set([tmp_path, run.root]).questions) == 1


def test_only_what_was_said_blind(run: RunDirectory) -> None:
    """Where somebody asks for that."""
    _review(run, "a", PASS, "ann")
    _review(run, "b", PASS, "ann", blind=True)
    assert [question.label for question in read_reviewed_set([run.root], only_blind=True).questions] == ["pass"]
    assert len(read_reviewed_set([run.root]).questions) == 2


def test_nothing_to_measure_with_is_a_clear_error(run: RunDirectory, tmp_path: Path) -> None:
    """No folder, no review, no blind one, none of a judge, or a run that cannot be read."""
    with pytest.raises(ConfigError, match="gone is not a folder"):
        read_reviewed_set([tmp_path / "gone"])
    with pytest.raises(ConfigError, match="holds no review; make some on the page of reviews: evalkit lab"):
        read_reviewed_set([tmp_path])
    _review(run, "a", PASS, "ann", "tool_call")
    with pytest.raises(ConfigError, match=re.escape("can be asked of a judge (no judge's question: 1)")):
        read_reviewed_set([tmp_path])
    with pytest.raises(ConfigError, match="none of the 1 reviewed runs has a blind review that counts"):
        read_reviewed_set([tmp_path], only_blind=True)
    run.provenance_path.write_text("{}")
    with pytest.raises(ConfigError, match=r"provenance\.json: has no case_trials"):
        read_reviewed_set([tmp_path])
