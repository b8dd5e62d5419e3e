"""A comparison for people: nothing is cut without saying so, and free text is no markup."""

from __future__ import annotations

import re
from typing import Any

import pytest
from layouts import layout_of

from evalkit.metrics.paired import Pair, compare_pairs
from evalkit.metrics.statistics import Interval
from evalkit.reports.compare import NO_CHANGE, REGRESSED, CompareOptions, Comparison, LatencyShift, MetricChange
from evalkit.reports.compare_text import comparison_lines, comparison_markdown, conclusion, escape
from evalkit.reports.config_changes import ConfigChange
from evalkit.reports.pairs import Side, Unpaired


def change(lost: int, metric: str = "passed", cases: int = 400, verdict: str = REGRESSED) -> MetricChange:
    difference = compare_pairs([Pair(str(index), 1, float(index >= lost)) for index in range(cases)], 0)
    keys = tuple(f"case-{index}" for index in range(lost))
    return MetricChange(metric, difference, difference.p_value, verdict, keys, (), 0)


@pytest.fixture
def comparison() -> Any:
    """Build a comparison of two runs."""

    def make(*metrics: MetricChange, **changes: Any) -> Comparison:
        sides = [Side(name, f"runs/{name}", layout_of("crawl"), {}, {}, 0, (), ()) for name in ("monday", "friday")]
        given: dict[str, Any] = {
            "options": CompareOptions(),
            "paired": 400,
            "unpaired": (),
            "metrics": metrics,
            "latencies": (),
            "config_changes": (),
            "warnings": (),
        }
        return Comparison(sides[0], sides[1], **{**given, **changes})

    return make


def test_the_text_has_it_all(comparison: Any) -> None:
    """What is compared, the numbers, the cases, latencies, what was not paired, warnings, and the verdict last."""
    lines = comparison_lines(
        comparison(
            change(12),
            latencies=(LatencyShift("latency_first_audio_ms", 400, 810.0, 850.0, 40.0, Interval(20.0, 60.0)),),
            unpaired=(Unpaired("x", "missing in B"), Unpaired("y", "missing in B")),
            config_changes=(ConfigChange("assistant.model", "a", "b", expected=True),),
            warnings=("A is incomplete",),
        )
    )
    text = "\n".join(lines)
    assert lines[0] == "compared: assistant.model  a → b"
    assert re.search(r"passed +1\.000 +0\.970 +-0\.030 +-0\.\d+ to -0\.\d+ +<0\.001 +400 +regressed", text)
    assert "passed lost 12: case-0, case-1, " in text
    assert "latency_first_audio_ms: median 810 → 850 ms, paired change +40 ms (95 %: +20 to +60), n 400" in text
    assert "not paired, missing in B (2): x, y" in text
    assert "warning: A is incomplete" in text
    assert lines[-1] == "B regressed in passed"


def test_markdown_fits_a_comment(comparison: Any) -> None:
    """400 lost cases in 40 metrics, each with a warning: it still fits, and says what is cut."""
    warnings = tuple("x" * 3000 for _ in range(50))
    unpaired = tuple(Unpaired(f"gone-{index}", "missing in B") for index in range(5000))
    text = comparison_markdown(
        comparison(*(change(400, f"g{index}") for index in range(40)), warnings=warnings, unpaired=unpaired)
    )
    assert len(text) < 65_536
    assert "and 380 more" in text
    assert "and 4980 more" in text


def test_names_are_no_markup(comparison: Any) -> None:
    """A run's name or a config value cannot be a link, a heading, a table cell, HTML, or mention somebody."""
    hostile = "**x** [a](http://b) | <img src=x> `c` @everyone\n# h"
    shown = escape(hostile)
    assert "\n" not in shown
    assert "@everyone" not in shown
    assert not re.search(r"(?<!\\)[\[\]<>|`*#]", shown)
    text = comparison_markdown(comparison(change(1), warnings=(hostile,)))
    assert "<img" not in text.replace("\\<img", "")
    table = [line for line in text.splitlines() if line.startswith("| passed")]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in table] == [9]


@pytest.mark.parametrize(
    ("metrics", "margin", "expected"),
    [
        ([change(40)], 0.0, "B regressed in passed"),
        ([change(40)], 0.05, "B regressed by more than 0.05 in passed"),
        ([change(40), change(40, "a"), change(40, "b")], 0.0, "B regressed in passed, a and b"),
        ([change(0, verdict=NO_CHANGE)], 0.0, "no case-trial has another verdict in B"),
    ],
)
def test_the_conclusion(comparison: Any, metrics: list[MetricChange], margin: float, expected: str) -> None:
    """One sentence."""
    assert conclusion(comparison(*metrics, options=CompareOptions(margin=margin))) == expected


def test_no_finding_says_what_could_have_been_found(comparison: Any) -> None:
    """Two losses of 400 prove nothing; the reader learns how large a change had to be."""
    text = conclusion(comparison(change(2, verdict=NO_CHANGE)))
    assert re.fullmatch(r"no significant change; passed had to change by 0\.0\d\d to be found \(80 % power\)", text)


def test_grade_is_shown_where_it_says_something_else_than_passed(comparison: Any) -> None:
    """In crawl and walk they are the same, and one line is enough; the interval is named as it was decided by."""
    both = comparison(change(12), change(12, "grade"), options=CompareOptions(confidence=0.99))
    lines = comparison_lines(both)
    assert not [line for line in lines if line.startswith("grade")]
    assert any("99 % interval" in line for line in lines)
    assert conclusion(both) == "B regressed in passed"
    other = comparison(change(12), change(3, "grade"))
    assert [line.split()[0] for line in comparison_lines(other) if line.startswith("grade ")] == ["grade", "grade"]
    assert "| grade |" in comparison_markdown(other)
