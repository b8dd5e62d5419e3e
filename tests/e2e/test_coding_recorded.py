"""A bare ``evalkit mode=coding`` grades what a real model answered, and finds what the documentation says it finds."""

from __future__ import annotations

from pathlib import Path

from boxes.needs import needs_sandbox
from harness import Cli, read_json, read_rows

EASY = (
    "go_bugfix_log_aggregator", "go_feature_wordcount", "javascript_bugfix_event_emitter",
    "python_bugfix_interval_merger", "python_feature_retry_planner", "rust_bugfix_path_normalizer",
)  # fmt: skip
FORMATS = ("diff", "whole", "search_replace")
DOCUMENT = Path(__file__).parents[2] / "docs" / "coding.md"


pytestmark = needs_sandbox


def test_the_score_of_a_real_model_is_what_the_documentation_says(cli: Cli) -> None:
    """In every edit format, a row each, on the easy tasks; nobody chose a model."""
    done = cli("-m", "mode=coding", f"mode.edit_format={','.join(FORMATS)}", f"mode.tasks=[{','.join(EASY)}]")
    assert done.code == 0, done.err
    for job, edit_format in enumerate(FORMATS):
        [directory] = done.directory.glob(f"{job}_mode.edit_format-{edit_format}*")
        summary = read_json(directory / "summary.json")
        assert summary["model"] == "qwen2.5-coder-0.5b-recorded"
        assert (summary["n"], summary["excluded"]) == (len(EASY), {}), "a toolchain is missing here"
        outcomes = ", ".join(f"{outcome} {count}" for outcome, count in sorted(summary["outcomes"].items()))
        right = sum(int(row["calls_passed"]) for row in read_rows(directory))
        asked = sum(int(row["calls"]) for row in read_rows(directory))
        passed = f"{summary['passed_mean'] * summary['n']:.0f} of {summary['n']}"
        row = f"| `{edit_format}` | {passed} | {right} of {asked} | {outcomes} |"
        assert row in DOCUMENT.read_text(encoding="utf-8"), row
    assert (done.directory / "plots" / "breakdown.png").is_file()
