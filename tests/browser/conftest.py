"""Pages in a real browser: a headless Chromium driven through WebDriver. Without one, these tests are skipped, visibly.

On Debian: ``apt-get install chromium chromium-driver``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from headless import Browser
from stored_run import StoredRun

from evalkit.runner.reporting import report_run

webdriver = pytest.importorskip("selenium.webdriver", reason="browser tests need the dev extra (selenium)")

_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip

_NOTE_REFUSALS = """
window.refusedByPolicy = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.refusedByPolicy.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
});
"""


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for the session, with a profile of its own."""
    binary = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    driver_path = shutil.which("chromedriver")
    if binary is None or driver_path is None:
        pytest.skip("no Chromium with its driver here: install chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=driver_path)
    driver = webdriver.Chrome(options=options, service=service)
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _NOTE_REFUSALS})
    yield Browser(driver)
    driver.quit()


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Store a run, write its reports, and return its page."""

    def report(**given: Any) -> Path:
        run = StoredRun(tmp_path_factory.mktemp("runs") / "a run", **given).write()
        report_run(run)
        return run.root / "report.html"

    return report


@pytest.fixture(scope="session")
def page(reported: Callable[..., Path]) -> Path:
    """The page of a run in which every ending occurs, and hostile text in every place."""
    return reported()
