"""What ``templates/realism.html.j2`` shows: what each step of realism costs, whichever page it stands on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalkit.reports.realism import RealismReport
from evalkit.reports.realism_table import difference_cells, estimate_cells, p_cell, reading_lines


def describe_realism(report: RealismReport) -> Mapping[str, Any]:
    """Return the template's ``realism``: of each step of a ladder its cells, and what the whole says."""
    ladders = [
        {
            "of": ladder.of,
            "rows": [
                {
                    "step": each.step.name,
                    "run": each.run,
                    "directory": each.directory,
                    "passed": estimate_cells(each.passed),
                    "cost": difference_cells(each.cost.passed if each.cost else None),
                    "p": p_cell(each),
                    "flipped": f"{len(each.cost.lost)} and {len(each.cost.won)}" if each.cost else "-",
                    "grade": estimate_cells(each.grade),
                    "grade_cost": difference_cells(each.cost.grade if each.cost else None),
                }
                for each in ladder.steps
            ],
            "readings": reading_lines(ladder),
        }
        for ladder in report.ladders
    ]
    return {"ladders": ladders, "left_out": report.left_out}
