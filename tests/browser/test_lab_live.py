"""A page that is open while the lab is killed: it says so, finds it again, and is told everything once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from headless import Browser
from killed_processes import KilledLab, KilledRun, busy_run
from live_runs import RUN_ID, read_journal

_KEEP_EVENTS = """
window.told = [];
window.resets = 0;
document.addEventListener("live:events", ({ detail }) => window.told.push(...detail.events));
document.addEventListener("live:reset", () => { window.resets += 1; });
"""
OFFLINE = "return document.getElementById('offline').hidden === false"
TOLD = "return window.told.length > {}"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[KilledRun]:
    (tmp_path / "outputs").mkdir()
    with busy_run(tmp_path / "outputs" / "run") as run:
        yield run


@pytest.fixture
def keeping(browser: Browser) -> Iterator[Browser]:
    """A browser whose pages keep what they are told."""
    driver = browser.driver
    script = driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _KEEP_EVENTS})
    yield browser
    driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_an_open_page_outlives_the_lab(keeping: Browser, run: KilledRun, tmp_path: Path) -> None:
    """The run never noticed; what the page was told, joined, is the journal from where it begins."""
    with ExitStack() as stack:
        lab = KilledLab(tmp_path / "outputs", stack)
        keeping.open(f"{lab.url}/ui/")
        keeping.wait_until("return document.querySelector('#running:not([hidden]) .run-card') !== null")
        keeping.open(f"{lab.url}/ui/runs/{RUN_ID[:16]}")
        keeping.wait_until(TOLD.format(10))
        # On a busy machine much has happened before the page is there; it begins with as much of the past as it shows.
        begins = int(keeping.js("return document.querySelector('[data-live-run]').dataset.liveCursor"))
        lab.kill()
        keeping.wait_until(OFFLINE)
        lab.start_again()
        before = keeping.js("return window.told.length")
        keeping.wait_until(TOLD.format(before + 10))
        assert not keeping.js(OFFLINE)
        run.come_to_end()
        keeping.wait_until("return window.told.at(-1).event === 'ended'")
        keeping.wait_until("return document.querySelector('#toasts').textContent.includes('The run has ended')")
        told, resets = keeping.js("return [window.told, window.resets]")
    shown = [json.loads(line) for line in run.directory.journal_path.read_bytes()[begins:].splitlines()]
    assert [{name: event[name] for name in line} for event, line in zip(told, shown, strict=True)] == shown
    assert resets == 0
    assert "resumed" not in [line["event"] for line in read_journal(run.directory)]
