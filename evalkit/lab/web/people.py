"""What people added to a run, as a part of its page: tags, notes, and where to review it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse

from evalkit.lab.api.people_routes import find_writable, keep
from evalkit.lab.index.rows import RunRow
from evalkit.lab.people.notes import add_note, read_notes
from evalkit.lab.people.questions import NOBODY
from evalkit.lab.people.tags import add_tag, read_tags, remove_tag
from evalkit.lab.web.rendering import render
from evalkit.lab.web.reviews import NAME_COOKIE, reviewer_name

if TYPE_CHECKING:
    from evalkit.lab.lab import Lab

_A_YEAR_S = 365 * 86_400


def routes(lab: Lab) -> APIRouter:
    """Return the routes of the part and of its forms."""
    router = APIRouter(prefix="/ui/runs/{run_id}/people", include_in_schema=False)

    def show(request: Request, row: RunRow, name: str) -> HTMLResponse:
        content: dict[str, Any] = {
            "run": row,
            "tags": read_tags(row.root),
            "notes": read_notes(row.root)[::-1],
            "known": [tag.tag for tag in lab.index.list_tags()],
            "name": name,
        }
        return render(request, "people.html.j2", **content)

    @router.get("")
    def show_people(request: Request, run_id: str) -> HTMLResponse:
        row = lab.index.get_run(run_id)
        if row is None:
            raise HTTPException(404, f"There is no run {run_id} here. It may have been moved or deleted.")
        return show(request, row, reviewer_name(request))

    @router.post("/tag")
    def put_on(request: Request, run_id: str, tag: Annotated[str, Form()]) -> HTMLResponse:
        row, name = find_writable(lab, run_id), reviewer_name(request)
        keep(lab, row, lambda: add_tag(row.root, tag, name or NOBODY))
        return show(request, row, name)

    @router.post("/untag")
    def take_off(request: Request, run_id: str, tag: Annotated[str, Form()]) -> HTMLResponse:
        row, name = find_writable(lab, run_id), reviewer_name(request)
        keep(lab, row, lambda: remove_tag(row.root, tag, name or NOBODY))
        return show(request, row, name)

    @router.post("/note")
    def write_note(
        request: Request, run_id: str, text: Annotated[str, Form()], by: Annotated[str, Form()] = ""
    ) -> HTMLResponse:
        row, name = find_writable(lab, run_id), by.strip()
        keep(lab, row, lambda: add_note(row.root, text, name or NOBODY))
        page = show(request, row, name)
        page.set_cookie(NAME_COOKIE, quote(name), _A_YEAR_S, path="/ui", httponly=True, samesite="strict")
        return page

    return router
