"""The head of a page shows what a summary has and leaves out what it has not."""

from __future__ import annotations

from evalkit.reports.page import overview

SUMMARY = {
    "passed_mean": 0.5, "passed_n": 4, "passed_ci95": [0.1, 0.9],
    "tool_call_correctness_mean": 1.0, "tool_call_correctness_n": 1,
    "brief_grade_mean": 0.25, "brief_grade_n": 4, "brief_grade_ci95": [0.0, 0.5],
    "silent_grade_mean": None, "silent_grade_n": 0,
    "latency_first_audio_ms_p50": 100.0, "latency_first_audio_ms_p95": 200.0, "latency_first_audio_ms_p99": 300.0,
    "latency_first_audio_ms_n": 4, "latency_first_audio_ms_p95_ci95": [150.0, 290.0],
    "latency_first_text_ms_p50": None, "latency_first_text_ms_p95": None, "latency_first_text_ms_p99": None,
    "cost_usd": {"assistant": 0.5, "speech": 0.25}, "finished": 4, "planned": 4,
}  # fmt: skip


def test_means_come_with_what_is_known_of_their_interval() -> None:
    """A grader that graded nothing has no line; one without an interval says nothing of it."""
    lines = overview.list_means(SUMMARY)
    assert [(line.name, line.words) for line in lines] == [
        ("Passed", "0.10 to 0.90"), ("Right tool", ""), ("brief", "0.00 to 0.50"),
    ]  # fmt: skip


def test_percentiles_have_their_intervals_where_the_summary_does() -> None:
    """Each percentile by itself; a column that was not measured has no line."""
    (line,) = overview.list_percentiles(SUMMARY, ["latency_first_audio_ms", "latency_first_text_ms"])
    assert (line.p50.low, line.p95.low, line.p95.high) == (None, 150.0, 290.0)
    assert overview.list_percentiles(SUMMARY, ["output_tokens"]) == []
    assert line.name == "First audio"


def test_a_run_that_is_not_done_says_so() -> None:
    """Still going where it has no end, incomplete where it has one, nothing to say when it is whole."""
    partly = {**SUMMARY, "planned": 9}
    assert overview.describe_state(SUMMARY, None, is_live=False) == ""
    assert overview.describe_state(partly, None, is_live=True).startswith("Still going: 4 of 9")
    assert overview.describe_state(partly, None, is_live=False).startswith("Cut off: 4 of 9")
    assert overview.describe_state(partly, "2026", is_live=True).startswith("Incomplete: 4 of 9")


def test_an_unknown_price_is_unknown() -> None:
    """Never 0."""
    assert overview.total_usd(SUMMARY) == 0.75
    assert overview.total_usd({"cost_usd": {"assistant": None, "speech": 1.0}}) is None


def test_the_noise_floor_is_told_where_there_is_one() -> None:
    """A difference above 1 cannot be, and is not shown as one."""

    def told(**found: float | None) -> str:
        floor = {"metrics": {"passed": {"smallest_detectable_difference": found}}}
        return overview.describe_smallest_difference({"noise_floor": floor})

    assert told(paired=None, unpaired=0.2).endswith(": 0.200 on other cases.")
    assert told(paired=0.1, unpaired=1.4).endswith(": 0.100 on the same cases.")
    assert told(paired=None, unpaired=1.75).startswith("With so few cases")
    assert told(paired=None, unpaired=None) == ""
    assert overview.describe_smallest_difference({}) == ""


def test_a_config_is_flattened_as_it_is_written() -> None:
    """Dotted keys; null, booleans and lists as a config has them."""
    config = {"a": {"b": None, "c": True}, "d": [1, "x"], "e": {}}
    assert overview.flatten(config) == [("a.b", "null"), ("a.c", "true"), ("d", "1, x"), ("e", "{}")]
