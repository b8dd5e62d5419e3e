"""What became of a case over all runs: whether it is flaky, since when it fails, and every try at it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from evalkit.lab.index.rows import CaseTry, TrialEnding
from evalkit.lab.lab import Lab
from evalkit.lab.web.case import case_href
from evalkit.lab.web.charts import ChartPoint, latency_over_time
from evalkit.lab.web.rendering import query_string, render
from evalkit.metrics.statistics import Interval, wilson_interval

_MOST_TRIES = 1_000
_PAGE = 50
_SHOWN_TRIES = 40
_SIGNS = {
    TrialEnding.PASSED: "✓",
    TrialEnding.FAILED: "✗",
    TrialEnding.UNGRADED: "\N{EN DASH}",
    TrialEnding.RUNNING: "…",
    TrialEnding.LOST: "∅",
}


class CaseState(StrEnum):
    """How a case stands with one model. `FLAKY`: runs of one config found both; `UNDECIDED`: no try is decided."""

    PASSES = "passes"
    FAILS = "fails"
    FLAKY = "flaky"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class CaseCourse:
    """What became of a case with one model.

    Attributes:
        mode: The mode's name.
        model: What was under test.
        tries: All, oldest first.
        state: How it stands now.
        since: The first of the newest tries that all ended alike; None where it is flaky or undecided.
        before: The last decided try before that; None: it was never otherwise.

    """

    mode: str
    model: str
    tries: tuple[CaseTry, ...]
    state: CaseState
    since: CaseTry | None = None
    before: CaseTry | None = None

    @cached_property
    def decided(self) -> tuple[CaseTry, ...]:
        """The tries of which it is decided whether they passed, oldest first."""
        return _decided(self.tries)

    @property
    def passed(self) -> int:
        """How many of those passed."""
        return sum(bool(row.passed) for row in self.decided)

    @property
    def lost(self) -> int:
        """How many tries do not count, by somebody else's fault."""
        return sum(row.ending == TrialEnding.LOST for row in self.tries)

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of the share that passes."""
        return wilson_interval(self.passed, len(self.decided))

    @property
    def streak(self) -> int:
        """How many of the newest decided tries ended alike."""
        return len(self.decided) - self.decided.index(self.since) if self.since else 0

    @property
    def squares(self) -> list[tuple[str, str, str, str, str]]:
        """The newest tries as a picture shows them, oldest first: ending, sign, address, title and label of each."""
        return [_square(row) for row in self.tries[-_SHOWN_TRIES:]]


def _square(row: CaseTry) -> tuple[str, str, str, str, str]:
    label = f"{row.ending}, {row.run_name}" if row.trial == 1 else f"{row.ending}, {row.run_name}, trial {row.trial}"
    title = f"{row.ending}: {row.run_name}, {row.started_at[:16].replace('T', ' ')}"
    return row.ending.value, _SIGNS[row.ending], case_href(row.run_id, row.key), title, label


def follow_courses(newest_first: Sequence[CaseTry]) -> list[CaseCourse]:
    """Return what became of a case with each model: what fails now first, then what is flaky."""
    tries: dict[tuple[str, str], list[CaseTry]] = defaultdict(list)
    for row in reversed(newest_first):
        tries[row.mode, row.model].append(row)
    courses = [_course(mode, model, tuple(rows)) for (mode, model), rows in tries.items()]
    order = [CaseState.FAILS, CaseState.FLAKY, CaseState.PASSES, CaseState.UNDECIDED]
    return sorted(courses, key=lambda course: (order.index(course.state), course.mode, course.model))


def _course(mode: str, model: str, tries: tuple[CaseTry, ...]) -> CaseCourse:
    decided = _decided(tries)
    if not decided:
        return CaseCourse(mode, model, tries, CaseState.UNDECIDED)
    found: dict[str, set[bool | None]] = defaultdict(set)
    for row in decided:
        found[row.config_sha256].add(row.passed)
    if any(len(verdicts) > 1 for verdicts in found.values()):
        return CaseCourse(mode, model, tries, CaseState.FLAKY)
    passes = decided[-1].passed
    turned = max((place for place, row in enumerate(decided) if row.passed != passes), default=-1)
    return CaseCourse(
        mode,
        model,
        tries,
        CaseState.PASSES if passes else CaseState.FAILS,
        since=decided[turned + 1],
        before=decided[turned] if turned >= 0 else None,
    )


def _decided(tries: Sequence[CaseTry]) -> tuple[CaseTry, ...]:
    return tuple(row for row in tries if row.passed is not None)


def routes(lab: Lab) -> APIRouter:
    """Return the route of the page."""
    router = APIRouter(include_in_schema=False)

    @router.get("/ui/cases/{case_id}")
    def show_history(request: Request, case_id: str, mode: str = "", page: int = 1) -> HTMLResponse:
        tries = lab.index.case_course(case_id, mode, size=_MOST_TRIES)
        found = lab.index.case_history(case_id, mode, page=page, size=_PAGE)
        return render(
            request,
            "history.html.j2",
            status_code=200 if tries else 404,
            case_id=case_id,
            mode=mode,
            modes=sorted({row.mode for row in tries}),
            courses=follow_courses(tries),
            total=found.total,
            followed=len(tries),
            rows=found.rows if (found.page - 1) * _PAGE < len(tries) else (),
            page=found.page,
            size=_PAGE,
            link=lambda number: query_string(request, page=number),
            case_href=case_href,
            latencies=latency_over_time(_latency_points(tries)),
        )

    return router


def _latency_points(rows: Sequence[CaseTry]) -> list[ChartPoint]:
    points = []
    for row in rows:
        at_s = None if row.latency_ms is None else _seconds(row.started_at)
        if at_s is not None and row.latency_ms is not None:
            href = case_href(row.run_id, row.key)
            points.append(ChartPoint(f"{row.run_name}: {row.ending}", at_s, row.latency_ms, href=href, group=row.model))
    return points


def _seconds(moment: str) -> float | None:
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return None
