"""The tables that close a run in the terminal: who passed, grades, latency, turn-taking, each with n; faults, cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from evalkit.records.layout import ResultLayout
from evalkit.records.record import CaseRecord
from evalkit.reports.metric_names import list_graded_metrics
from evalkit.reports.sound_arrival import tell_line_findings
from evalkit.reports.tool_modes import tool_mode_lines
from evalkit.reports.trials import PASSED
from evalkit.reports.turn_taking import READ_TOGETHER

if TYPE_CHECKING:
    from rich.console import RenderableType

_MOST_GRADES = 15  # of more, those that are full are counted only
_MOST_IDLE = 5  # graders that are named
_LONGEST_REASON = 240  # characters


def closing_table(
    summary: Mapping[str, Any], layout: ResultLayout, records: Sequence[CaseRecord] = ()
) -> RenderableType:
    """Return what a person wants to know at the end of a run, on a rich console; `records` tell why cases broke off."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    grades = Table(title=Text(str(summary["run_name"])), title_justify="left", title_style="bold")
    grades.add_column("grade")
    for header in ("mean", "95 % interval", "n"):
        grades.add_column(header, justify="right")
    metrics = list_graded_metrics(summary) or [PASSED]
    shown = metrics if len(metrics) <= _MOST_GRADES else [name for name in metrics if not _is_full(summary, name)]
    for metric in shown:
        grades.add_row(Text(metric), *_grade_cells(summary, metric))
    full = len(metrics) - len(shown)
    latencies = Table()
    latencies.add_column("latency")
    for header in ("p50 ms", "p95 ms", "n"):
        latencies.add_column(header, justify="right")
    for column in layout.latency_columns:
        if summary[f"{column}_n"]:
            cells = (f"{summary[f'{column}_{part}']:,.0f}" for part in ("p50", "p95"))
            latencies.add_row(column.removeprefix("latency_").removesuffix("_ms"), *cells, str(summary[f"{column}_n"]))
    parts: list[RenderableType] = [grades]
    if full:
        parts.append(Text(f"{full} further grades are 1 throughout; summary.json has them"))
    if latencies.row_count:
        parts.append(latencies)
    if "turn_taking" in summary:
        parts.append(_turn_taking_table(summary["turn_taking"]))
    return Group(*parts, *(Text(line) for line in _closing_lines(summary, layout, records)))


def _turn_taking_table(found: Mapping[str, Any]) -> RenderableType:
    """Return the metrics that have events; of two that are read together, both where one of them has."""
    from rich.table import Table
    from rich.text import Text

    table = Table()
    table.add_column("turn-taking")
    for header in ("value", "95 % interval", "events"):
        table.add_column(header, justify="right")
    metrics = found["metrics"]
    together = READ_TOGETHER if any(metrics[name]["events"] for name in READ_TOGETHER) else ()
    for name, metric in metrics.items():
        if metric["events"] or name in together:
            interval = metric.get("ci95")
            words = f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "-"
            table.add_row(Text(name), metric["shown"], words, str(metric["events"]))
    return table


def _is_full(summary: Mapping[str, Any], metric: str) -> bool:
    """Whether a grade says no more than that all is well; how many passed is said all the same."""
    return metric != PASSED and summary.get(f"{metric}_mean") == 1


def _grade_cells(summary: Mapping[str, Any], metric: str) -> tuple[str, str, str]:
    mean, interval = summary.get(f"{metric}_mean"), summary.get(f"{metric}_ci95")
    return (
        "-" if mean is None else f"{mean:.3f}",
        f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "-",
        str(summary[f"{metric}_n"]),
    )


def _first_failure(records: Sequence[CaseRecord], fault: str) -> str:
    """Return in a few words why the first case broke off that did so by `fault`; empty where no record tells."""
    failure = next((record.failure for record in records if record.fault == fault and record.failure), None)
    said = " ".join(failure.message.split()) if failure else ""
    return f" (first {failure.error_type}: {shorten(said, _LONGEST_REASON, placeholder=' …')})" if failure else ""


def _closing_lines(summary: Mapping[str, Any], layout: ResultLayout, records: Sequence[CaseRecord]) -> list[str]:
    failed = summary.get("failed_examples", summary.get("failed_simulations", 0))
    lines = [f"case-trials: {summary['n']} counted, {failed} broke off"]
    for fault, stages in summary["blame"].items():
        where = ", ".join(f"{stage} {count}" for stage, count in stages.items())
        first = _first_failure(records, fault)
        lines.append(f"broke off by fault of {fault}: {where}{first}; results.csv says why, case by case")
    if outcomes := summary.get("outcomes"):
        lines.append(f"outcomes: {', '.join(f'{outcome} {count}' for outcome, count in outcomes.items())}")
    if summary["finished"] < summary["planned"]:
        lines.append(f"incomplete: {summary['finished']} of {summary['planned']} planned case-trials were finished")
    for key, reason in summary.get("turn_taking", {}).get("unread", {}).items():
        lines.append(f"{key}: its turn-taking cannot be read ({reason})")
    detected = summary.get("turn_taking", {}).get("detected", {"cut": 0})
    if detected["cut"]:
        which = "detected_turns in results.csv says which"
        lines.append(f"cut by the server: {detected['cut']} of {detected['turns']} turns of the caller; {which}")
    lines += tool_mode_lines(summary.get("tool_modes", {}))
    heard = summary.get("arguments", {"misheard_words": 0, "misunderstood": 0})
    if heard["misheard_words"] or heard["misunderstood"]:
        lines.append(
            f"arguments: lost in {heard['misheard']} case-trials because they were misheard, in "
            f"{heard['misunderstood']} because they were misunderstood; {heard['misheard_words']} of "
            f"{heard['words']} words that carry them were misheard"
        )
    lines += [told.text for told in tell_line_findings(summary) if told.fault is not None]
    idle = list(summary["ungraded"].items())
    lines += [f"graded nothing: {grader} ({reason})" for grader, reason in idle[:_MOST_IDLE]]
    lines += [f"graded nothing: {len(idle) - _MOST_IDLE} graders more"] if len(idle) > _MOST_IDLE else []
    if not summary["publishable_latencies"] and any(summary[f"{column}_n"] for column in layout.latency_columns):
        gated = any(gate["gate"] == "gate.max_latency_ms" for gate in summary.get("gates", ()))
        held = " (gate.max_latency_ms was held against them all the same)" if gated else ""
        lines.append(f"latencies are not comparable: {summary['publishable_latencies_reason']}{held}")
    if summary["excluded"]:
        lost = ", ".join(f"{count} {fault}" for fault, count in summary["excluded"].items())
        low, high = summary["score_bounds"]
        lines.append(f"left out of every mean: {lost} (had they counted: passed {low:.3f} to {high:.3f})")
    if summary["trials"] != 1 and summary["pass_hat_k"]:
        k = max(summary["pass_hat_k"], key=int)
        lines.append(
            f"of {k} trials: one passes {summary['pass_at_k'][k]:.3f}, all pass {summary['pass_hat_k'][k]:.3f}"
        )
    costs = [f"{role} {'unknown' if usd is None else f'${usd:,.4f}'}" for role, usd in summary["cost_usd"].items()]
    if costs:
        lines.append(f"cost: {', '.join(costs)}")
    return lines
