"""The launch page, and what starts, stops and goes on with runs over HTTP."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Body, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, Field

from evalkit.errors import ConfigError
from evalkit.lab.index.rows import TrialEnding
from evalkit.lab.lab import Lab
from evalkit.lab.launch.checking import CheckedLine, Checking
from evalkit.lab.launch.form import make_form
from evalkit.lab.launch.launches import LaunchEntry, rerun_words, run_words
from evalkit.lab.launch.lines import as_value, read_line
from evalkit.lab.launch.orders import Orders, RefusedOrderError
from evalkit.lab.launch.seed_client import RunWish, overrides_of
from evalkit.lab.web.rendering import render
from evalkit.settings.help import DEFAULT_MODE
from evalkit.settings.schemas import mode_names
from evalkit.store.files import write_atomically

_MOST_LISTED = 100
_MOST_JOBS_SHOWN = 20
_Overrides = Annotated[list[Annotated[str, Field(max_length=8_000)]], Field(max_length=300)]


class LaunchOrder(BaseModel):
    """What is to be launched or checked: overrides as on the line, or the line itself.

    `rerun`: the id of the run that is repeated with these changes. `asker`: who checks as they type; a newer check of
    theirs ends an older one.
    """

    overrides: _Overrides = Field(default_factory=list)
    line: str | None = Field(default=None, max_length=50_000)
    multirun: bool = False
    rerun: str | None = Field(default=None, max_length=64)
    asker: str = Field(default="", max_length=64)


class ResumeOrder(BaseModel):
    """How a run goes on: bounds that change, and what becomes of cases that are others by now."""

    overrides: _Overrides = Field(default_factory=list)
    changed: Literal["rerun", "keep"] | None = None


class RerunOrder(BaseModel):
    """What is another in the repetition of a run."""

    overrides: _Overrides = Field(default_factory=list)
    multirun: bool = False


class RunOrder(RunWish):
    """A run, in the words of the older benchmark's client, or by overrides as on the line."""

    overrides: _Overrides = Field(default_factory=list)


def routes(lab: Lab) -> APIRouter:
    """Return the routes of launching; all of them answer 403 where the lab is read-only."""
    router = APIRouter(tags=["launching"], dependencies=[Depends(_writable(lab))])
    orders = Orders(lab.settings, lab.launches, Checking(lab.settings))
    _add_page(router, lab)
    _add_launches(router, lab, orders)
    _add_runs(router, lab, orders)
    return router


def _add_page(router: APIRouter, lab: Lab) -> None:
    @router.get("/ui/launch", include_in_schema=False)
    def show_form(request: Request, mode: str = "", rerun: str = "") -> HTMLResponse:
        run = lab.index.get_run(rerun) if rerun else None
        if rerun and run is None:
            raise HTTPException(404, "there is no such run")
        chosen = mode or (run.mode if run else DEFAULT_MODE)
        if chosen not in mode_names():
            raise HTTPException(404, "there is no such mode")
        return render(request, "launch.html.j2", form=make_form(chosen), default_mode=DEFAULT_MODE, source=run)


def _add_launches(router: APIRouter, lab: Lab, orders: Orders) -> None:
    @router.get("/launches", summary="What was launched")
    def list_launches(limit: int = _MOST_LISTED) -> list[dict[str, Any]]:
        """What was launched, newest first."""
        return [_describe(lab, entry) for entry in lab.launches.list_launches()[: max(0, min(limit, _MOST_LISTED))]]

    @router.get("/launches/{launch_id}", summary="A launch, with the end of what it printed")
    def get_launch(launch_id: str) -> dict[str, Any]:
        """One launch, with the end of what it has printed."""
        entry = _existing(lab.launches.get(launch_id))
        return {**_describe(lab, entry), "output": lab.launches.read_output(launch_id)}

    @router.post("/launches", status_code=201, summary="Check a line and queue it")
    def launch(order: LaunchOrder) -> Response:
        """Check a line, and queue it where nothing is wrong with it; 422 with all that is."""
        try:
            source = _root_of(lab, order.rerun) if order.rerun else None
            overrides, multirun = _read(order)
            entry = orders.launch(overrides, multirun=multirun, source=source)
        except ConfigError as error:
            return _refuse(error)
        return JSONResponse(_describe(lab, entry), 201)

    @router.post("/launches/check", summary="What a line would run, and what is wrong with it")
    def check(order: LaunchOrder) -> Response:
        """What a line would run and take, with all that is wrong with it, each at its key."""
        source = _root_of(lab, order.rerun) if order.rerun else None
        try:
            overrides, multirun = _read(order)
            checked = orders.check(overrides, multirun=multirun, source=source, asker=order.asker)
        except ConfigError as error:
            return _refuse(error)
        words = orders.complete(overrides, source)
        typed = rerun_words(source, words, multirun=multirun) if source else run_words(words, multirun=multirun)
        return JSONResponse(_describe_check(checked, typed))

    @router.post("/launches/parse", summary="What stands on a line")
    def parse(order: LaunchOrder) -> Response:
        """What stands on a line: its overrides, and whether it is a sweep."""
        try:
            overrides, multirun = _read(order)
        except ConfigError as error:
            return _refuse(error)
        return JSONResponse({"overrides": overrides, "multirun": multirun})

    @router.post("/launches/{launch_id}/stop", summary="Stop a launch")
    def stop(launch_id: str) -> dict[str, Any]:
        """Stop a launch: asked once, cases under way may finish; twice, it ends at once; a third time, it is killed."""
        return _describe(lab, _existing(lab.launches.stop_launch(launch_id)))


def _add_runs(router: APIRouter, lab: Lab, orders: Orders) -> None:
    @router.post("/runs", status_code=201, summary="Launch a run for each model")
    def launch_run(order: RunOrder) -> Response:
        """Launch a run for each model that is asked for; `run_id` is the first one's."""
        try:
            lines = [order.overrides] if order.overrides else overrides_of(order)
            more = _kept_response(lab, order.response_text)
            entries = [orders.launch([*line, *more]) for line in lines]
        except ConfigError as error:
            return _refuse(error)
        ids = [entry.run_id[:16] for entry in entries]
        return JSONResponse({"run_id": ids[0], "run_ids": ids, "launches": [entry.launch_id for entry in entries]}, 201)

    @router.post("/runs/{run_id}/resume", status_code=201, summary="Go on with a run")
    def resume(run_id: str, order: Annotated[ResumeOrder | None, Body()] = None) -> Response:
        """Go on with a run: what is missing is run, what was lost is tried again, nothing is paid for twice."""
        return _resume(lab, orders, run_id, order or ResumeOrder())

    @router.post("/runs/{run_id}/retry-api-errors", status_code=201, summary="Try again what was lost")
    def retry_lost(run_id: str, order: Annotated[ResumeOrder | None, Body()] = None) -> Response:
        """Try the cases again that were lost to the infrastructure. What was never begun is run too."""
        lost = lab.index.count_endings(run_id).get(TrialEnding.LOST, 0)
        told = {"api_errors_found": lost, "message": f"{lost} lost case-trials are tried again, in the same run"}
        return _resume(lab, orders, run_id, order or ResumeOrder(), told)

    @router.post("/sweeps/{sweep_id}/resume", status_code=201, summary="Go on with a sweep")
    def resume_sweep(sweep_id: str, order: Annotated[ResumeOrder | None, Body()] = None) -> Response:
        """Go on with the jobs of a sweep that have not come to their end."""
        sweep = lab.index.get_sweep(sweep_id)
        if sweep is None:
            raise HTTPException(404, "there is no such sweep")
        return _resume_in(lab, orders, sweep.root, "", order or ResumeOrder())

    @router.post("/runs/{run_id}/rerun", status_code=201, summary="Run a stored config again")
    def rerun(run_id: str, order: Annotated[RerunOrder | None, Body()] = None) -> Response:
        """Run the stored config again, with changes."""
        wanted = order or RerunOrder()
        try:
            entry = orders.launch(wanted.overrides, multirun=wanted.multirun, source=_root_of(lab, run_id))
        except ConfigError as error:
            return _refuse(error)
        return JSONResponse(_describe(lab, entry), 201)

    @router.post("/runs/{run_id}/stop", summary="Stop a run")
    def stop_run(run_id: str) -> Response:
        """Stop a run that this lab launched, as its launch is stopped."""
        return JSONResponse(_describe(lab, _stop_run(lab, run_id)))


def _writable(lab: Lab) -> Any:
    def require() -> None:
        if lab.settings.read_only:
            raise HTTPException(403, "this lab is read-only: it launches, stops and resumes nothing")

    return require


def _stop_run(lab: Lab, run_id: str) -> LaunchEntry:
    run = lab.index.get_run(run_id)
    entry = lab.launches.find_by_root(run.root) if run else lab.launches.find_by_run(run_id)
    if entry is None and run is None:
        raise HTTPException(404, "there is no such run")
    if entry is not None and entry.is_open:
        return _existing(lab.launches.stop_launch(entry.launch_id))
    if run is None or not run.is_live:
        raise HTTPException(409, "the run is not going on")
    above = lab.launches.find_by_root(run.root.parent)
    where = f"stop its sweep: POST /launches/{above.launch_id}/stop" if above else "stop it where it was started"
    raise HTTPException(409, f"this lab did not launch the run by itself; {where}")


def _resume(
    lab: Lab, orders: Orders, run_id: str, order: ResumeOrder, told: Mapping[str, Any] | None = None
) -> Response:
    run = lab.index.get_run(run_id)
    if run is None:
        raise HTTPException(404, "there is no such run")
    if run.is_live:
        raise HTTPException(409, "the run is going on; wait for it, or stop it")
    if told is not None:
        told = {"retry_run_id": run.id, "original_run_id": run.id, **told}
    return _resume_in(lab, orders, run.root, run.run_id, order, told)


def _resume_in(
    lab: Lab, orders: Orders, root: Path, run_id: str, order: ResumeOrder, told: Mapping[str, Any] | None = None
) -> Response:
    try:
        entry = orders.resume(root, run_id, order.overrides, order.changed)
    except RefusedOrderError as error:
        return _refuse(error)
    except ConfigError as error:
        raise HTTPException(409, str(error)) from None
    return JSONResponse({**_describe(lab, entry), "run_id": run_id[:16], **(told or {})}, 201)


def _root_of(lab: Lab, run_id: str) -> Path:
    root = lab.index.find_root(run_id)
    if root is None:
        raise HTTPException(404, "there is no such run")
    return root


def _read(order: LaunchOrder) -> tuple[list[str], bool]:
    if order.line is None:
        return order.overrides, order.multirun
    typed = read_line(order.line)
    if typed.rerun is not None:
        raise ConfigError("rerun: open the run's own page and choose “Run again”; the lab finds it there")
    return [*typed.overrides, *order.overrides], typed.multirun or order.multirun


def _kept_response(lab: Lab, text: str | None) -> list[str]:
    """Keep a stored answer for ``mode.responses``, and return the override that names it."""
    if text is None:
        return []
    path = lab.settings.home / "launches" / "responses" / f"{uuid4().hex}.txt"
    write_atomically(path, text)
    return [f"mode.responses={as_value(str(path))}"]


def _existing(entry: LaunchEntry | None) -> LaunchEntry:
    if entry is None:
        raise HTTPException(404, "there is no such launch")
    return entry


def _refuse(error: ConfigError) -> Response:
    told = [{"key": None, "message": message, "job": None} for message in error.problems]
    found = error.found if isinstance(error, RefusedOrderError) else told
    return JSONResponse({"detail": {"message": "; ".join(error.problems), "problems": found}}, 422)


def _describe(lab: Lab, entry: LaunchEntry) -> dict[str, Any]:
    is_sweep = entry.root is not None and (entry.root / "plan.json").exists()
    url = None
    if is_sweep:
        sweep = next((row for row in lab.index.list_sweeps() if row.root == entry.root), None)
        url = f"/ui/sweeps/{sweep.id}" if sweep else None
    elif entry.root is not None and lab.index.find_root(entry.run_id) is not None:
        url = f"/ui/runs/{entry.run_id[:16]}"
    failed = entry.state == "ended" and entry.exit_code not in (0, 1)
    said = lab.launches.read_output(entry.launch_id).strip().splitlines()[-6:] if failed else []
    return {
        "id": entry.launch_id,
        "run_id": entry.run_id[:16],
        "kind": entry.kind,
        "state": entry.state,
        "line": entry.line,
        "url": url,
        "directory": str(entry.root) if entry.root else None,
        "submitted_at": entry.submitted_at,
        "started_at": entry.started_at,
        "ended_at": entry.ended_at,
        "exit_code": entry.exit_code,
        "ending": _ending(entry),
        "stops": entry.stops,
        "said": [entry.trouble] if entry.trouble else said,
    }


_ENDINGS = {
    0: "done",
    1: "done; a gate was missed",
    2: "refused: config or data are wrong",
    3: "cases were lost to the infrastructure",
    4: "the budget was reached",
    70: "a defect of evalkit",
    130: "interrupted",
    -signal.SIGINT: "interrupted",
    -signal.SIGTERM: "interrupted",
}


def _ending(entry: LaunchEntry) -> str:
    if entry.state != "ended":
        return ""
    if entry.exit_code is None:
        return "could not be started" if entry.trouble else "ended while the lab was away"
    return _ENDINGS.get(entry.exit_code, "killed" if entry.exit_code < 0 else f"ended with {entry.exit_code}")


def _describe_check(checked: CheckedLine, words: tuple[str, ...]) -> dict[str, Any]:
    first = checked.jobs[0] if checked.jobs else {"config": None, "resolved": None}
    return {
        "words": list(words),
        "multirun": checked.multirun,
        "problems": list(checked.problems),
        "warnings": list(checked.warnings),
        "forecast": checked.forecast,
        "jobs_total": len(checked.jobs),
        "jobs": [{"says": job["says"], "overrides": job["overrides"]} for job in checked.jobs[:_MOST_JOBS_SHOWN]],
        "config": first["config"],
        "resolved": first["resolved"],
    }
