"""Pairs by content: the same question in two runs, and why the others are no pair."""

from __future__ import annotations

from typing import Any

import pytest
from layouts import layout_of

from evalkit.metrics.paired import Pair
from evalkit.records.case import Case
from evalkit.reports.pairs import Side, Unpaired, pair_runs


@pytest.fixture
def side(config: Any) -> Any:
    """Build one of two runs."""

    def make(records: Any, grades: Any = (), mode: str = "crawl") -> Side:
        return Side("nightly", "runs/a", layout_of(mode), config, {}, len(records), records, grades)

    return make


def test_settings_do_not_count_and_content_does(make_record: Any, both_grades: Any, side: Any) -> None:
    """Another model or another path is the same question; another text is not."""
    moved = Case(
        "same", "crawl", {"user_text": "as written", "audio_path": "elsewhere.wav"}, make_record().case.expected_calls
    )
    changed = Case("other", "crawl", {"user_text": "written anew"}, ())
    first = side([make_record("same"), make_record("other")], both_grades("same", 1, 1))
    second = side(
        [make_record(case=moved, settings={"assistant": {"model": "model-b"}}), make_record(case=changed)],
        both_grades("same", 1, 0),
    )
    found = pair_runs(first, second)
    assert found.keys == ("same",)
    assert found.unpaired == (Unpaired("other", "the case asks something else in B"),)
    assert found.pairs("grade") == {"same": Pair("same", 1, 0)}
    assert found.pairs("tool_call_correctness") == {"same": Pair("same", 1, 1)}


def test_why_there_is_no_pair(make_record: Any, lost: Any, side: Any) -> None:
    """Missing on either side, or lost on either side, with the fault."""
    first = side([make_record("a"), make_record("b", 2), lost])
    second = side([make_record("a"), make_record("c"), make_record("case-lost")])
    assert pair_runs(first, second).unpaired == (
        Unpaired("b.t2", "missing in B"),
        Unpaired("case-lost", "not scored in A (fault infrastructure)"),
        Unpaired("c", "missing in A"),
    )
    assert pair_runs(side([lost]), side([lost])).unpaired[0].reason == (
        "not scored in A (fault infrastructure) and B (fault infrastructure)"
    )


def test_trials_are_paired_by_number(make_record: Any, side: Any) -> None:
    """Three trials against two: the third has nobody to be compared with."""
    first, second = (
        side([make_record("a", trial) for trial in (1, 2, 3)]),
        side([make_record("a", 2), make_record("a", 1)]),
    )
    found = pair_runs(first, second)
    assert found.keys == ("a", "a.t2")
    assert found.case_ids == {"a": "a", "a.t2": "a"}
    assert found.unpaired == (Unpaired("a.t3", "missing in B"),)


def test_calls_are_compared_as_a_whole(
    make_record: Any, make_turn: Any, make_grade: Any, config: Any, side: Any
) -> None:
    """Two calls need not have the same number of turns; graders of turns and of the call are both there."""
    short, long = make_record("sim", turns=(make_turn(1),)), make_record("sim", turns=(make_turn(1), make_turn(2)))
    first = side([short], [make_grade("sim", "brief", 1, 1), make_grade("sim", "kind", 1, None)], mode="run")
    second = side(
        [long],
        [make_grade("sim", "brief", 1, 1), make_grade("sim", "brief", 0, 2), make_grade("sim", "kind", 0, None)],
        mode="run",
    )
    found = pair_runs(first, second)
    assert found.pairs("brief_grade") == {"sim": Pair("sim", 1, 0.5)}
    assert found.pairs("kind_grade") == {"sim": Pair("sim", 1, 0)}


def test_only_metrics_of_both_runs(make_record: Any, make_grade: Any, side: Any) -> None:
    """A grader that one of the runs had not got compares nothing."""
    first, second = side([make_record("a")], [make_grade("a", "polite", 1)]), side([make_record("a")])
    assert "polite_grade" not in pair_runs(first, second).metrics
