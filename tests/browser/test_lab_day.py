"""What a person does in a day with the lab, in a browser: launch, watch, hear, read, compare, and see who leads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from boxes.needs import needs_bubblewrap
from headless import Browser
from running_lab import RunningLab, running_lab

READY = "return document.getElementById('check-state').textContent === 'Ready to launch'"
BEGAN = "return document.querySelector('#launches tbody tr:first-child th a') !== null"
CASES = ".cases-list tbody th > a"
ENDED = """
const endings = [...document.querySelectorAll(".cases-list tbody .badge")].map((badge) => badge.textContent);
return endings.length === arguments[0] && endings.every((ending) => /passed|failed/.test(ending));
"""
SOON_S = 120


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("lab") / "outputs"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def lab(outputs: Path) -> Iterator[RunningLab]:
    with running_lab(outputs, cwd=outputs.parent) as lab:
        yield lab


def launch(browser: Browser, lab: RunningLab, *words: str) -> None:
    """Launch from the form, and open the run's page as soon as it has one."""
    browser.open(f"{lab.url}/ui/launch?{'&'.join(f'set={quote(word)}' for word in words)}")
    browser.wait_until(READY, timeout_s=SOON_S)
    before = len(browser.driver.find_elements("css selector", "#launches tbody tr"))
    browser.find("#launch").click()
    browser.wait_until("return document.querySelectorAll('#launches tbody tr').length > arguments[0]", before)
    browser.wait_until(BEGAN, timeout_s=SOON_S)
    browser.find("#launches tbody tr:first-child th a").click()
    browser.wait_until("return location.pathname.startsWith('/ui/runs/')")


def watch(browser: Browser, cases: int) -> None:
    """See all case-trials end on the page that is open, which is never loaded again."""
    browser.js("window.neverLoadedAgain = true")
    browser.wait_until(ENDED, cases, timeout_s=SOON_S)
    assert browser.js("return window.neverLoadedAgain")


def open_first_case(browser: Browser) -> None:
    browser.js(f"document.querySelector('{CASES}').scrollIntoView({{block: 'center'}})")
    browser.find(CASES).click()
    browser.wait_until("return location.pathname.includes('/cases/') && document.readyState === 'complete'")


def test_a_day_with_calls(browser: Browser, lab: RunningLab, outputs: Path) -> None:
    """A crawl is launched, watched and heard; another comes from the command line; both are compared and ranked."""
    launch(browser, lab, "mode=crawl", "max_examples=3", "run_name=from the form", "concurrency=1")
    watch(browser, 3)
    first = browser.js("return location.pathname.split('/').pop()")

    open_first_case(browser)
    browser.wait_until("return document.getElementById('call-audio').readyState > 0")
    browser.wait_until("return !document.getElementById('call-play').disabled")
    browser.find("#call-play").click()
    browser.wait_until("return document.getElementById('call-audio').currentTime > 0.3")
    text = browser.find("main").text
    assert "tool_call" in text
    assert browser.console() == []

    browser.open(f"{lab.url}/ui/")
    line = ["mode=crawl", "max_examples=3", "assistant.model=local-wrong-args", "run_name=typed", "report.plots=false"]
    subprocess.run([sys.executable, "-m", "evalkit", *line], cwd=outputs.parent, check=True, capture_output=True)
    browser.wait_until("return document.querySelector('.runs').innerText.includes('typed')")
    for box in browser.driver.find_elements("css selector", ".runs tbody input[type=checkbox]"):
        box.click()
    browser.wait_until("return !document.getElementById('compare').hidden")
    browser.find("#compare").click()
    browser.wait_until("return location.pathname === '/ui/compare'")
    browser.wait_until("return document.querySelector('main').innerText.includes('What is beyond chance')")
    assert f"a={first}" in browser.driver.current_url, "what came first is what is compared with"

    browser.open(f"{lab.url}/ui/leaderboard")
    browser.wait_until("return document.querySelectorAll('main table').length > 0")
    ranked = browser.find("main").text
    assert ranked.index("local-agent") < ranked.index("local-wrong-args")
    assert browser.console() == []


@needs_bubblewrap
def test_a_day_with_code(browser: Browser, lab: RunningLab) -> None:
    """A coding run is launched and watched; what was changed and what the tests said is read."""
    launch(browser, lab, "mode=coding", "mode.tasks=[python_bugfix_ttl_cache]", "assistant.model=half")
    watch(browser, 1)
    open_first_case(browser)
    assert browser.find("table.diff").is_displayed(), browser.find("main").text
    assert "run.log" in browser.find("main").text
    assert browser.console() == []


@needs_bubblewrap
def test_a_day_with_a_terminal(browser: Browser, lab: RunningLab) -> None:
    """A terminal run is launched and watched; its recording plays."""
    pytest.importorskip("pyghostty", reason="a terminal needs the terminal extra")
    launch(browser, lab, "mode=terminal", "max_examples=1", "agent.transport=pty")
    watch(browser, 1)
    open_first_case(browser)
    browser.wait_until("return document.querySelector('.recording .ap-overlay-start') !== null")
    browser.find(".recording .ap-overlay-start").click()
    browser.wait_until("return ['play', 'ended'].includes(document.querySelector('.recording').dataset.state)")
    browser.wait_until("return document.querySelector('.recording .ap-term').innerText.trim() !== ''")
    assert browser.console() == []
