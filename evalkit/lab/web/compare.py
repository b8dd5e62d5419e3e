"""The pages that compare two runs: which case-trials flipped, what is significant, and a case of both side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from evalkit.errors import UserError
from evalkit.lab.comparing import RunComparison, compare_folders
from evalkit.lab.index.rows import RunQuery, RunRow
from evalkit.lab.web.call_sound import has_sound
from evalkit.lab.web.case import case_href
from evalkit.lab.web.finished_case import FinishedCase, read_case
from evalkit.lab.web.rendering import render
from evalkit.reports.compare_text import conclusion, shown_metrics
from evalkit.runs.stored_run import open_run

if TYPE_CHECKING:
    from evalkit.lab.lab import Lab

_MOST_OFFERED = 200
_WATCHED = ("journal.jsonl", "grades.jsonl", "provenance.json", "config.yaml")


@dataclass(frozen=True)
class CaseSide:
    """One run's part of a case that is shown side by side; `case` None: it is not finished, or `trouble` says more."""

    run: RunRow
    href: str
    case: FinishedCase | None
    trouble: str = ""

    @property
    def detail(self) -> Mapping[str, Any] | None:
        """What a page shows of it."""
        return self.case.source.detail() if self.case else None

    @property
    def line(self) -> Mapping[str, Any] | None:
        """The numbers of its line in a table of cases."""
        return self.case.source.line() if self.case else None

    @property
    def sound(self) -> str:
        """Where the whole call is heard; empty: there is no sound."""
        is_heard = self.case is not None and has_sound(self.case.root, self.case.record)
        return f"{self.href}/call.wav" if is_heard else ""


@dataclass(frozen=True)
class GradePair:
    """The grades that one grader gave in both runs to the same question; None: it gave none."""

    grader_id: str
    turn_index: int | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @property
    def differs(self) -> bool:
        """Whether the grades are not the same."""
        return (self.before and self.before["grade"]) != (self.after and self.after["grade"])


def routes(lab: Lab) -> APIRouter:
    """Return the pages of comparing."""
    router = APIRouter(include_in_schema=False)

    @router.get("/ui/compare")
    def show_comparison(request: Request, a: str = "", b: str = "") -> HTMLResponse:
        before, after = (lab.index.get_run(run_id) if run_id else None for run_id in (a, b))
        found, trouble = _compare(before, after) if before and after else (None, "")
        missing = [run_id for run_id, run in ((a, before), (b, after)) if run_id and run is None]
        return render(
            request,
            "compare.html.j2",
            before=before,
            after=after,
            missing=missing,
            trouble=trouble,
            offered=_offer(lab, before),
            found=found,
            conclusion=conclusion(found.comparison) if found else "",
            metrics=shown_metrics(found.comparison) if found else (),
            unpaired=_by_reason(found) if found else {},
            case_link=lambda key: f"/ui/compare/case?{urlencode({'a': a, 'b': b, 'key': key})}",
        )

    @router.get("/ui/compare/case")
    def show_case(request: Request, a: str = "", b: str = "", key: str = "") -> HTMLResponse:
        rows = [lab.index.get_run(run_id) for run_id in (a, b)]
        if rows[0] is None or rows[1] is None:
            raise HTTPException(404, "One of the two runs is not here. It may have been moved or deleted.")
        before, after = (_read_side(row, key) for row in rows if row)
        found, _ = _compare(rows[0], rows[1])
        flips = [flip.key for flip in found.flips] if found else []
        place = flips.index(key) if key in flips else None
        return render(
            request,
            "compare_case.html.j2",
            key=key,
            before=before,
            after=after,
            pairs=_pair_grades(before, after),
            turns=_pair_turns(before, after),
            previous=flips[place - 1] if place else "",
            following=flips[place + 1] if place is not None and place + 1 < len(flips) else "",
            place=place,
            flips=len(flips),
            back=f"/ui/compare?{urlencode({'a': a, 'b': b})}",
            case_link=lambda other: f"/ui/compare/case?{urlencode({'a': a, 'b': b, 'key': other})}",
        )

    return router


def _compare(before: RunRow, after: RunRow) -> tuple[RunComparison | None, str]:
    """Return the comparison of two runs, or why there is none."""
    try:
        return _computed(before.root, after.root, (_stamp(before.root), _stamp(after.root))), ""
    except (UserError, ValueError, KeyError, TypeError, OSError) as error:
        told = str(error) if isinstance(error, UserError) else f"a file of one of the runs cannot be read ({error})"
        for row in (before, after):
            told = told.replace(f"{row.root.parent}/", "")  # a page does not tell where on the machine a run lies
        return None, told


@lru_cache(maxsize=4)
def _computed(before: Path, after: Path, _: tuple[object, object]) -> RunComparison:
    return compare_folders(before, after)


def _stamp(root: Path) -> tuple[tuple[int, int], ...]:
    """Return what changes whenever what a comparison reads of a run does."""
    found = [(root / name).stat() for name in _WATCHED if (root / name).is_file()]
    return tuple((stat.st_mtime_ns, stat.st_size) for stat in found)


def _offer(lab: Lab, before: RunRow | None) -> Mapping[str, Sequence[RunRow]]:
    """Return the runs that can be chosen, the newest first, by what they have in common with `before`."""
    newest = lab.index.list_runs(RunQuery(size=_MOST_OFFERED)).rows
    if before is None:
        return {"All runs": newest}
    same = lab.index.list_runs(RunQuery(case_set=before.case_set, size=_MOST_OFFERED)).rows if before.case_set else ()
    known = {run.id for run in same}
    others = [run for run in newest if run.id not in known]
    groups = {
        "The same cases as A": same,
        f"Other runs of {before.mode}": [run for run in others if run.mode == before.mode],
        "Other modes": [run for run in others if run.mode != before.mode],
    }
    return {name: runs for name, runs in groups.items() if runs}


def _by_reason(found: RunComparison) -> Mapping[str, Sequence[str]]:
    keys: dict[str, list[str]] = defaultdict(list)
    for item in found.comparison.unpaired:
        keys[item.reason].append(item.key)
    return keys


# --- a case of both ---


def _read_side(row: RunRow, key: str) -> CaseSide:
    href = case_href(row.id, key)
    try:
        run = open_run(row.root, "the lab")
        if key not in run.planned:
            return CaseSide(row, href, None, f"The run has no case-trial {key}.")
        return CaseSide(row, href, read_case(run, key))
    except (UserError, ValueError, KeyError, TypeError, OSError) as error:
        told = str(error) if isinstance(error, UserError) else f"records/{key}.json: cannot be read ({error})"
        return CaseSide(row, href, None, told.replace(f"{row.root.parent}/", ""))


def _pair_grades(before: CaseSide, after: CaseSide) -> list[GradePair]:
    """Return both sides' grades by question, those that differ first."""
    first, second = (
        {(grade["grader_id"], grade["turn_index"]): grade for grade in (side.detail or {}).get("grades", ())}
        for side in (before, after)
    )
    pairs = [
        GradePair(grader_id, turn_index, first.get((grader_id, turn_index)), second.get((grader_id, turn_index)))
        for grader_id, turn_index in dict.fromkeys([*first, *second])
    ]
    return sorted(pairs, key=lambda pair: not pair.differs)


def _pair_turns(before: CaseSide, after: CaseSide) -> list[tuple[Any, Any]]:
    """Return both sides' turns by their index; None where one has no such turn."""
    first, second = (
        {turn["turn_index"]: turn for turn in (side.detail or {}).get("turns", ())} for side in (before, after)
    )
    return [(first.get(index), second.get(index)) for index in sorted({*first, *second})]
