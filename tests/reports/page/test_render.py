"""Pages are self-contained, and nothing that was said becomes markup or script."""

from __future__ import annotations

import base64
import json
import re
from hashlib import sha256
from importlib.resources import files

from stored_run import HOSTILE

from evalkit.reports.page.render import read_asset, render, script_json

SWEEP = {
    "name": HOSTILE, "rows": [], "differences": [], "best": {}, "graded": 0, "all_pairs": True, "latency_reasons": {},
    "pictures": {}, "calls": [], "latencies": [], "realism": None,
}  # fmt: skip


def test_json_in_a_script_stays_in_it() -> None:
    """No tag, comment or line separator survives literally, and reading it gives back what was written."""
    text = str(script_json({"said": f"{HOSTILE} <!-- ]]>"}))
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == {"said": f"{HOSTILE} <!-- ]]>"}


def test_text_in_markup_is_escaped() -> None:
    """A name with a tag in it is shown, not obeyed."""
    page = "".join(render("sweep.html.j2", ("sweep.js",), **SWEEP))
    assert "<script>document.title" not in page
    assert "&lt;script&gt;document.title" in page


def test_the_policy_allows_the_pages_own_script_and_style_alone() -> None:
    """By hash; everything else is forbidden, first of all the network."""
    page = "".join(render("sweep.html.j2", ("sweep.js",), **SWEEP))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    allowed = policy[1].replace("&#39;", "'")
    assert "default-src 'none'" in allowed
    assert "http" not in allowed
    for kind, name in (("script", "sweep.js"), ("style", "page.css")):
        digest = base64.b64encode(sha256(read_asset(name).encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in allowed
        assert read_asset(name) in page


def test_pages_name_no_other_host() -> None:
    """Neither template nor asset loads anything."""
    folder = files("evalkit.reports.page")
    for kind in ("assets", "templates"):
        for file in (folder / kind).iterdir():
            assert not re.search(r"https?://|//cdn|@import|url\(", file.read_text(encoding="utf-8")), file.name


def test_assets_and_templates_ship_with_the_package() -> None:
    """They are read as package data, wherever the package is installed."""
    folder = files("evalkit.reports.page")
    assert {file.name for file in (folder / "assets").iterdir()} == {"lanes.js", "page.css", "run.js", "sweep.js"}
    assert {"base.html.j2", "run.html.j2", "sweep.html.j2"} <= {f.name for f in (folder / "templates").iterdir()}
