"""Every page: escaped, under a strict policy, with the frame that all share."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.testclient import TestClient

from evalkit.lab.application import open_lab
from evalkit.lab.settings import LabSettings
from evalkit.lab.web.rendering import PAGES, is_partial, page_policy, query_string, render

TEMPLATES = Path(str(files("evalkit.lab.web") / "templates"))


def client(tmp_path: Path, *, read_only: bool = False) -> TestClient:
    application = FastAPI()
    application.state.lab = open_lab(LabSettings((tmp_path,), tmp_path / ".lab", tmp_path, read_only=read_only))
    router = APIRouter()

    @router.get("/ui/runs/x")
    def show(request: Request) -> HTMLResponse:
        return render(request, "base.html.j2", plays_recording=request.query_params.get("wasm") == "1")

    @router.get("/query")
    def query(request: Request) -> dict[str, object]:
        return {"next": query_string(request, page=2, tag=None), "partial": is_partial(request)}

    application.include_router(router)
    return TestClient(application)


def test_a_page_has_navigation_and_says_where_one_is(tmp_path: Path) -> None:
    page = client(tmp_path).get("/ui/runs/x")
    assert page.headers["cache-control"] == "no-store"
    for href, label, _key in PAGES:
        assert re.search(rf'<a href="{re.escape(href)}"[^>]*>{label}</a>', page.text)
    assert re.findall(r'<a href="([^"]+)"[^>]* aria-current="page"', page.text) == ["/ui/"]
    token = re.search(r'<meta name="csrf" content="([^"]+)">', page.text)
    assert token is not None
    assert len(token[1]) > 30


def test_a_read_only_lab_offers_no_launch(tmp_path: Path) -> None:
    assert "/ui/launch" in client(tmp_path).get("/ui/runs/x").text
    shown = client(tmp_path, read_only=True).get("/ui/runs/x").text
    assert "/ui/launch" not in shown
    assert "read only" in shown


def test_only_a_page_with_a_recording_may_compile(tmp_path: Path) -> None:
    plain = client(tmp_path).get("/ui/runs/x").headers["content-security-policy"]
    assert plain == page_policy()
    assert "unsafe" not in plain
    recording = client(tmp_path).get("/ui/runs/x?wasm=1").headers["content-security-policy"]
    assert "script-src 'self' 'wasm-unsafe-eval';" in recording
    assert "unsafe-inline" not in recording


def test_a_style_element_of_a_library_is_known_by_what_was_made_for_this_answer() -> None:
    """Nothing else inline is allowed by it, and no script."""
    policy = page_policy(style_nonce="abc")
    assert "style-src 'self' 'nonce-abc';" in policy
    assert policy.count("nonce") == 1
    assert "script-src 'self';" in policy


def test_a_link_keeps_the_query_but_for_what_changes(tmp_path: Path) -> None:
    answer = client(tmp_path).get("/query?text=a%26b&tag=x&page=1").json()
    assert answer["next"] == "?text=a%26b&page=2"
    assert not answer["partial"]
    asked = client(tmp_path).get("/query", headers={"HX-Request": "true", "HX-Request-Type": "partial"}).json()
    assert asked["partial"]


@pytest.mark.parametrize("template", sorted(path.name for path in TEMPLATES.glob("*.j2")))
def test_no_template_has_anything_inline(template: str) -> None:
    """The policy would refuse it in the reader's browser, silently."""
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
    assert not re.search(r"<[^>]*\s(style|on\w+|hx-on[:\w-]*)\s*=", text)
    assert not re.search(r"<style|javascript:|hx-vals=[\"']js:|\|\s*safe\b", text)
    for attributes, body in re.findall(r"<script\b([^>]*)>(.*?)</script>", text, flags=re.DOTALL):
        assert "application/json" in attributes or not body.strip()
    assert not re.search(r"https?://", text)
