"""The head of a run's page, from its summary: how good, how sure, how fast, how dear, and what failed.

Keys that a summary may or may not have (gates, noise floor, intervals of percentiles) are shown where they are and
left out where they are not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.metrics.cost import sum_known_usd
from evalkit.records.columns import GRADE_COLUMNS, LATENCY_COLUMNS, TOKEN_COLUMNS
from evalkit.reports.rows import lookup

_NAMES = {
    "grade": "Grade",
    "tool_call_correctness": "Right tool",
    "tool_call_arg_correctness": "Right arguments",
    "latency_first_audio_ms": "First audio",
    "latency_first_text_ms": "First text",
    "latency_response_done_ms": "Response done",
    "latency_voice_to_voice_ms": "Voice to voice",
    "output_tokens": "Output",
    "output_audio_tokens": "Output, audio",
    "output_text_tokens": "Output, text",
    "input_tokens": "Input",
}


@dataclass(frozen=True)
class Mean:
    """A mean over `n` values with its 95 % interval; `low` and `high` are None where none can be given."""

    name: str
    mean: float
    n: int
    low: float | None
    high: float | None

    @property
    def words(self) -> str:
        """The interval in words."""
        return "" if self.low is None or self.high is None else f"{self.low:.2f} to {self.high:.2f}"


@dataclass(frozen=True)
class Percentile:
    """One percentile and, where known, its 95 % interval."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Percentiles:
    """p50, p95 and p99 of a column."""

    name: str
    n: int
    p50: Percentile
    p95: Percentile
    p99: Percentile


def list_means(summary: Mapping[str, Any], grader_ids: Sequence[str]) -> list[Mean]:
    """Return grade, right tool, right arguments and every other grader that graded something, in that order."""
    own = [f"{name}_grade" for name in grader_ids if name not in ("tool_call", "tool_call_args")]
    found = []
    for metric in (*GRADE_COLUMNS, *own):
        mean = summary.get(f"{metric}_mean")
        if mean is not None:
            low, high = summary.get(f"{metric}_ci95") or (None, None)
            found.append(
                Mean(_NAMES.get(metric, metric.removesuffix("_grade")), mean, summary[f"{metric}_n"], low, high)
            )
    return found


def list_latencies(summary: Mapping[str, Any]) -> list[Percentiles]:
    """Return the latencies that were measured, in milliseconds."""
    return _list_percentiles(summary, LATENCY_COLUMNS)


def list_tokens(summary: Mapping[str, Any]) -> list[Percentiles]:
    """Return the tokens that were counted, per row."""
    return _list_percentiles(summary, TOKEN_COLUMNS)


def total_usd(summary: Mapping[str, Any]) -> float | None:
    """Return what the run cost; None where nothing was metered or a price is unknown."""
    return sum_known_usd(summary.get("cost_usd", {}).values())


def describe_smallest_difference(summary: Mapping[str, Any]) -> str:
    """Return in words what the grade's noise floor says could be told from chance; nothing where it is not known."""
    floor = lookup(summary, ("noise_floor", "metrics", "grade", "smallest_detectable_difference"))
    found = floor if isinstance(floor, Mapping) else {}
    known = {
        f"{value:.3f} on {cases} cases": value
        for name, cases in (("paired", "the same"), ("unpaired", "other"))
        if isinstance(value := found.get(name), float | int)
    }
    possible = [words for words, value in known.items() if value <= 1]
    if possible:
        return f"Smallest difference of the grade told from chance (80 % power at 5 %): {', '.join(possible)}."
    return "With so few cases no difference of the grade can be told from chance." if known else ""


def describe_state(summary: Mapping[str, Any], ended_at: str | None) -> str:
    """Return in words whether the run is done; nothing where it is, as planned."""
    finished, planned = summary["finished"], summary["planned"]
    if finished >= planned:
        return ""
    if ended_at is None:
        return f"Still going, or cut off: {finished:,} of {planned:,} case-trials are finished."
    return f"Incomplete: {finished:,} of {planned:,} planned case-trials were finished."


def flatten(document: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return (dotted key, value in words) of every leaf of a config, in order."""
    leaves: list[tuple[str, str]] = []
    for name, value in document.items():
        if isinstance(value, Mapping) and value:
            leaves += flatten(value, f"{prefix}{name}.")
        else:
            leaves.append((f"{prefix}{name}", _leaf(value)))
    return leaves


def _leaf(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(_leaf(item) for item in value) if isinstance(value, list) else str(value)


def _list_percentiles(summary: Mapping[str, Any], columns: Sequence[str]) -> list[Percentiles]:
    found = []
    for column in columns:
        parts = [_percentile(summary, column, part) for part in ("p50", "p95", "p99")]
        given = [part for part in parts if part is not None]
        if len(given) == 3:
            found.append(Percentiles(_NAMES[column], summary[f"{column}_n"], *given))
    return found


def _percentile(summary: Mapping[str, Any], column: str, part: str) -> Percentile | None:
    value = summary.get(f"{column}_{part}")
    if value is None:
        return None
    low, high = summary.get(f"{column}_{part}_ci95") or (None, None)
    return Percentile(value, low, high)
