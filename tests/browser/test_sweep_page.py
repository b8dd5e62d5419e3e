"""``sweep.html`` in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from headless import ACCESSIBILITY, NARROW, WIDE, Browser
from stored_run import HOSTILE, SAMPLE, StoredRun

from evalkit.reports.sweep_write import write_sweep
from evalkit.runner.reporting import report_run
from evalkit.runner.sweep_reading import read_sweep_jobs


@pytest.fixture(scope="session")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a sweep of two jobs, one that vanished, and hostile overrides."""
    root = tmp_path_factory.mktemp("a sweep")
    entries: list[dict[str, Any]] = []
    for number, cases in enumerate((SAMPLE, SAMPLE[:1])):
        run = StoredRun(root / f"{number}_model#{number}", cases).write()
        report_run(run)
        entries.append({"directory": str(run.root), "status": "completed", "exit_code": 0})
    entries.append({"directory": None, "status": "vanished", "exit_code": 70})
    for number, entry in enumerate(entries):
        entry |= {"job": number, "overrides": [f"assistant.model={HOSTILE}{number}"], "config_sha256": "c"}
    write_sweep(root, read_sweep_jobs(entries))
    return root / "sweep.html"


def test_it_opens_from_disk_and_leads_to_the_runs(browser: Browser, sweep: Path) -> None:
    """No complaint, no request, text stays text, and each link opens a report."""
    browser.open(sweep)
    assert browser.console() == []
    assert {url.partition(":")[0] for url in browser.requested()} <= {"file", "data"}
    assert browser.js("return document.title").endswith("evalkit sweep")
    browser.find(".jobs tbody a").click()
    assert browser.find("#count").text == "6 case-trials"


def test_tables_sort_by_their_numbers(browser: Browser, sweep: Path) -> None:
    """Downwards first; the column says so."""
    browser.open(sweep)
    head = next(b for b in browser.driver.find_elements("css selector", ".jobs thead button") if b.text == "n")
    head.click()
    counts = browser.js("return [...document.querySelectorAll('.jobs tbody th')].map((n) => n.textContent)")
    assert counts == ["0", "1", "2"]
    head.click()
    counts = browser.js("return [...document.querySelectorAll('.jobs tbody th')].map((n) => n.textContent)")
    assert counts == ["2", "1", "0"]
    assert browser.js("return document.querySelectorAll('.jobs [aria-sort=ascending]').length") == 1


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_nothing_is_cut_off_or_hard_to_read(browser: Browser, sweep: Path, width: int, dark: bool) -> None:
    """No sideways scrolling of the page, names on everything that is operated, contrast of 4.5 and more."""
    browser.open(sweep, width=width, dark=dark)
    assert browser.js("const d = document.documentElement; return d.scrollWidth <= d.clientWidth")
    assert browser.js(ACCESSIBILITY) == []
