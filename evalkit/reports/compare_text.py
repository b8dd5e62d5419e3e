"""A comparison for people: lines for a terminal, and Markdown that fits a pull-request comment.

Names of runs and values of configs are free text: in Markdown they are escaped, so that they can be no markup and
mention nobody.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from evalkit.metrics.statistics import Interval
from evalkit.reports.compare import IMPROVED, REGRESSED, Comparison, LatencyShift, MetricChange
from evalkit.reports.trials import GRADE, PASSED
from evalkit.reports.turn_taking_changes import TurnTakingChange

_MOST_LISTED = 20
_MOST_IN_TEXT = 200
_MARKS = {REGRESSED: "❌ regressed", IMPROVED: "✅ improved"}
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|<>~@&])")


def comparison_lines(comparison: Comparison) -> list[str]:
    """Return `comparison` as lines of plain text."""
    lines = [
        *_subject_lines(comparison),
        f"A  {comparison.before.name}  {comparison.before.directory}",
        f"B  {comparison.after.name}  {comparison.after.directory}",
        f"{comparison.paired} case-trials paired, {len(comparison.unpaired)} not",
        "",
    ]
    rows: list[tuple[str, ...]] = [("metric", "A", "B", "B - A", _interval_name(comparison), "p", "n", "")]
    rows += [(change.metric, *_numbers(change), change.verdict) for change in shown_metrics(comparison)]
    lines += _aligned(rows)
    for change in shown_metrics(comparison):
        lines += _case_lines(change, _MOST_IN_TEXT)
    lines += ["", *(_latency_line(shift) for shift in comparison.latencies)] if comparison.latencies else []
    if comparison.turn_taking:
        head = ("turn-taking", "A", "B", "B - A", _interval_name(comparison), "p", "calls", "")
        lines += ["", *_aligned([head, *_turn_taking_rows(comparison)])]
    lines += ["", *_unpaired_lines(comparison)] if comparison.unpaired else []
    lines += ["", *(f"warning: {warning}" for warning in comparison.warnings)] if comparison.warnings else []
    return [*lines, "", conclusion(comparison)]


def comparison_markdown(comparison: Comparison) -> str:
    """Return `comparison` as Markdown of at most a few thousand characters."""
    before, after = escape(comparison.before.name), escape(comparison.after.name)
    parts = [
        f"### evalkit compare: {before} → {after}",
        f"**{escape(conclusion(comparison))}**",
        f"{comparison.paired} case-trials paired, {len(comparison.unpaired)} not.",
        *(escape(_clip(line)) for line in _subject_lines(comparison)[:_MOST_LISTED]),
        f"| metric | A | B | B \N{MINUS SIGN} A | {_interval_name(comparison)} | p | n | |\n"
        "|---|---|---|---|---|---|---|---|\n"
        + "\n".join(
            f"| {' | '.join(escape(cell) for cell in (change.metric, *_numbers(change)))} | {_mark(change)} |"
            for change in shown_metrics(comparison)
        ),
    ]
    for change in shown_metrics(comparison):
        parts += [f"- {escape(line)}" for line in _case_lines(change, _MOST_LISTED)]
    if comparison.latencies:
        parts.append("\n".join(f"- {escape(_latency_line(shift))}" for shift in comparison.latencies))
    if comparison.turn_taking:
        parts.append(
            f"| turn-taking | A | B | B \N{MINUS SIGN} A | {_interval_name(comparison)} | p | calls | |\n"
            "|---|---|---|---|---|---|---|---|\n"
            + "\n".join(
                f"| {' | '.join(escape(cell) for cell in cells)} | {_MARKS.get(verdict, verdict)} |"
                for *cells, verdict in _turn_taking_rows(comparison)
            )
        )
    if comparison.unpaired:
        parts.append("\n".join(f"- {escape(line)}" for line in _unpaired_lines(comparison)))
    if comparison.warnings:
        shown = comparison.warnings[:_MOST_LISTED]
        parts.append("\n".join(f"> ⚠ {escape(_clip(warning))}" for warning in shown))
    return "\n\n".join(parts)


def conclusion(comparison: Comparison) -> str:
    """Return in a sentence what to think of run B."""
    shown = [change.metric for change in shown_metrics(comparison)]
    shown += [change.metric for change in comparison.turn_taking]
    regressed = [metric for metric in comparison.metrics_that(REGRESSED) if metric in shown]
    improved = [metric for metric in comparison.metrics_that(IMPROVED) if metric in shown]
    if regressed:
        margin = comparison.options.margin
        beyond = f" by more than {margin:g}" if margin else ""
        also = f"; {_and(improved)} improved" if improved else ""
        return f"B regressed{beyond} in {_and(regressed)}{also}"
    if improved:
        return f"B improved in {_and(improved)}"
    primary = next(iter(comparison.metrics), None)
    if primary is None or not any(change.lost or change.won for change in comparison.metrics):
        return "no case-trial has another verdict in B"
    detectable = primary.difference.detectable
    hint = f"; {primary.metric} had to change by {detectable:.3f} to be found (80 % power)" if detectable else ""
    return f"no significant change{hint}"


def escape(text: str) -> str:
    """Return `text` so that Markdown shows it as it is, in one line, mentioning nobody."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split())).replace("\\@", "@\N{ZERO WIDTH SPACE}")


def shown_metrics(comparison: Comparison) -> list[MetricChange]:
    """Return the metrics to show: `grade` is left out where it changed exactly as `passed` did."""
    passed = next((change for change in comparison.metrics if change.metric == PASSED), None)
    twin = replace(passed, metric=GRADE) if passed else None
    return [change for change in comparison.metrics if change != twin]


def _interval_name(comparison: Comparison) -> str:
    return f"{100 * comparison.options.confidence:g} % interval"


def _subject_lines(comparison: Comparison) -> list[str]:
    """Return what is compared: the keys that were meant to differ."""
    return [
        f"compared: {change.key}  {change.before} → {change.after}"
        for change in comparison.config_changes
        if change.expected
    ]


def _numbers(change: MetricChange | TurnTakingChange) -> tuple[str, ...]:
    difference = change.difference
    return (
        f"{difference.mean_before:.3f}",
        f"{difference.mean_after:.3f}",
        f"{difference.difference:+.3f}",
        _range(difference.interval, "+.3f"),
        "<0.001" if change.p_adjusted < 0.001 else f"{change.p_adjusted:.3f}",
        str(difference.n),
    )


def _turn_taking_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return the cells of each metric; a rate of few events is a count, and no difference is made of it."""
    return [
        (
            change.metric,
            *change.shown,
            *(_numbers(change)[2:5] if change.has_rates else ("-", "-", "-")),
            str(change.difference.n),
            change.verdict,
        )
        for change in comparison.turn_taking
    ]


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _mark(change: MetricChange) -> str:
    return _MARKS.get(change.verdict, change.verdict)


def _case_lines(change: MetricChange, most: int) -> list[str]:
    lines = [
        f"{change.metric} {what} {len(keys)}: {_listed(keys, most)}"
        for what, keys in (("lost", change.lost), ("won", change.won))
        if keys
    ]
    if change.ungraded:
        lines.append(f"{change.metric}: {change.ungraded} of the pairs have no grade in one of the runs")
    return lines


def _latency_line(shift: LatencyShift) -> str:
    return (
        f"{shift.column}: median {shift.median_before:,.0f} → {shift.median_after:,.0f} ms, paired change "
        f"{shift.shift:+,.0f} ms (95 %: {_range(shift.interval, '+,.0f')}), n {shift.n}"
    )


def _unpaired_lines(comparison: Comparison) -> list[str]:
    reasons = Counter(item.reason for item in comparison.unpaired)
    keys = {reason: [item.key for item in comparison.unpaired if item.reason == reason] for reason in reasons}
    return [f"not paired, {reason} ({count}): {_listed(keys[reason])}" for reason, count in reasons.most_common()]


def _listed(keys: Sequence[str], most: int = _MOST_LISTED) -> str:
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return ", ".join(keys[:most]) + more


def _range(interval: Interval | None, form: str) -> str:
    return "-" if interval is None else f"{format(interval.low, form)} to {format(interval.high, form)}"


def _and(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"


def _clip(text: str, limit: int = 500) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
