"""Templates -> pages. The only door to jinja2 in the lab.

Everything is escaped. Data for scripts goes through ``|script_json`` into a ``<script type="application/json">``, or
is fetched. Templates of the reports' pages are there as ``report/NAME``: ``{% from "report/parts.html.j2" import
ending %}``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import BaseLoader, ChoiceLoader, Environment, PackageLoader, StrictUndefined, TemplateNotFound

import evalkit
from evalkit.lab.lab import Lab
from evalkit.lab.web import wording
from evalkit.lab.web.asset_files import asset_url
from evalkit.reports.page.render import script_json

PAGES = (
    ("/ui/", "Runs", "r"),
    ("/ui/sweeps", "Sweeps", "s"),
    ("/ui/leaderboard", "Leaderboard", "l"),
    ("/ui/compare", "Compare", "c"),
    ("/ui/reviews", "Reviews", "v"),
    ("/ui/models", "Models", "m"),
)
"""What the navigation leads to: address, label, and the key that follows ``g``."""

_REPORT = "report/"
_POLICY = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self'{styles}; img-src 'self' data:; "
    "connect-src 'self'; media-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def page_policy(*, plays_recording: bool = False, style_nonce: str = "") -> str:
    """Return the Content-Security-Policy of a page: nothing inline, nothing from elsewhere.

    Args:
        plays_recording: Whether the page has the player of terminal recordings, which compiles WebAssembly.
        style_nonce: What a library's own style element carries; made for this one answer.

    """
    return _POLICY.format(
        scripts=" 'wasm-unsafe-eval'" if plays_recording else "",
        styles=f" 'nonce-{style_nonce}'" if style_nonce else "",
    )


def render(
    request: Request,
    template: str,
    *,
    status_code: int = 200,
    plays_recording: bool = False,
    style_nonce: str = "",
    **content: Any,
) -> HTMLResponse:
    """Return the page of ``templates/<template>``, with what every page has: navigation, theme, token, keys.

    Templates also get ``path`` (of the request), ``read_only``, ``csrf``, ``has_login``, ``is_partial`` (htmx asked for
    a part, so that the page may leave out its frame), ``asset(name)`` and ``version``.
    """
    lab: Lab = request.app.state.lab
    page = _environment().get_template(template)
    text = page.render(
        path=request.url.path,
        read_only=lab.settings.read_only,
        csrf=lab.access.csrf,
        has_login=lab.access.demanded,
        is_partial=is_partial(request),
        pages=PAGES,
        version=evalkit.__version__,
        **content,
    )
    headers = {
        "Content-Security-Policy": page_policy(plays_recording=plays_recording, style_nonce=style_nonce),
        "Cache-Control": "no-store",
        "Vary": "HX-Request",
    }
    return HTMLResponse(text, status_code=status_code, headers=headers)


def is_partial(request: Request) -> bool:
    """Return whether htmx asks for a part of the page it is on."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Request-Type") != "full"


def read_page(given: Mapping[str, str]) -> int:
    """Return the number of the page that a query asks for; the first where it makes no sense."""
    page = given.get("page", "")
    return max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 8 else 1


def query_string(request: Request, **changes: object) -> str:
    """Return the request's query with `changes`; None or '' takes a key away. Begins with ``?`` unless empty."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in changes]
    kept += [(name, str(value)) for name, value in changes.items() if value not in (None, "")]
    return "?" + "&".join(f"{quote(name)}={quote(value)}" for name, value in kept) if kept else ""


class ReportTemplates(BaseLoader):
    """The templates of the reports' pages, under names that begin with ``report/``."""

    def __init__(self) -> None:
        self._inner = PackageLoader("evalkit.reports.page")

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Return the source of `template`. Raises TemplateNotFound for another name."""
        if not template.startswith(_REPORT):
            raise TemplateNotFound(template)
        return self._inner.get_source(environment, template.removeprefix(_REPORT))


class PageEnvironment(Environment):
    """Lets a report's template name its neighbours as it does in a report."""

    def join_path(self, template: str, parent: str) -> str:
        """Return the name of `template` as `parent` means it."""
        return _REPORT + template if parent.startswith(_REPORT) else template


@cache
def _environment() -> Environment:
    environment = PageEnvironment(
        loader=ChoiceLoader([PackageLoader("evalkit.lab.web"), ReportTemplates()]),
        autoescape=True,
        auto_reload=False,  # a shipped template does not change, and asking its file at every use makes a page wait
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(asset=asset_url, took=wording.between)
    environment.filters.update(
        script_json=script_json,
        time=wording.time,
        ago=lambda value: wording.time(value, "ago"),
        clock=lambda value: wording.time(value, "clock"),
        money=wording.money,
        percent=wording.percent,
        ms=wording.milliseconds,
        duration=wording.duration,
        count=wording.count,
        grade=wording.grade,
        size=wording.size,
        path_part=lambda text: quote(str(text), safe=""),
        pretty_json=lambda value: json.dumps(value, ensure_ascii=False, indent=2),
        compact_json=lambda value: json.dumps(value, ensure_ascii=False),
    )
    return environment
