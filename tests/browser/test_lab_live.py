"""A page that is open while the lab is killed: it says so, finds it again, and is told everything once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path

import pytest
from headless import Browser
from killed_processes import PATIENCE_S, KilledLab, KilledRun, busy_run
from live_runs import RUN_ID, read_journal

from evalkit.store.journal import append_lines
from evalkit.store.run_directory import now_utc

_KEEP_EVENTS = """
if (location.protocol === "http:") {  // the page of a run loads itself again when the run has ended
  const place = `kept ${location.pathname}`;
  const kept = JSON.parse(sessionStorage.getItem(place) ?? '{"told": [], "resets": 0, "said": ""}');
  const said = () => kept.said + (document.getElementById("toasts")?.textContent ?? "");
  Object.assign(window, kept, { said });
  document.addEventListener("live:events", ({ detail }) => window.told.push(...detail.events));
  document.addEventListener("live:reset", () => { window.resets += 1; });
  addEventListener("pagehide", () => {
    sessionStorage.setItem(place, JSON.stringify({ told: window.told, resets: window.resets, said: said() }));
  });
}
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


@pytest.mark.parametrize("is_long", [False, True])
def test_an_open_page_outlives_the_lab(keeping: Browser, run: KilledRun, tmp_path: Path, is_long: bool) -> None:
    """The run never noticed; what the page was told, joined, is the journal from where the page begins.

    The page of a long run begins near the journal's end, wherever the run is when it is opened.
    """
    if is_long:
        _lengthen(run)
    with ExitStack() as stack:
        lab = KilledLab(tmp_path / "outputs", stack)
        keeping.open(f"{lab.url}/ui/")
        keeping.wait_until("return document.querySelector('#running:not([hidden]) .run-card') !== null")
        keeping.open(f"{lab.url}/ui/runs/{RUN_ID[:16]}")
        begins = int(keeping.find("[data-live-run]").get_attribute("data-live-cursor"))
        keeping.wait_until(TOLD.format(10))
        lab.kill()
        keeping.wait_until(OFFLINE)
        lab.start_again()
        before = keeping.js("return window.told.length")
        keeping.wait_until(TOLD.format(before + 10))
        assert not keeping.js(OFFLINE)
        run.come_to_end()
        keeping.wait_until("return window.told.at(-1)?.event === 'ended'")
        keeping.wait_until("return window.said().includes('The run has ended')")
        told, resets = keeping.js("return [window.told, window.resets]")
    assert "resumed" not in [line["event"] for line in read_journal(run.directory)]
    assert (begins > 0) or not is_long
    lines = run.directory.journal_path.read_bytes()[begins:].splitlines()
    journal = [json.loads(line) for line in lines]
    assert [event["cursor"] for event in told] == [begins + end for end in accumulate(len(line) + 1 for line in lines)]
    assert [{name: event[name] for name in line} for event, line in zip(told, journal, strict=True)] == journal
    assert resets == 0


def _lengthen(run: KilledRun) -> None:
    """Have more in the journal than a page is told of the past."""
    journal = run.directory.journal_path
    deadline = time.monotonic() + PATIENCE_S
    while not (journal.exists() and journal.stat().st_size):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    append_lines(journal, ({"event": "paused", "seconds": 0, "at": now_utc()} for _ in range(1000)))
