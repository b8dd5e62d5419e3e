"""Scripts and styles of the sections that modes declare: files of packages, served by the mode's name and a number.

A mode may be anybody's, so its files are not among the lab's own assets; a page loads them from here because nothing
may stand inline.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

from evalkit.errors import ConfigError
from evalkit.lab.lab import Lab
from evalkit.modes.registry import find_mode
from evalkit.records.layout import PageSection

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}


def section_assets(mode: str, kind: str, *, of_run: bool = False) -> list[str]:
    """Return the addresses of what the sections of `mode` need: ``css`` or ``js``, of a run's page or of a case's."""
    place = "run" if of_run else "case"
    return [
        f"/ui/sections/{quote(mode, safe='')}/{place}/{number}.{kind}?v={sha256(text.encode()).hexdigest()[:12]}"
        for number, section in enumerate(_sections(mode, place))
        if (text := _text(section, kind))
    ]


def routes(_lab: Lab) -> APIRouter:
    """Return the route of those files."""
    router = APIRouter(prefix="/ui/sections", include_in_schema=False)

    @router.get("/{mode}/{place}/{number}.{kind}")
    def get_section_asset(mode: str, place: str, number: int, kind: str) -> Response:
        try:
            sections = _sections(mode, place)
        except ConfigError as error:
            raise HTTPException(404, "no such mode") from error
        text = _text(sections[number], kind) if 0 <= number < len(sections) and kind in _TYPES else ""
        if not text:
            raise HTTPException(404, "no such asset")
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(text, media_type=_TYPES[kind], headers=headers)

    return router


def _sections(mode: str, place: str) -> Sequence[PageSection]:
    layout = find_mode(mode).layout
    return {"run": layout.page_sections, "case": layout.case_sections}.get(place, ())


def _text(section: PageSection, kind: str) -> str:
    given = section.style if kind == "css" else section.script
    return given.read_text(encoding="utf-8") if isinstance(given, Path) else given
