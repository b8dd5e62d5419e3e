"""The head of a run's page, from its summary: how good, how sure, how fast, what it cost, and what failed.

Keys that a summary may or may not have (gates, noise floor, intervals of percentiles) are shown where they are and
left out where they are not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.metrics.cost import sum_known_usd
from evalkit.reports.metric_names import list_graded_metrics, mean_line, name_of
from evalkit.reports.rows import lookup


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


def list_means(summary: Mapping[str, Any]) -> list[Mean]:
    """Return the share that passed, then each other finding that has a mean."""
    found = []
    for metric in list_graded_metrics(summary):
        mean, n, interval = mean_line(summary, metric)
        low, high = interval or (None, None)
        name = name_of(metric)
        found.append(Mean(name if metric.endswith("_grade") else _capitalised(name), mean, n, low, high))
    return found


def total_usd(summary: Mapping[str, Any]) -> float | None:
    """Return what the run cost; None where nothing was metered or a price is unknown."""
    return sum_known_usd(summary.get("cost_usd", {}).values())


def describe_smallest_difference(summary: Mapping[str, Any]) -> str:
    """Return in words what the noise floor says could be told from chance; nothing where it is not known."""
    floor = lookup(summary, ("noise_floor", "metrics", "passed", "smallest_detectable_difference"))
    found = floor if isinstance(floor, Mapping) else {}
    known = {
        f"{value:.3f} on {cases} cases": value
        for name, cases in (("paired", "the same"), ("unpaired", "other"))
        if isinstance(value := found.get(name), float | int)
    }
    possible = [words for words, value in known.items() if value <= 1]
    if possible:
        smallest = ", ".join(possible)
        return f"Smallest change of the share that passed that two such runs can show (80 % power at 5 %): {smallest}."
    return "With so few cases, two such runs can show no change of the share that passed." if known else ""


def describe_state(summary: Mapping[str, Any], ended_at: str | None, *, is_live: bool) -> str:
    """Return in words whether the run is done; nothing where it is, as planned.

    `ended_at` is None where it never came to an end, and `is_live` says whether a process is at it.
    """
    finished, planned = summary["finished"], summary["planned"]
    if finished >= planned:
        return ""
    if ended_at is None:
        return f"{'Still going' if is_live else 'Cut off'}: {finished:,} of {planned:,} case-trials are finished."
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


def list_percentiles(summary: Mapping[str, Any], columns: Sequence[str]) -> list[Percentiles]:
    """Return those of `columns`, latencies or tokens, that were measured."""
    found = []
    for column in columns:
        parts = [_percentile(summary, column, part) for part in ("p50", "p95", "p99")]
        given = [part for part in parts if part is not None]
        if len(given) == 3:
            found.append(Percentiles(_capitalised(name_of(column)), summary[f"{column}_n"], *given))
    return found


def _percentile(summary: Mapping[str, Any], column: str, part: str) -> Percentile | None:
    value = summary.get(f"{column}_{part}")
    if value is None:
        return None
    low, high = summary.get(f"{column}_{part}_ci95") or (None, None)
    return Percentile(value, low, high)


def _capitalised(words: str) -> str:
    return words[:1].upper() + words[1:]
