"""What metrics and columns are called in pictures and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalkit.reports.trials import ARGUMENTS, CALLS, GRADE, PASSED

_NAMES = {
    CALLS: "right tool",
    ARGUMENTS: "right arguments",
    "latency_response_done_ms": "response done",
    "output_tokens": "output",
    "output_audio_tokens": "output, audio",
    "output_text_tokens": "output, text",
    "input_tokens": "input",
}
# Graders whose grades stand as calls and arguments.
_SHOWN_AS_COLUMNS = ("tool_call_grade", "tool_call_args_grade")


def name_of(column: str) -> str:
    """Return a metric or a column in words: ``latency_first_audio_ms`` is ``first audio``; a grader keeps its id."""
    if column in _NAMES:
        return _NAMES[column]
    if column.endswith("_grade"):
        return column.removesuffix("_grade")
    return column.removeprefix("latency_").removesuffix("_ms").removesuffix("_tokens").replace("_", " ")


def list_graded_metrics(summary: Mapping[str, Any]) -> list[str]:
    """Return the metrics of a summary that have a mean, in its order, `passed` first, each finding once.

    `grade` is left out where it says the same as `passed`, and graders whose grades stand as calls and arguments.
    """
    means = [key.removesuffix("_mean") for key, mean in summary.items() if key.endswith("_mean") and mean is not None]
    calls_are_shown = CALLS in means
    others = [
        metric
        for metric in means
        if metric not in (PASSED, GRADE) and not (calls_are_shown and metric in _SHOWN_AS_COLUMNS)
    ]
    has_other_grade = GRADE in means and any(
        summary.get(f"{GRADE}_{part}") != summary.get(f"{PASSED}_{part}") for part in ("mean", "n")
    )
    return [*([PASSED] if PASSED in means else []), *([GRADE] if has_other_grade else []), *others]


def mean_line(summary: Mapping[str, Any], metric: str) -> tuple[float, int, Sequence[float] | None]:
    """Return mean, n and 95 % interval of a metric that has a mean; None where there is no interval."""
    return summary[f"{metric}_mean"], summary[f"{metric}_n"], summary.get(f"{metric}_ci95")
