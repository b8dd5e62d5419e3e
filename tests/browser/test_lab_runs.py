"""The lab's page of runs in a browser: runs found, sorted, chosen and opened by hand and by keys; new ones appear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import stored_runs
from headless import NARROW, Browser
from lab_process import LabProcess, lab_process
from page_flaws import find_flaws

NAMES = ".runs tbody th > a"
HOSTILE = "<img src=x onerror=document.title='owned'>"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab") / "outputs"
    stored_runs.write_samples(folder)
    torn = stored_runs.write_crawl(folder / "hostile", name=HOSTILE, started_at="2026-01-01T10:00:00.000+00:00")
    with torn.journal_path.open("ab") as journal:
        journal.write(b"no line\n")
    return folder


@pytest.fixture(scope="module")
def lab(outputs: Path) -> Iterator[LabProcess]:
    with lab_process(outputs.parent, str(outputs)) as lab:
        yield lab


@pytest.fixture
def page(browser: Browser, lab: LabProcess) -> Browser:
    """The page, opened wide."""
    browser.open(f"{lab.url}/ui/")
    browser.wait_until("return document.querySelectorAll('.runs tbody tr').length >= 5")
    return browser


def press(browser: Browser, keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser.driver).send_keys(keys).perform()


def test_everybody_can_use_it(browser: Browser, lab: LabProcess) -> None:
    assert find_flaws(browser, f"{lab.url}/ui/", "return document.querySelector('.runs') !== null") == []


def test_everybody_can_use_it_where_nothing_is(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "outputs").mkdir()
    with lab_process(tmp_path, str(tmp_path / "outputs")) as lab:
        assert find_flaws(browser, f"{lab.url}/ui/") == []
        nowhere = find_flaws(browser, f"{lab.url}/ui/nowhere")
        assert [flaw for flaw in nowhere if "status of 404" not in flaw] == []  # the browser notes that it is not there


def test_a_name_stays_text(page: Browser) -> None:
    assert HOSTILE in page.texts(NAMES)
    assert page.driver.title == "Runs · evalkit lab"
    assert page.js("return document.querySelectorAll('main img').length") == 0


def test_typing_narrows_and_the_address_keeps_it(page: Browser, lab: LabProcess) -> None:
    press(page, "/")
    press(page, "coder")
    page.wait_until("return document.querySelectorAll('.runs tbody tr').length === 1")
    assert page.js("return location.search").startswith("?text=coder")
    page.driver.refresh()
    page.wait_until("return document.querySelectorAll('.runs tbody tr').length === 1")
    assert page.find("input[name=text]").get_attribute("value") == "coder"


def test_heads_sort_both_ways(page: Browser) -> None:
    head = "return document.querySelector('.runs th.col-score').getAttribute('aria-sort')"
    page.find(".runs th.col-score a").click()
    page.wait_until(f"{head} === 'descending'")
    page.find(".runs th.col-score a").click()
    page.wait_until(f"{head} === 'ascending'")
    page.driver.back()
    page.wait_until(f"{head} === 'descending'")


def test_columns_are_chosen_and_remembered(page: Browser) -> None:
    page.find("[data-opens=columns-dialog]").click()
    page.find("[data-column=cost]").click()
    page.find("#columns-dialog [data-closes]").click()
    assert not page.find(".runs td.col-cost").is_displayed()
    page.driver.refresh()
    page.wait_until("return document.querySelector('.runs[data-off]') !== null")
    assert not page.find(".runs td.col-cost").is_displayed()
    page.js("localStorage.removeItem('evalkit-columns-off')")


def test_two_runs_are_chosen_for_a_comparison(page: Browser) -> None:
    boxes = page.driver.find_elements("css selector", ".pick input")
    assert not page.find("#compare").is_displayed()
    boxes[0].click()
    boxes[1].click()
    assert page.find("#compare").text == "Compare 2 runs"
    boxes[2].click()
    chosen = [boxes[n].get_attribute("value") for n in (2, 1)]  # the list begins with the newest
    assert page.find("#compare").get_attribute("href").endswith(f"/ui/compare?a={chosen[0]}&b={chosen[1]}")


def test_keys_walk_open_and_are_listed(page: Browser) -> None:
    press(page, "?")
    assert "Search" in page.find("#keys-dialog").text
    press(page, "\ue00c")
    press(page, "j")
    press(page, "j")
    opened = page.js("return document.activeElement.href")
    press(page, "\ue007")
    page.wait_until("return location.pathname.startsWith('/ui/runs/')")
    assert page.driver.current_url == opened
    press(page, "g")
    press(page, "r")
    page.wait_until("return location.pathname === '/ui/'")


def test_keys_can_be_switched_off(page: Browser) -> None:
    """Who dictates speaks letters that are no keys."""
    page.find("[data-opens=keys-dialog]").click()
    page.find("#keys-on").click()
    page.find("#keys-dialog [data-closes]").click()
    press(page, "/")
    assert page.js("return document.activeElement.name") != "text"
    page.js("localStorage.removeItem('evalkit-keys')")


def test_the_theme_is_chosen_and_remembered(page: Browser) -> None:
    colour = "return getComputedStyle(document.body).backgroundColor"
    light = page.js(colour)
    page.find("[data-theme-switch]").click()
    dark = page.js(colour)
    assert dark != light
    page.driver.refresh()
    assert page.js(colour) == dark
    page.js("localStorage.removeItem('evalkit-theme')")


def test_a_run_that_is_copied_in_appears_by_itself(page: Browser, outputs: Path) -> None:
    """Nobody loads the page again, and what is selected and typed stays."""
    page.find(".pick input").click()
    stored_runs.write_crawl(outputs / "later", name="copied in", started_at="2026-01-03T10:00:00.000+00:00")
    page.wait_until(f"return [...document.querySelectorAll('{NAMES}')].some((a) => a.textContent === 'copied in')")
    assert page.js("return document.querySelectorAll('.pick input:checked').length") == 1


def test_on_a_telephone_a_run_says_the_same_in_fewer_columns(browser: Browser, lab: LabProcess) -> None:
    browser.open(f"{lab.url}/ui/", width=NARROW)
    assert not browser.find(".runs td.col-latency").is_displayed()
    assert "coder-a" in browser.find("#runs").text
