"""The defect table of mode=coding: every known-defect solver gets exactly its status, on every task, in real boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from boxes.needs import needs_sandbox
from harness import Cli, read_rows

_SCRIPTS = frozenset({"python", "javascript", "html"})
# Solver -> outcome; two of them where it depends on whether the language is built before it runs: (script, compiled).
OUTCOMES: Mapping[str, str | tuple[str, str]] = {
    "oracle": "pass",
    "noop": "fail",
    "half": "fail",
    "test-deleter": "protected_path",
    "exit0": "crash",
    "forger": "fail",
    "equal-all": "fail",
    "loop": "timeout",
    "hog": "memory",
    "forker": "fail",
    "flood": "output",
    "latin1": "pass",
    "wrong-language": ("fail", "build_error"),
    "prose": "no_patch",
    "stale-diff": "invalid_patch",
    "lenient-diff": "pass",
}
_ONE_OF_EACH_KIND = ("python_feature_retry_planner", "javascript_bugfix_event_emitter")


pytestmark = needs_sandbox


def _find_wrong(cli: Cli, solvers: Sequence[str], tasks: Sequence[str], *args: str) -> dict[str, str]:
    """Return every cell of the table that is not what it must be: solver and task -> what was found."""
    tasks_key = f"mode.tasks=[{','.join(tasks)}]"
    done = cli(
        "-m", "mode=coding", f"assistant.model={','.join(solvers)}", tasks_key, "report.plots=false",
        "report.html=false", *args, timeout_s=3000,
    )  # fmt: skip
    assert done.code == 0, done.err
    wrong: dict[str, str] = {}
    for job, solver in enumerate(solvers):
        [directory] = done.directory.glob(f"{job}_*")
        rows = read_rows(directory)
        assert rows
        for row in rows:
            outcome = OUTCOMES[solver]
            script, compiled = (outcome, outcome) if isinstance(outcome, str) else outcome
            expected = script if row["language"] in _SCRIPTS else compiled
            strict = "1" if expected == "pass" and solver != "lenient-diff" else "0"
            found = (row["outcome"], row["tests_strict_grade"].partition(".")[0], row["fault"])
            if found != (expected, strict, ""):
                wrong[f"{solver} on {row['task_id']}"] = f"{found}, expected {(expected, strict, '')}"
    return wrong


def test_each_solver_gets_its_own_status(cli: Cli) -> None:
    """On a task to finish and one to mend, in two languages."""
    assert _find_wrong(cli, list(OUTCOMES), _ONE_OF_EACH_KIND) == {}


@pytest.mark.slow
@pytest.mark.timeout(6000)
def test_each_solver_gets_its_own_status_on_every_task(cli: Cli) -> None:
    """All 31 tasks, twice in a row: as many at once as the machine has cores, and four."""
    assert _find_wrong(cli, list(OUTCOMES), ["*"]) == {}
    assert _find_wrong(cli, list(OUTCOMES), ["*"], "concurrency=4") == {}
