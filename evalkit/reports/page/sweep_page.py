"""``sweep.html``: the jobs of a sweep side by side, the best by lower bound, and which differ by more than chance."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.reports.page.render import render
from evalkit.reports.sweep_differences import JobDifference


@dataclass(frozen=True)
class SweepRow:
    """One job on the page.

    Attributes:
        cells: Its row of ``sweep.csv``.
        differs: The overrides that not all jobs have.
        latency_reason: Why its latencies are not to be published; empty where they are.
        link: Its report, relative to the page; empty where there is none.
        best: Whether no job's lower bound is higher.

    """

    cells: Mapping[str, Any]
    differs: Sequence[str]
    latency_reason: str
    link: str
    best: bool


def sweep_page(
    name: str, rows: Sequence[SweepRow], differences: Sequence[JobDifference], picture: bytes | None
) -> Iterator[str]:
    """Yield the page, piece by piece. `picture` is a PNG that is put into it."""
    reasons = sorted({row.latency_reason for row in rows if row.latency_reason})
    graded = [row for row in rows if row.cells["grade_mean"] is not None]
    return render(
        "sweep.html.j2",
        "sweep.js",
        name=name,
        rows=rows,
        differences=differences,
        best=[row for row in rows if row.best],
        graded=len(graded),
        all_pairs=len(differences) == len(graded) * (len(graded) - 1) // 2,
        latency_reasons=reasons,
        picture=None if picture is None else f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}",
    )
