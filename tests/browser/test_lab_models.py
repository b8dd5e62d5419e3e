"""The lab's page of models in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from headless import Browser
from lab_process import lab_process
from page_flaws import find_flaws


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page, of a lab without runs."""
    folder: Path = tmp_path_factory.mktemp("lab") / "outputs"
    folder.mkdir()
    with lab_process(folder.parent, str(folder)) as lab:
        yield f"{lab.url}/ui/models"


def test_everybody_can_read_it(browser: Browser, url: str) -> None:
    """In both themes and on a telephone; nothing is refused by its policy, and nothing comes from elsewhere."""
    asked = "return !document.querySelector('#studio').innerText.includes('Asking')"
    assert find_flaws(browser, url, asked) == []
