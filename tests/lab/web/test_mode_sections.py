"""What the sections of modes need is served by address, since nothing may stand inline."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from evalkit.lab.lab import Lab
from evalkit.lab.web.mode_sections import section_assets


def test_styles_and_scripts_have_addresses(lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    """Of a case's page and of a run's; whoever has none is not asked for any."""
    client = open_client(lab)
    (style,) = section_assets("terminal", "css")
    answer = client.get(style)
    assert answer.headers["content-type"].startswith("text/css")
    assert ".session" in answer.text
    (script,) = section_assets("terminal", "js", of_run=True)
    assert client.get(script).headers["content-type"].startswith("text/javascript")
    assert section_assets("terminal", "js") == []
    assert section_assets("coding", "css") == []


@pytest.mark.parametrize(
    "path",
    ["none/case/0.css", "terminal/case/7.css", "terminal/case/-1.css", "terminal/else/0.css", "terminal/case/0.py"],
)
def test_what_is_not_there_is_not_found(lab: Lab, open_client: Callable[[Lab], TestClient], path: str) -> None:
    """Whatever the address says."""
    assert open_client(lab).get(f"/ui/sections/{path}").status_code == 404
