"""The lab's page of one run in a browser: numbers lead to their cases, and what happens is seen as it happens."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import stored_runs
from headless import Browser
from lab_process import LabProcess, lab_process
from page_flaws import find_flaws

from evalkit.store.run_directory import RunDirectory, RunStatus

CASES = ".cases-list tbody th > a"
WHOLE = "return document.querySelector('#details h2') !== null && document.querySelector('#findings h2') !== null"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab") / "outputs"
    stored_runs.write_samples(folder)
    stored_runs.write_crawl(folder / "parent", run_id="a" * 32, name="parent")
    stored_runs.write_crawl(folder / "child", "model-c", run_id="c" * 32, parent_run_id="a" * 32, name="child")
    return folder


@pytest.fixture(scope="module")
def lab(outputs: Path) -> Iterator[LabProcess]:
    with lab_process(outputs.parent, str(outputs)) as lab:
        yield lab


@pytest.fixture(scope="module")
def pages(browser: Browser, lab: LabProcess) -> dict[str, str]:
    """Name of a run -> the address of its page."""
    browser.open(f"{lab.url}/ui/")
    browser.wait_until("return document.querySelectorAll('.runs tbody tr').length === 6")
    links = browser.driver.find_elements("css selector", ".runs tbody th > a")
    return {link.text.split("_")[-1]: link.get_attribute("href") for link in links}


def click(browser: Browser, selector: str) -> None:
    """Click where no other part of the page is in front, as a person would who scrolls there."""
    browser.js("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", selector)
    browser.find(selector).click()


@pytest.mark.parametrize("name", ["child", "coder-a", "demo"])
def test_everybody_can_use_it(browser: Browser, pages: dict[str, str], name: str) -> None:
    """Whatever the mode, with its own sections."""
    assert find_flaws(browser, pages[name], WHOLE) == []


def test_a_number_leads_to_its_cases(browser: Browser, pages: dict[str, str]) -> None:
    browser.open(pages["child"])
    browser.wait_until(WHOLE)
    click(browser, "[data-ending-link=lost]")
    browser.wait_until(f"return document.querySelectorAll('{CASES}').length === 1")
    assert browser.texts(CASES) == ["order-lost"]
    click(browser, "[data-ending='passed']")
    browser.wait_until(f"return document.querySelector('{CASES}').textContent === 'order-1'")
    click(browser, "[data-fault='infrastructure']")
    browser.wait_until(f"return document.querySelector('{CASES}').textContent === 'order-lost'")
    assert browser.find("input[name=text]").get_attribute("value") == "infrastructure"


def test_what_changed_since_its_parent(browser: Browser, pages: dict[str, str]) -> None:
    browser.open(pages["child"])
    browser.wait_until("return document.querySelector('#changes h2') !== null")
    assert "assistant.model" in browser.find("#changes").text
    assert browser.texts("#changes ins") == ["model-c"]


def test_its_files_can_be_opened(browser: Browser, pages: dict[str, str]) -> None:
    browser.open(pages["child"])
    browser.wait_until("return document.querySelector('#files h2') !== null")
    address = browser.driver.find_element("link text", "config.yaml").get_attribute("href")
    assert "/artifacts/" in address
    text = browser.driver.execute_async_script(
        "const done = arguments[1]; fetch(arguments[0]).then((answer) => answer.text()).then(done);", address
    )
    assert "name: crawl" in text


@pytest.fixture
def going(outputs: Path, lab: LabProcess, tmp_path: Path) -> Iterator[RunDirectory]:
    """A run that somebody's process is at, and has been since the lab saw it."""
    planned = ["order-lost", "order-7", "order-8"]
    run = stored_runs.write_crawl(
        tmp_path / "going", passing=(), status=RunStatus.RUNNING, run_id="d" * 32, case_trials=planned
    )
    with run.exclusive():
        seen = RunDirectory(run.root.rename(outputs / "going"))
        yield seen
    shutil.rmtree(seen.root)


def test_cases_arrive_without_a_reload(browser: Browser, lab: LabProcess, going: RunDirectory) -> None:
    """Started, finished and graded are seen as they happen, in the feed and in the table; then the run ends."""
    browser.open(f"{lab.url}/ui/")
    browser.wait_until("return document.querySelector('#running:not([hidden]) .run-card') !== null")
    click(browser, "#running h3 a")
    browser.wait_until("return document.querySelector('#feed-state')?.textContent.includes('running')")
    browser.js("window.notLoadedAgain = true")
    going.journal_start("order-7", 1)
    browser.wait_until("return document.querySelector('#feed').textContent.includes('order-7')")
    stored_runs.store_trial(going, stored_runs.make_call("order-7"), {"tool_call": 1.0, "tool_call_args": 0.5})
    browser.wait_until("return document.querySelector('.feed-line.bad')?.textContent.includes('failed')")
    browser.wait_until(f"return [...document.querySelectorAll('{CASES}')].some((a) => a.textContent === 'order-7')")
    assert browser.js("return window.notLoadedAgain")
    assert find_flaws(browser, browser.driver.current_url, WHOLE) == []


def test_the_page_of_a_case_shows_it_when_it_ends(browser: Browser, lab: LabProcess, going: RunDirectory) -> None:
    """Whoever waits for one case need not load its page again."""
    going.journal_start("order-8", 1)
    address = f"{lab.url}/ui/runs/{'d' * 16}/cases/order-8"
    browser.open(f"{lab.url}/ui/")
    browser.wait_until("return document.querySelector('#running:not([hidden]) .run-card') !== null")
    browser.open(address)
    browser.wait_until("return document.querySelector('#waiting') !== null")
    stored_runs.store_trial(going, stored_runs.make_call("order-8"), {"tool_call": 1.0, "tool_call_args": 1.0})
    browser.wait_until("return document.querySelector('.case-facts') !== null")
    browser.wait_until("return document.querySelector('[data-awaits]') === null")
