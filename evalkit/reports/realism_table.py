"""What rising realism costs, as a table on the terminal, and the cells that the page shows as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.metrics.paired import PairedDifference
from evalkit.metrics.statistics import Estimate
from evalkit.reports.realism import LadderStep, RealismLadder, RealismReport

if TYPE_CHECKING:
    from rich.console import RenderableType

_MOST_LISTED = 5


def realism_tables(report: RealismReport) -> list[RenderableType]:
    """Return, for a rich console, a table for each ladder with its readings, and a line for each run on none."""
    from rich.text import Text

    shown: list[RenderableType] = []
    for ladder in report.ladders:
        shown.append(_table(ladder))
        shown += [Text(f"  {line}") for line in reading_lines(ladder)]
    return [*shown, *(Text(f"not on a ladder: {line}") for line in report.left_out)]


def reading_lines(ladder: RealismLadder) -> list[str]:
    """Return what each step says, and which case-trials it lost and won."""
    lines = []
    for each in ladder.steps:
        lines.append(each.reading)
        flipped = (("lost", each.cost.lost), ("won", each.cost.won)) if each.cost else ()
        lines += [f"  {what}: {_listed(keys)}" for what, keys in flipped if keys]
    return lines


def estimate_cells(found: Estimate) -> tuple[str, str]:
    """Return a mean and its interval."""
    interval = found.interval
    mean = "-" if found.mean is None else f"{found.mean:.2f}"
    return mean, "-" if interval is None else f"{interval.low:.2f} to {interval.high:.2f}"


def difference_cells(found: PairedDifference | None) -> tuple[str, str, str]:
    """Return a paired difference, its interval and how many pairs it rests on."""
    if found is None:
        return "-", "-", "-"
    interval = found.interval
    ends = "-" if interval is None else f"{interval.low:+.2f} to {interval.high:+.2f}"
    return f"{found.difference:+.2f}", ends, str(found.n)


def p_cell(each: LadderStep) -> str:
    """Return the adjusted p-value of a step."""
    p_value = each.cost.p_adjusted if each.cost else None
    return "-" if p_value is None else "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _table(ladder: RealismLadder) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    title = Text("what each step of realism costs" + (f" ({', '.join(ladder.of)})" if ladder.of else ""))
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title=title, title_justify="left")
    table.add_column("step", overflow="fold", min_width=18)
    for header in ("passed", "95 %", "change", "95 %", "pairs", "p", "grade", "change"):
        table.add_column(header, justify="right", no_wrap=True)
    for each in ladder.steps:
        passed, grade = estimate_cells(each.passed), estimate_cells(each.grade)
        cost = difference_cells(each.cost.passed if each.cost else None)
        grade_cost = difference_cells(each.cost.grade if each.cost else None)
        table.add_row(Text(each.step.name), *passed, *cost, p_cell(each), grade[0], grade_cost[0])
    return table


def _listed(keys: tuple[str, ...]) -> str:
    more = f" and {len(keys) - _MOST_LISTED} more" if len(keys) > _MOST_LISTED else ""
    return ", ".join(keys[:_MOST_LISTED]) + more
