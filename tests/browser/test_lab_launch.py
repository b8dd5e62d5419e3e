"""The launch page in a browser: fields become a line, problems stand at their fields, and a crawl really runs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from headless import Browser
from lab_process import LabProcess, lab_process
from page_flaws import find_flaws, find_violations

CHECKED = "return !/Checking|Launching/.test(document.getElementById('check-state').textContent)"
READY = "return document.getElementById('check-state').textContent === 'Ready to launch'"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("lab") / "outputs"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def lab(outputs: Path) -> Iterator[LabProcess]:
    with lab_process(outputs.parent, str(outputs)) as lab:
        yield lab


def write(browser: Browser, path: str, text: str) -> None:
    field = browser.find(f"[data-path='{path}']")
    field.clear()
    field.send_keys(text)


def words(browser: Browser) -> list[str]:
    """Return the words of the line as a shell reads them."""
    return shlex.split(str(browser.js("return document.getElementById('line').textContent")))


def test_everybody_can_use_it(browser: Browser, lab: LabProcess) -> None:
    """In both themes, wide and narrow, with all of its keys open, a problem told, and launches listed."""
    page = f"{lab.url}/ui/launch?set=max_examples%3D0"
    opened = "document.querySelectorAll('details').forEach((block) => { block.open = true; });"
    assert find_flaws(browser, page, f"{opened} {CHECKED}") == []


def test_fields_become_a_line(browser: Browser, lab: LabProcess) -> None:
    """Text is quoted where Hydra or the shell would misread it, lists get brackets, several values make a sweep."""
    browser.open(f"{lab.url}/ui/launch")
    write(browser, "run_name", "it's (a) name")
    write(browser, "mode.graders", "tool_call, wer")
    write(browser, "chunk_ms", "20,60")
    browser.wait_until(CHECKED)
    line = ["evalkit", "-m", "chunk_ms=20,60", "run_name='it\\'s (a) name'", "mode.graders=[tool_call, wer]"]
    assert sorted(words(browser)) == sorted(line)
    browser.wait_until(READY)
    assert "Runs\n2" in browser.find("#forecast").text
    browser.driver.refresh()
    browser.wait_until(READY)
    assert sorted(words(browser)) == sorted(line), "a reload keeps it"


def test_problems_stand_at_their_fields(browser: Browser, lab: LabProcess) -> None:
    """And are gone when they are mended; what a field is without being set stands in it."""
    browser.open(f"{lab.url}/ui/launch")
    browser.wait_until(READY)
    assert browser.find("[data-path='seed']").get_attribute("placeholder") == "0"
    assert browser.find("[data-path='assistant.model']").get_attribute("placeholder") == "null: local-agent"
    write(browser, "max_examples", "0")
    write(browser, "mode.data_csv", "/etc/passwd")
    browser.wait_until("return document.querySelectorAll('[aria-invalid=true]').length === 1")
    assert "lies outside" in browser.find("[id='e-mode.data_csv']").text
    write(browser, "mode.data_csv", "")
    browser.find("[data-path='mode.data_csv']").send_keys(" ")
    browser.wait_until("return document.querySelector('[aria-invalid=true]')?.dataset.path === 'max_examples'")
    assert "expected integer ≥ 1 or null" in browser.find("#e-max_examples").text
    write(browser, "max_examples", "2")
    browser.wait_until(READY)
    assert browser.js("return document.querySelectorAll('[aria-invalid=true]').length") == 0


def test_a_line_is_pasted(browser: Browser, lab: LabProcess) -> None:
    """It fills the form in, the mode too; what has no field is kept beside."""
    browser.open(f"{lab.url}/ui/launch")
    browser.find("[data-opens='paste-dialog']").click()
    line = "evalkit mode=walk max_examples=1 +agent.environment.X=1 'run_name=\"a, b\"'"
    browser.find("#paste-line").send_keys(line)
    browser.find("#paste-form button").click()
    browser.wait_until("return document.getElementById('mode-choice').value === 'walk'")
    browser.wait_until("return document.getElementById('more').value === '+agent.environment.X=1'")
    assert sorted(words(browser)) == sorted(shlex.split(line))


def test_a_preset_and_a_search(browser: Browser, lab: LabProcess) -> None:
    """A preset is chosen by its button; a key is found by its words, wherever it is."""
    browser.open(f"{lab.url}/ui/launch")
    browser.find("[data-preset='chunk_sweep']").click()
    browser.wait_until(READY)
    assert words(browser) == ["evalkit", "experiment=chunk_sweep"]
    assert "Runs\n6" in browser.find("#forecast").text
    browser.find("#find-key").send_keys("grace")
    assert (
        browser.js("return [...document.querySelectorAll('.key')].filter((key) => key.checkVisibility()).length") == 1
    )
    assert browser.find("[data-path='limits.grace_s']").is_displayed()


def test_a_crawl_is_launched(browser: Browser, lab: LabProcess, outputs: Path) -> None:
    """From the form: it is queued, runs, and is opened from its row; one that waits is cancelled."""
    browser.open(f"{lab.url}/ui/launch?set=max_examples%3D2&set=report.plots%3Dfalse&set=provider%3Dlocal")
    browser.wait_until(READY)
    browser.find("#launch").click()
    browser.wait_until("return document.querySelectorAll('#launches tbody tr').length === 1")
    browser.wait_until("return document.getElementById('launch').disabled === false")
    browser.find("#launch").click()
    browser.wait_until("return document.querySelector('#launches tr:first-child button')?.textContent === 'Cancel'")
    browser.find("#launches tbody tr:first-child button").click()
    browser.wait_until("return document.querySelector('#launches .status').textContent === 'cancelled'")
    browser.wait_until(
        "return document.querySelector('#launches tr:nth-child(2) .status')?.textContent === 'done'", timeout_s=120
    )
    browser.wait_until("return document.querySelector('#launches th a') !== null")
    link = browser.find("#launches th a")
    assert link.text == "evalkit provider=local max_examples=2 report.plots=false"
    run: dict[str, Any] = json.loads(next(outputs.glob("2*/*/status.json")).read_text())
    assert run["counts"]["finished"] == 2
    assert browser.console() == []
    assert find_violations(browser) == []
    link.click()
    browser.wait_until("return location.pathname.startsWith('/ui/runs/')")
