"""The lab's page of models in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from headless import NARROW, WIDE, Browser
from running_lab import find_violations, running_lab


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page, of a lab without runs."""
    folder: Path = tmp_path_factory.mktemp("lab") / "outputs"
    folder.mkdir()
    with running_lab(folder, cwd=folder.parent) as lab:
        yield f"{lab.url}/ui/models"


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("dark", [True, False])
def test_everybody_can_read_it(browser: Browser, url: str, width: int, dark: bool) -> None:
    """In both themes and on a telephone; nothing is refused by its policy, and nothing comes from elsewhere."""
    browser.open(url, width=width, dark=dark)
    browser.wait_until("return !document.querySelector('#studio').innerText.includes('Asking')")
    assert browser.console() == []
    assert browser.js("return document.documentElement.scrollWidth <= innerWidth")
    assert find_violations(browser) == []
    assert {address.partition("/ui/")[0] for address in browser.requested() if address.startswith("http")} == {
        url.partition("/ui/")[0]
    }
