"""Runs whose questions a judge was asked: for tests of leaderboards, comparisons and reviews."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stored_run import StoredCase, StoredRun

from evalkit.records.grade import Grade
from evalkit.store.run_directory import RunDirectory

POLITE = "polite"
CRITERION = "The assistant stays polite."


def write_judged_run(
    root: Path,
    passed: Mapping[str, bool],
    *,
    model: str = "model-a",
    verdicts: Mapping[str, float | None] | None = None,
    trials: int = 1,
    **changes: Any,
) -> RunDirectory:
    """Write a run of `model` in which each case passed or not, `trials` times alike, and return its directory.

    `verdicts`: case -> what a judge said to `CRITERION` about its first turn; cases that are not in it were not asked.
    """
    options = {"criteria": CRITERION}
    spec = {"grader_id": POLITE, "grader_type": "llm_as_judge", "options": options, "level": "turn", "required": False}
    cases = [
        StoredCase(
            case_id,
            grade=1.0 if is_passed else 0.0,
            said=f"Where is order {case_id}?",
            trial=trial,
            extra={"graders": [spec]},
        )
        for case_id, is_passed in passed.items()
        for trial in range(1, trials + 1)
    ]
    changes = {"run_name": root.name, "assistant": {"model": model}, "trials": trials, **changes}
    run = StoredRun(root, cases, changes=changes, sound=False).write()
    for case_id, verdict in (verdicts or {}).items():
        sha256 = run.read_finished()[case_id].sha256
        run.append_grades([_judge_grade(case_id, verdict, sha256)])
    return run


def _judge_grade(key: str, verdict: float | None, record_sha256: str) -> Grade:
    said = {1.0: "pass", 0.0: "fail", None: "cannot_tell"}[verdict]
    return Grade(
        key=key,
        turn_index=1,
        grader_id=POLITE,
        grader_type="llm_as_judge",
        grader_version="2",
        grade=verdict,
        rationale=f"the judge says {said} to {key}",
        record_sha256=record_sha256,
        graded_at="2026-01-01T10:00:40.000+00:00",
        evidence=("[2] 'One moment.'",),
        judge={"model": "judge-a", "votes": 1, "agreement": 1.0, "verdicts": [said], "cost_usd": 0.001},
    )
