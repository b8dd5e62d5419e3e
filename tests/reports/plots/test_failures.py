"""What failed is drawn only if something did."""

from __future__ import annotations

from typing import Any

from evalkit.reports.plots.failures import failures_png


def test_nothing_failed_is_no_picture(results: Any, make_record: Any, both_grades: Any) -> None:
    """A perfect run needs no picture of its failures."""
    records = [make_record()]
    assert failures_png(*results(records, both_grades("case-1", 1, 1)), records) is None


def test_faults_or_failing_graders_alone(
    results: Any, pixels: Any, make_record: Any, lost: Any, make_grade: Any
) -> None:
    """Either side may be empty; many lines make it taller, up to a bound; names are taken literally."""
    only_faults = failures_png(*results([lost]), [lost])
    records = [make_record()]
    one = failures_png(*results(records, [make_grade("case-1", "brief", 0.0)]), records)
    grades = [make_grade("case-1", f"$grader_{index}$" + "x" * 90, 0.0) for index in range(60)]
    many = failures_png(*results(records, grades), records)
    assert only_faults is not None
    assert one is not None
    assert many is not None
    assert pixels(only_faults).shape[0] == pixels(one).shape[0] < pixels(many).shape[0] < 1000
