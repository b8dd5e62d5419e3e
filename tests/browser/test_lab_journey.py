"""What a person does with the lab from beginning to end, in a real browser, with real runs on the embedded provider."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from boxes.needs import needs_sandbox
from headless import Browser
from lab_process import LabProcess, lab_process

READY = "return document.getElementById('check-state')?.textContent === 'Ready to launch'"
CASES = ".cases-list tbody th > a"
ENDED = """return document.querySelector("#head")?.dataset.live === "no"
    && document.querySelector(".status.completed") !== null"""
LONG_S = 150.0


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("journey") / "outputs"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def lab(outputs: Path) -> Iterator[LabProcess]:
    with lab_process(outputs.parent, str(outputs)) as lab:
        yield lab


def launch(browser: Browser, lab: LabProcess, *keys: str, mode: str = "crawl") -> None:
    """Launch a run from the form, and open its page from what runs on top of the list, or from the list itself."""
    chosen = "".join(f"&set={key.replace('=', '%3D')}" for key in keys)
    browser.open(f"{lab.url}/ui/launch?mode={mode}{chosen}")
    browser.wait_until(READY, timeout_s=LONG_S)
    browser.find("#launch").click()
    browser.wait_until("return document.querySelector('#launches tbody tr') !== null")
    browser.find("[data-go=r]").click()
    links = "[...document.querySelectorAll('#running h3 a, .runs th > a')]"
    link = f"{links}.find((a) => a.textContent.includes('{mode}'))"
    browser.wait_until(f"return Boolean({link})", timeout_s=LONG_S)
    browser.js(f"{link}.click()")
    browser.wait_until("return document.querySelector('#cases-card') !== null")


def open_first_case(browser: Browser) -> None:
    browser.wait_until(ENDED, timeout_s=LONG_S)
    browser.wait_until(f"return document.querySelector('{CASES}') !== null")
    browser.js(f"document.querySelector('{CASES}').click()")
    browser.wait_until("return location.pathname.includes('/cases/') && document.readyState === 'complete'")


def test_a_crawl_from_the_form_to_the_leaderboard(browser: Browser, lab: LabProcess, outputs: Path) -> None:
    """Launched, watched, heard, judged; then compared with a run of the command line, and ranked with it."""
    launch(browser, lab, "max_examples=3", "concurrency=1", "real_time=true", "report.plots=false")
    browser.wait_until("return document.querySelector('#feed') !== null", timeout_s=LONG_S)
    browser.js("window.notLoadedAgain = true")
    browser.wait_until(f"return document.querySelectorAll('{CASES}').length > 0", timeout_s=LONG_S)
    browser.wait_until("return document.querySelector('#feed').children.length > 1", timeout_s=LONG_S)
    assert browser.js("return window.notLoadedAgain")
    first = browser.js("return location.pathname").rpartition("/")[2]

    open_first_case(browser)
    browser.wait_until("return document.querySelector('#call-play') !== null")
    browser.js("document.querySelector('#call-play').click()")
    browser.wait_until("return document.getElementById('call-audio').currentTime > 0.1")
    assert "tool_call" in browser.find(".grades").text

    line = [sys.executable, "-m", "evalkit", "max_examples=3", "assistant.model=local-wrong-args", "report.plots=false"]
    subprocess.run([*line, f"output_dir={outputs}"], cwd=outputs.parent, check=True, capture_output=True)
    browser.open(f"{lab.url}/ui/")
    browser.wait_until("return document.querySelectorAll('.runs tbody tr .status.completed').length === 2")
    for box in browser.driver.find_elements("css selector", ".pick input"):
        box.click()
    browser.find("#compare").click()
    browser.wait_until("return location.pathname === '/ui/compare' && document.body.innerText.includes('What flipped')")
    assert f"a={first}&" in browser.driver.current_url, "from the older run to the newer one"

    browser.find("[data-go=l]").click()
    browser.wait_until("return location.pathname === '/ui/leaderboard'")
    ranked = browser.find("main").text
    assert "local-agent" in ranked
    assert "local-wrong-args" in ranked
    assert browser.js("return window.refusedByPolicy") == []


@needs_sandbox
def test_a_coding_run_shows_its_diff_and_its_log(browser: Browser, lab: LabProcess) -> None:
    task = "mode.tasks=[python_feature_retry_planner]"  # every task of a run is proved before it begins
    launch(browser, lab, task, "assistant.model=oracle", "report.plots=false", mode="coding")
    open_first_case(browser)
    browser.wait_until("return document.querySelector('.diff') !== null && document.querySelector('.program') !== null")
    assert browser.js("return window.refusedByPolicy") == []


@needs_sandbox
def test_the_recording_of_a_terminal_run_plays(browser: Browser, lab: LabProcess) -> None:
    launch(browser, lab, "mode.cases=[create_file]", "report.plots=false", mode="terminal")
    open_first_case(browser)
    browser.wait_until("return document.querySelector('.recording')?.dataset.state === 'ready'")
    browser.js(
        "document.querySelector('.recording .ap-overlay-start, .recording .ap-playback-button')"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    browser.wait_until("return ['play', 'ended'].includes(document.querySelector('.recording').dataset.state)")
    assert browser.js("return window.refusedByPolicy") == []
