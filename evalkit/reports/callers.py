"""What simulated callers did to a run: how often a turn had to be made again, and what the lost cases weigh.

======================== ==========================================================================================
key                      meaning
======================== ==========================================================================================
``caller_turns``         turns that a caller's model was asked for, in all case-trials
``regenerations``        attempts at such a turn beyond the first
``regeneration_rate``    regenerations per caller turn
``problems``             why attempts were thrown away, by kind
``lost_cases``           case-trials lost by the caller's fault
``lost_share``           of all case-trials
``grade_mean_without``   mean grade without the lost ones: what `grade_mean` would say with nothing else lost
``grade_mean_with``      two numbers: the mean with them, had the assistant failed, had it passed them all
``grade_mean_first_try`` mean grade of the case-trials whose caller never had to be asked again
======================== ==========================================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from statistics import fmean

from evalkit.metrics.statistics import score_bounds
from evalkit.records.faults import Fault
from evalkit.records.json import Json
from evalkit.records.layout import ResultLayout
from evalkit.records.record import CaseRecord
from evalkit.reports.rows import lookup


def summarize_callers(
    layout: ResultLayout, records: Sequence[CaseRecord], grades: Mapping[str, float]
) -> dict[str, Json]:
    """Return the summary's ``simulator`` node; nothing for a mode without a simulated user.

    Args:
        layout: What the results of the run's mode look like.
        records: All of the run.
        grades: Case-trial -> grade, of those that have one.

    """
    if not layout.simulated_user:
        return {}
    asked = sum(_count(record, "turns") for record in records)
    again = sum(_count(record, "regenerations") for record in records)
    lost = [record for record in records if record.fault is Fault.SIMULATOR]
    first_try = [
        grades[record.key] for record in records if record.key in grades and not _count(record, "regenerations")
    ]
    problems = sum((_problems(record) for record in records), Counter[str]())
    bounds = score_bounds(list(grades.values()), len(lost))
    return {
        "simulator": {
            "caller_turns": asked,
            "regenerations": again,
            "regeneration_rate": again / asked if asked else None,
            "problems": dict(sorted(problems.items())),
            "lost_cases": len(lost),
            "lost_share": len(lost) / len(records) if records else None,
            "grade_mean_without": fmean(grades.values()) if grades else None,
            "grade_mean_with": list(astuple(bounds)) if bounds else None,
            "grade_mean_first_try": fmean(first_try) if first_try else None,
        }
    }


def _count(record: CaseRecord, name: str) -> int:
    value = lookup(record.notes, ("simulator", name))
    return value if isinstance(value, int) else 0


def _problems(record: CaseRecord) -> Counter[str]:
    found = lookup(record.notes, ("simulator", "problems"))
    counts = found.items() if isinstance(found, Mapping) else ()
    return Counter({kind: count for kind, count in counts if isinstance(count, int)})
