"""The lab's login and the page of its API in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from headless import Browser
from lab_process import LabProcess, lab_process
from page_flaws import find_flaws


@pytest.fixture(scope="module")
def far_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    """A lab without runs that demands its token."""
    with lab_process(tmp_path_factory.mktemp("lab"), host="0.0.0.0") as lab:
        yield lab


def test_a_person_comes_in_with_the_token(browser: Browser, far_lab: LabProcess) -> None:
    """A wrong one is said; the right one leads to the runs, and whoever logs out is out."""
    url = f"http://127.0.0.1:{far_lab.port}"
    assert find_flaws(browser, f"{url}/ui/") == []
    for token, shown in (("guess", "That is not the token"), (far_lab.token, "Runs")):
        browser.js(
            f"document.querySelector('#token').value = '{token}'; document.querySelector('form').requestSubmit()"
        )
        browser.wait_until(f"return document.querySelector('main')?.innerText.includes('{shown}')")
    assert browser.js("return location.pathname") == "/ui/"
    browser.open(f"{url}/ui/models")
    assert browser.js("return document.querySelector('h1').innerText") == "Models"
    assert "evalkit_session" not in browser.js("return document.cookie")
    browser.js("[...document.querySelectorAll('footer button')].find((one) => one.innerText == 'Log out').click()")
    browser.wait_until("return location.pathname == '/login'")
    browser.open(f"{url}/ui/models")
    assert browser.js("return location.pathname") == "/login"


def test_the_page_of_the_api(browser: Browser, tmp_path: Path) -> None:
    """Everybody can read it, folded and unfolded."""
    with lab_process(tmp_path) as lab:
        unfold = "document.querySelectorAll('details').forEach((one) => { one.open = true; }); return true"
        assert find_flaws(browser, f"{lab.url}/docs") == []
        assert find_flaws(browser, f"{lab.url}/docs", unfold) == []
