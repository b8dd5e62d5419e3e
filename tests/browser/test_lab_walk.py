"""The way through the lab that README promises: launch, watch, open, hear, compare, rank; for every family of modes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from headless import Browser
from running_lab import RunningLab, running_lab

READY = "return document.getElementById('check-state').textContent === 'Ready to launch'"
ENDED = "return document.querySelector('.status')?.textContent.trim() === 'completed'"
ROWS = "document.querySelectorAll('tr[data-case]').length"
_LONG_S = 180


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """A lab where nothing has run, opened as README opens it: without a folder."""
    pytest.importorskip("hibari", reason="the embedded provider needs the local extra")
    with running_lab(cwd=tmp_path_factory.mktemp("newcomer")) as lab:
        yield lab


def launch(browser: Browser, lab: RunningLab, mode: str, *overrides: str) -> str:
    """Launch from the form, watch the run's page until the run has ended, touching nothing; return its address."""
    line = [("mode", mode), *(("set", override) for override in (*overrides, "report.plots=false"))]
    browser.open(f"{lab.url}/ui/launch?{urlencode(line)}")
    browser.wait_until(READY, timeout_s=_LONG_S)
    known = set(browser.js("return [...document.querySelectorAll('#launches th a')].map((link) => link.href)"))
    browser.find("#launch").click()
    opened = """return [...document.querySelectorAll('#launches th a')].map((link) => link.href)
        .find((href) => href.includes('/ui/runs/') && !arguments[0].includes(href)) || ''"""
    browser.wait_until(opened, sorted(known), timeout_s=_LONG_S)
    address = str(browser.js(opened, sorted(known)))
    browser.open(address)
    browser.wait_until(ENDED, timeout_s=_LONG_S)
    return address


def test_a_crawl_is_launched_watched_heard_compared_and_ranked(browser: Browser, lab: RunningLab) -> None:
    """By a person who has never typed a line."""
    browser.open(f"{lab.url}/ui/")
    assert "evalkit" in browser.find("main").text
    right = launch(browser, lab, "crawl", "max_examples=2", "run_name=right")
    browser.wait_until(f"return {ROWS} === 2")

    browser.find("tr[data-case] a").click()
    browser.wait_until("return document.getElementById('call-play') !== null")
    browser.find("#call-play").click()
    browser.wait_until("return document.getElementById('call-audio').currentTime > 0.2")
    assert "tool_call_args" in browser.find("main").text

    wrong = launch(browser, lab, "crawl", "max_examples=2", "run_name=wrong", "assistant.model=local-wrong-args")
    first, second = (address.rpartition("/")[2] for address in (right, wrong))
    browser.open(f"{lab.url}/ui/compare?a={quote(first)}&b={quote(second)}")
    assert "2 lost, 0 won" in browser.find("main").text

    browser.open(f"{lab.url}/ui/leaderboard")
    board = browser.find("main").text
    assert "local-agent" in board
    assert "local-wrong-args" in board
    assert browser.console() == []


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="a coding run needs bubblewrap")
def test_a_coding_run_shows_its_diff_and_its_log(browser: Browser, lab: RunningLab) -> None:
    """Of a program that was written while one watched."""
    launch(browser, lab, "coding", "mode.tasks=[python_bugfix_ttl_cache]", "assistant.model=oracle")
    browser.find("tr[data-case] a").click()
    browser.wait_until("return document.querySelector('.program .diff .added') !== null")
    assert browser.texts(".program tbody th[scope=row]")
    assert browser.console() == []


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="a session needs bubblewrap")
def test_a_sessions_recording_plays(browser: Browser, lab: RunningLab) -> None:
    """In the page, from its beginning to its end."""
    pytest.importorskip("pyghostty", reason="sessions need the terminal extra")
    launch(browser, lab, "terminal", "mode.cases=[create_file]")
    browser.find("tr[data-case] a").click()
    browser.wait_until("return document.querySelector('.recording .ap-overlay-start, .recording .ap-playback-button')")
    browser.find(".recording .ap-overlay-start, .recording .ap-playback-button").click()
    browser.wait_until("return ['play', 'ended'].includes(document.querySelector('.recording').dataset.state)")
    assert browser.console() == []
