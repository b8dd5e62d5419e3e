"""Metrics in words, each finding once."""

from __future__ import annotations

import pytest

from evalkit.reports.metric_names import list_graded_metrics, mean_line, name_of


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("tool_call_correctness", "right tool"),
        ("latency_first_audio_ms", "first audio"),
        ("latency_turn_done_ms", "turn done"),
        ("reasoning_tokens", "reasoning"),
        ("output_audio_tokens", "output, audio"),
        ("patch_applies_grade", "patch_applies"),
        ("passed", "passed"),
    ],
)
def test_a_column_in_words(column: str, words: str) -> None:
    """Known ones by their names, others by what their own says; a grader keeps its id."""
    assert name_of(column) == words


def summary(**means: float | None) -> dict[str, float | None]:
    return {f"{name}_{part}": value for name, value in means.items() for part in ("mean", "n")}


def test_passed_comes_first_and_grade_only_where_it_says_something_else() -> None:
    """What has no mean is left out, and so are graders that stand as calls and arguments."""
    calls = {"tool_call_correctness": 0.5, "tool_call_grade": 0.5, "polite_grade": 1.0, "silent_grade": None}
    same = summary(grade=0.5, passed=0.5, **calls)
    assert list_graded_metrics(same) == ["passed", "tool_call_correctness", "polite_grade"]
    other = summary(grade=0.75, passed=0.5, **calls)
    assert list_graded_metrics(other) == ["passed", "grade", "tool_call_correctness", "polite_grade"]
    assert list_graded_metrics(summary(passed=None)) == []


def test_a_mode_without_call_columns_shows_its_call_graders() -> None:
    """Nothing else says what they found."""
    assert list_graded_metrics(summary(passed=1.0, grade=1.0, tool_call_grade=1.0)) == ["passed", "tool_call_grade"]


def test_a_mean_comes_with_n_and_interval() -> None:
    """The interval is None where there is none."""
    found = {"a_mean": 0.5, "a_n": 2, "a_ci95": [0.1, 0.9], "b_mean": 1.0, "b_n": 1}
    assert mean_line(found, "a") == (0.5, 2, [0.1, 0.9])
    assert mean_line(found, "b") == (1.0, 1, None)
