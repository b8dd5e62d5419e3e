"""``sweep.html``: the jobs of a sweep side by side, the best by lower bound, and which differ by more than chance.

Latencies are shown of the jobs whose latencies may be compared; where no job's may, their columns are left out.
"""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.reports.metric_names import name_of
from evalkit.reports.page.realism import describe_realism
from evalkit.reports.page.render import render
from evalkit.reports.realism import RealismReport
from evalkit.reports.sweep_differences import MOST_JOBS_COMPARED, JobDifference

_MOST_NUMBERS = 50
_CALLS = ("tool_call_correctness_mean", "tool_call_arg_correctness_mean")


@dataclass(frozen=True)
class SweepJobRow:
    """One job on the page.

    Attributes:
        cells: Its row of ``sweep.csv``.
        differs: The overrides that not all jobs have.
        latency_reason: Why its latencies may not be compared; empty where they may.
        link: Its report, relative to the page; empty where there is none.
        ranking: In which list it is ranked.
        best: Whether no job's lower bound is higher in that list.

    """

    cells: Mapping[str, Any]
    differs: Sequence[str]
    latency_reason: str
    link: str
    ranking: str
    best: bool


def sweep_page(
    name: str,
    columns: Sequence[str],
    rows: Sequence[SweepJobRow],
    differences: Sequence[JobDifference],
    pictures: Mapping[str, bytes],
    realism: RealismReport | None = None,
) -> Iterator[str]:
    """Yield the page, piece by piece. `columns` are those of ``sweep.csv``, `pictures` (PNG by name) are put in."""
    jobs_by_reason: dict[str, list[int]] = {}
    for row in rows:
        if row.latency_reason:
            jobs_by_reason.setdefault(row.latency_reason, []).append(row.cells["job"])
    graded = [row for row in rows if row.cells.get("passed_mean") is not None]
    rankings = Counter(row.ranking for row in graded)
    measured = [
        column
        for column in columns
        if column.endswith(("_p50", "_p95")) and any(row.cells.get(column) is not None for row in rows)
    ]
    return render(
        "sweep.html.j2",
        ("sweep.js",),
        name=name,
        rows=rows,
        differences=differences,
        best={ranking: [row for row in rows if row.best and row.ranking == ranking] for ranking in rankings},
        graded=len(graded),
        named=_named,
        next_best=MOST_JOBS_COMPARED - 1 if len(rows) > MOST_JOBS_COMPARED else None,
        all_pairs=len(differences) == sum(math.comb(count, 2) for count in rankings.values()),
        calls=[(column, name_of(column.removesuffix("_mean"))) for column in columns if column in _CALLS],
        latencies=[(column, f"{name_of(column[:-4])} {column[-3:]}, ms") for column in measured],
        latency_reasons=jobs_by_reason,
        realism=describe_realism(realism) if realism else None,
        pictures={
            name: f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}"
            for name, picture in pictures.items()
        },
    )


def _named(numbers: Sequence[int]) -> str:
    """Return the numbers of jobs for a sentence; of very many the first."""
    shown = ", ".join(map(str, numbers[:_MOST_NUMBERS]))
    return f"{shown} and {len(numbers) - _MOST_NUMBERS} more" if len(numbers) > _MOST_NUMBERS else shown
