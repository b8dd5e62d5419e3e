"""What pages load comes from memory, by exact name, and may be kept for ever."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from evalkit.lab.lab import Lab
from evalkit.lab.web.asset_files import asset_url, build_id, read_assets


@pytest.fixture
def client(lab: Lab, open_client: Callable[[Lab], TestClient]) -> TestClient:
    return open_client(lab)


def test_a_versioned_file_is_kept_for_ever(client: TestClient) -> None:
    answer = client.get(asset_url("lab.js"))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    again = client.get(asset_url("lab.js"), headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_without_a_version_it_is_asked_for_again(client: TestClient) -> None:
    answer = client.get("/ui/assets/lab.css")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["../wording.py", "..%2fwording.py", "%2e%2e/wording.py", "vendored/manifest.json", "", "lab.js/", "x.js"]
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(f"/ui/assets/{path}").status_code == 404
    assert client.get(f"/ui/assets/{build_id()}/{path}").status_code == 404


def test_an_unknown_name_is_the_template_s_mistake() -> None:
    with pytest.raises(KeyError, match=r"lab\.css"):
        asset_url("absent.js")


def test_what_a_module_imports_is_there() -> None:
    """Relative imports in our own scripts and styles lead to files that ship."""
    assets = read_assets()
    for name, asset in assets.items():
        if name.startswith(("vendored/", "report/")):
            continue
        text = asset.content.decode()
        for found in re.findall(
            r"""^(?:import|export)\b[^"']*["']\./([^"']+)["']|@import url\("([^"]+)"\)""", text, re.MULTILINE
        ):
            assert "".join(found) in assets, f"{name} imports {found}"


def test_no_file_of_ours_speaks_to_another_host_or_needs_eval() -> None:
    for name, asset in read_assets().items():
        if not name.startswith("vendored/"):
            text = asset.content.decode()
            urls = [url for url in re.findall(r"https?://[^\s\"')]+", text) if "www.w3.org" not in url]
            assert urls == [], name
            assert not re.search(r"\beval\(|new Function\(|insertAdjacentHTML|\.innerHTML\s*=", text), name
