"""The page of one case-trial: what was said and heard, what it was graded, every event, and what its mode shows of it.

What is on the page is decided by what the record names (a call's recording, a terminal's, a log) and by what the mode
declares; no mode is known here by name.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse
from starlette.exceptions import HTTPException

from evalkit.errors import ConfigError, DataError
from evalkit.lab.index.rows import RunRow
from evalkit.lab.lab import Lab
from evalkit.lab.live.journal_lines import find_place
from evalkit.lab.people.reviews import read_reviews, reviews_in_force
from evalkit.lab.web.call_sound import (
    compose_call,
    find_whole_call,
    has_sound,
    read_duration_ms,
    read_peaks,
)
from evalkit.lab.web.event_log import MOST_LINES, count_events, read_event, read_window
from evalkit.lab.web.finished_case import FinishedCase, read_case
from evalkit.lab.web.mode_sections import section_assets
from evalkit.lab.web.rendering import render
from evalkit.metrics.turn_taking.timeline import CallerAct
from evalkit.records.layout import PageSection
from evalkit.records.passing import required_graders
from evalkit.reports.page.cases import find_artifact
from evalkit.reports.page.events import read_digest
from evalkit.reports.page.render import RenderedSection, render_section
from evalkit.reports.page.timeline import Block, Lane, lay_out
from evalkit.runs.stored_run import open_run
from evalkit.store.run_directory import RunDirectory

_log = logging.getLogger(__name__)
_READER = "the lab"
_CALLS = "calls"
_RECORDING = "recording_path"
_GATEWAY_LOG = "gateway.jsonl"
_SAYS_TURN = ("", CallerAct.TURN, CallerAct.INTERRUPTION)  # of the caller's blocks: those with the words of the turn
_NO_SECTION = '<p class="note bad">This part cannot be shown: {{ problem }}</p>'


@dataclass(frozen=True)
class _Asked:
    """One case-trial as an address names it.

    `trouble` says why it cannot be read; `place` is the cursor of the run's journal, and its generation, before it was.
    """

    run: RunRow
    key: str
    planned: tuple[str, ...]
    case: FinishedCase | None
    trouble: str
    place: tuple[int, str]

    @property
    def href(self) -> str:
        return case_href(self.run.id, self.key)


@lru_cache(maxsize=4096)  # a page of a case's history asks for the same hundreds twice, and is loaded again
def case_href(run_id: str, key: str) -> str:
    """Return the address of a case-trial's page."""
    return f"/ui/runs/{quote(run_id, safe='')}/cases/{quote(key, safe='')}"


def routes(lab: Lab) -> APIRouter:
    """Return the routes of the page and of what it fetches."""
    router = APIRouter(prefix="/ui/runs/{run_id}/cases/{key}", include_in_schema=False)

    @router.get("")
    def show_case(request: Request, run_id: str, key: str) -> HTMLResponse:
        return _page(lab, request, _find(lab, run_id, key))

    @router.get("/call.wav")
    def get_call(run_id: str, key: str) -> Response:
        path = _call_file(lab, _require(lab, run_id, key))
        return FileResponse(path, media_type="audio/wav", headers={"Cache-Control": "no-store"})

    @router.get("/peaks")
    def get_peaks(run_id: str, key: str) -> Mapping[str, Any]:
        path = _call_file(lab, _require(lab, run_id, key))
        try:
            return asdict(read_peaks(path))
        except DataError as error:
            raise HTTPException(422, str(error)) from error

    @router.get("/events")
    def list_events(
        run_id: str, key: str, first: int = 0, count: int = MOST_LINES, find: Annotated[str, Query(max_length=200)] = ""
    ) -> Mapping[str, Any]:
        return asdict(read_window(_event_log(lab, run_id, key), max(0, first), max(0, count), find))

    @router.get("/events/{number}")
    def get_event(run_id: str, key: str, number: int) -> PlainTextResponse:
        event = read_event(_event_log(lab, run_id, key), number)
        if event is None:
            raise HTTPException(404, f"{key} has no event {number}")
        return PlainTextResponse(event)

    return router


def _find(lab: Lab, run_id: str, key: str) -> _Asked:
    """Return what an address names. Raises HTTPException 404 where there is no such run, or it has no such case."""
    row = lab.index.get_run(run_id)
    if row is None:
        raise HTTPException(404, f"There is no run {run_id} here. It may have been moved or deleted.")
    place = find_place(RunDirectory(row.root).journal_path)  # before its files are read: what comes after is told
    try:
        run = open_run(row.root, _READER)
        if key not in run.planned:
            raise HTTPException(404, f"The run {row.name} has no case-trial {key}.")
    except ConfigError as error:
        return _Asked(row, key, (), None, _without_folder(row, error), place)
    try:
        return _Asked(row, key, run.planned, read_case(run, key), "", place)
    except (DataError, ValueError, KeyError, TypeError) as error:
        told = error if isinstance(error, DataError) else f"records/{key}.json: cannot be read ({error})"
        return _Asked(row, key, run.planned, None, _without_folder(row, told), place)


def _without_folder(row: RunRow, error: object) -> str:
    """Return a message without the folders above the run's: a page does not tell where on the machine it lies."""
    return str(error).replace(f"{row.root.parent}/", "")


def _require(lab: Lab, run_id: str, key: str) -> FinishedCase:
    asked = _find(lab, run_id, key)
    if asked.case is None:
        raise HTTPException(404, asked.trouble or f"{key} has not ended")
    return asked.case


def _event_log(lab: Lab, run_id: str, key: str) -> Path:
    row = lab.index.get_run(run_id)
    path = _find_log(row.root, key) if row and "/" not in key else None
    if path is None:
        raise HTTPException(404, f"{key} has no event log")
    return path


def _find_log(root: Path, key: str) -> Path | None:
    """Return the log of a case-trial: of its events, else of what its agent asked a model."""
    return find_artifact(root, f"events/{key}.jsonl") or find_artifact(root, f"files/{key}/{_GATEWAY_LOG}")


# --- the page ---


def _page(lab: Lab, request: Request, asked: _Asked) -> HTMLResponse:
    row, case = asked.run, asked.case
    place = asked.planned.index(asked.key) if asked.planned else 0
    trial = lab.index.get_trial(row.id, asked.key)
    nonce = secrets.token_urlsafe(16)
    shown: dict[str, Any] = dict.fromkeys(_NOTHING)
    trouble = asked.trouble
    if case is not None:
        try:
            shown = _shown(asked, case, nonce)
        except Exception as error:  # noqa: BLE001  a record may be forged so that it can be read and not be shown
            _log.warning("the case-trial %s of %s cannot be shown", asked.key, row.root, exc_info=error)
            trouble = f"records/{asked.key}.json holds what no run writes ({type(error).__name__}: {error})"
    case_id, _, number = asked.key.partition(".t")
    return render(
        request,
        "case.html.j2",
        plays_recording=bool(shown["recording"]),
        style_nonce=nonce if shown["call"] else "",
        key=asked.key,
        case_id=case.record.case.case_id if case else trial.case_id if trial else case_id,
        trial=case.record.trial if case else int(number) if number.isdecimal() else 1,
        run={"id": row.id, "name": row.name, "mode": row.mode, "model": row.model, "href": f"/ui/runs/{row.id}"},
        previous=case_href(row.id, asked.planned[place - 1]) if place > 0 else "",
        following=case_href(row.id, asked.planned[place + 1]) if place + 1 < len(asked.planned) else "",
        here=asked.href,
        trouble=trouble,
        waiting=str(trial.ending) if trial else "",
        place=asked.place,
        awaits=_awaited(row, case, asked.trouble),
        **shown,
    )


def _awaited(row: RunRow, case: FinishedCase | None, trouble: str) -> str:
    """Return after which event of the run the page would show more; empty: it is whole."""
    if not row.is_live or trouble:
        return ""
    return "finished" if case is None else "" if case.grades or not case.record.scored else "graded"


_NOTHING = (
    "detail",
    "line",
    "ending",
    "call",
    "recording",
    "sections",
    "styles",
    "spoken",
    "required",
    "whole_reviews",
    "event_count",
    "events_file",
    "logs_calls",
)


def _shown(asked: _Asked, case: FinishedCase, nonce: str) -> dict[str, Any]:
    """Return what the page shows of a case-trial that is there."""
    root, record = case.root, case.record
    detail = case.source.detail()
    _address(asked.run.id, root, detail)
    reviews = reviews_in_force(read_reviews(root), {record.key: case.record_sha256})
    for grade in detail["grades"]:
        question = (record.key, grade["grader_id"], grade["turn_index"])
        grade["reviews"] = [review for review in reviews if review.question == question]
        grade["review_href"] = _review_href(asked.run.id, *question) if grade["judge"] else ""
    call = _call(asked, case, detail, nonce)
    if call:
        _place_hearing(detail)
    recording = record.artifacts.get(_RECORDING, "")
    log = _find_log(root, record.key)
    sections = [_section(section, case) for section in case.layout.case_sections]
    return {
        "detail": detail,
        "line": case.source.line(),
        "ending": case.ending,
        "call": call,
        "spoken": has_sound(root, record),
        "required": required_graders(record.case),
        "whole_reviews": [review for review in reviews if review.question == (record.key, None, None)],
        "recording": _artifact(asked.run.id, recording) if recording and find_artifact(root, recording) else "",
        "sections": sections,
        "styles": section_assets(case.run.mode, "css"),
        "event_count": count_events(log) if log else None,
        "events_file": _artifact(asked.run.id, log.relative_to(root).as_posix()) if log else "",
        "logs_calls": log is not None and log.name == _GATEWAY_LOG,
    }


def _review_href(run_id: str, key: str, grader_id: str, turn_index: int | None) -> str:
    """Return where a person says what is right about a grader's question."""
    asked = {"key": key, "grader_id": grader_id, **({} if turn_index is None else {"turn": turn_index})}
    return f"/ui/reviews/{quote(run_id, safe='')}?{urlencode(asked)}"


def _section(section: PageSection, case: FinishedCase) -> RenderedSection:
    """Return a section that the mode declares; one that cannot be made says so, and the page is there all the same."""
    try:
        return render_section(section, case.section_source)
    except Exception as error:  # noqa: BLE001  a mode may be anybody's, and so may a record
        _log.warning("%s: the section %s cannot be shown", case.record.key, section.title, exc_info=error)
        problem = f"{type(error).__name__}: {error}"
        told = PageSection(section.title, _NO_SECTION, lambda _: {"problem": problem})
        return render_section(told, case.section_source)


def _artifact(run_id: str, stored: str) -> str:
    return f"/artifacts/{quote(run_id, safe='')}/{quote(stored)}"


def _address(run_id: str, root: Path, detail: dict[str, Any]) -> None:
    """Turn paths relative to the run into addresses of this lab, in place."""
    for file in detail["files"]:
        file["href"] = _artifact(run_id, file["name"])
        file["bytes"] = (root / file["name"]).stat().st_size
    for sound in [*detail["sounds"], *(sound for turn in detail["turns"] for sound in turn["sounds"])]:
        sound["src"] = f"/artifacts/{quote(run_id, safe='')}/{sound['src']}"
    for turn in detail["turns"]:
        turn["at"] = None
        for step in turn["steps"]:
            step["at"] = None


def _place_hearing(detail: dict[str, Any]) -> None:
    """Say in place, at each words of the transcript, from when to when they are heard in the call, in milliseconds."""
    heard: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for lane, turn_index, start_ms, end_ms, _, kind, *_ in detail["timeline"]["blocks"]:
        if lane != Lane.CALLER or kind in _SAYS_TURN:
            heard.setdefault((lane, turn_index), []).append((start_ms, end_ms))
    for turn in detail["turns"]:
        said = heard.get((Lane.CALLER, turn["turn_index"]), ())
        turn["at"] = (said[0][0], said[-1][1]) if said else None
        words = [step for step in turn["steps"] if step["kind"] == "words"]
        answered = heard.get((Lane.ASSISTANT, turn["turn_index"]), [])
        if answered and len(answered) != len(words):
            answered = [(answered[0][0], answered[-1][1])] * len(words)
        for step, at in zip(words, answered, strict=False):
            step["at"] = at


# --- the sound ---


def _call(asked: _Asked, case: FinishedCase, detail: Mapping[str, Any], nonce: str) -> dict[str, Any] | None:
    """Return what plays the call; None where nothing of it can be heard."""
    if not has_sound(case.root, case.record):
        return None
    whole = find_whole_call(case.root, case.record)
    if not whole and detail["timeline"]["duplex"]:
        return None  # turns laid end to end are not where they were in such a call
    span_ms = max((block[3] for block in detail["timeline"]["blocks"]), default=0)
    if whole:
        try:
            span_ms = max(span_ms, read_duration_ms(case.root / whole))
        except DataError:
            whole = ""
    if not span_ms:
        return None
    return {
        "src": _artifact(asked.run.id, whole) if whole else f"{asked.href}/call.wav",
        "peaks": f"{asked.href}/peaks",
        "span_ms": round(span_ms),
        "nonce": nonce,
    }


def _call_file(lab: Lab, case: FinishedCase) -> Path:
    """Return the file of the whole call, which is made where the run has none. Raises HTTPException."""
    root, record = case.root, case.record
    whole = find_whole_call(root, record)
    if whole:
        return root / whole
    named = sha256(f"{root}\n{record.key}\n{case.record_sha256}".encode()).hexdigest()[:32]
    call = lab.settings.home / _CALLS / f"{named}.wav"
    try:
        if not compose_call(root, record, lambda: _blocks(root, case), call):
            raise HTTPException(404, f"{record.key}: nothing of it can be heard")
    except DataError as error:
        raise HTTPException(422, str(error).replace(f"{root}/", "")) from error
    return call


def _blocks(root: Path, case: FinishedCase) -> tuple[Block, ...]:
    log = find_artifact(root, f"events/{case.record.key}.jsonl")
    return lay_out(case.record, read_digest(log, 0).turns if log else {}).blocks
