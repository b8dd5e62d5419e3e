"""``report.html`` in a real browser: from disk, with a keyboard, whatever was said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pytest
from headless import ACCESSIBILITY, NARROW, WIDE, Browser
from stored_run import HOSTILE, SAMPLE, StoredCase
from turn_taking_notes import heard, interrupted

ROWS = "#case-table tbody tr"
VIEWS = ("", "#case/hostile", "#case/lost", "#case/good")


def keys() -> Any:
    from selenium.webdriver.common.keys import Keys

    return Keys


def focused(browser: Browser) -> str:
    return str(browser.js("const a = document.activeElement; return a.id || a.textContent.trim()"))


def test_it_opens_from_disk_and_speaks_to_nobody(browser: Browser, page: Path) -> None:
    """No complaint in the console, and no address but its own, also when a case is opened."""
    browser.open(page)
    browser.js("location.hash = '#case/good'")
    assert browser.find("#case h1").text == "good"
    assert browser.console() == []
    assert {urlparse(url).scheme for url in browser.requested()} <= {"file", "data"}


def test_the_table_has_every_case_and_how_it_ended(browser: Browser, page: Path) -> None:
    """In words beside the sign, so that colour alone means nothing."""
    browser.open(page)
    assert browser.texts(f"{ROWS} th") == [case.case_id for case in SAMPLE]
    endings = [text.split(" ", 1)[1] for text in browser.texts(f"{ROWS} .badge")]
    assert endings == ["passed", "not passed", "lost: infrastructure", "fault: assistant", "not passed", "undecided"]


def test_search_and_choices_narrow_the_table(browser: Browser, page: Path) -> None:
    """Every word must occur; choices add up; the count is announced; clearing brings all back."""
    browser.open(page)
    browser.find("#find").send_keys("CANCEL 31845")
    assert browser.texts(f"{ROWS} th") == ["bad"]
    assert browser.find("#count[role=status]").text == "1 of 6 case-trials"
    browser.find("#filters button[type=reset]").click()
    assert len(browser.texts(ROWS)) == len(SAMPLE)
    browser.find("#ending option[value='not passed']").click()
    assert browser.texts(f"{ROWS} th") == ["bad", "hostile"]
    browser.find("#find").send_keys("owned")
    assert browser.texts(f"{ROWS} th") == ["hostile"]
    browser.find("#filters button[type=reset]").click()
    browser.find("#fault option[value='infrastructure']").click()
    assert browser.texts(f"{ROWS} th") == ["lost"]
    browser.find("#filters button[type=reset]").click()
    browser.find("#grader option[value='tool_call_args']").click()
    assert browser.texts(f"{ROWS} th") == ["bad", "hostile"]


def test_a_cause_leads_to_its_cases(browser: Browser, page: Path) -> None:
    """What failed, and why: each line shows its cases."""
    browser.open(page)
    browser.find("[data-fault='assistant']").click()
    assert browser.texts(f"{ROWS} th") == ["silent"]
    browser.find("[data-ending='passed']").click()
    assert browser.texts(f"{ROWS} th") == ["good"]


def test_columns_sort_and_say_so(browser: Browser, page: Path) -> None:
    """Both ways; what has no value stands last; the focus stays on the button."""
    browser.open(page)
    browser.find("#case-table th:nth-child(3) button").click()
    assert browser.texts(f"{ROWS} th")[:3] == ["bad", "hostile", "good"]
    assert browser.find("#case-table th[aria-sort='ascending']").text.startswith("lowest grade")
    browser.find("#case-table th:nth-child(3) button").click()
    assert browser.texts(f"{ROWS} th")[0] == "good"
    assert focused(browser).startswith("lowest grade")


def test_a_keyboard_reaches_a_case_and_comes_back(browser: Browser, page: Path) -> None:
    """The first stop skips to the cases; Enter opens one and puts the focus on its title; back is where one was."""
    browser.open(page)
    body = browser.find("body")
    body.send_keys(keys().TAB)
    assert focused(browser) == "Skip to the cases"
    browser.driver.switch_to.active_element.send_keys(keys().ENTER)
    for _ in range(20):
        browser.driver.switch_to.active_element.send_keys(keys().TAB)
        if focused(browser) == "bad":
            break
    browser.driver.switch_to.active_element.send_keys(keys().ENTER)
    assert focused(browser) == "bad"
    assert browser.js("return document.activeElement.tagName") == "H1"
    assert not browser.find("#overview").is_displayed()
    browser.driver.back()
    assert browser.find("#overview").is_displayed()
    assert browser.js("return document.activeElement.tagName") == "A"
    assert focused(browser) == "bad"


def test_what_was_said_stays_text(browser: Browser, page: Path) -> None:
    """A script in the words of caller, assistant, tool, grader and event log is read, never run."""
    browser.open(page, "#case/hostile")
    assert browser.driver.title == "hostile · evalkit"
    assert browser.js("return document.querySelectorAll('#case img, #case script').length") == 0
    words = browser.js("return document.getElementById('case').textContent")
    assert words.count(HOSTILE) >= 5
    assert browser.console() == []


def test_every_part_of_a_case_is_there(browser: Browser, page: Path) -> None:
    """Timeline, transcript with calls and answers, grades with evidence, events, cost, notes of the case."""
    browser.open(page, "#case/bad")
    sections = browser.js("return [...document.querySelectorAll('#case section h2')].map((n) => n.textContent)")
    assert sections == ["Timeline", "Transcript", "Grades"]
    assert {"Caller", "Assistant", "Tools"} == set(browser.texts(".lanes .name"))
    assert (
        browser.find(".block.caller").get_attribute("aria-label").startswith("Caller, turn 1, 0.0 s to 1.0 s: Cancel")
    )
    assert "because Cancel order 31845." in browser.find(".grades").text
    folded = browser.texts("#case summary")
    assert folded[0].startswith("Event log: excerpt, 55 of 55 events")


def test_a_transcript_has_words_and_calls_in_the_order_they_happened(browser: Browser, page: Path) -> None:
    """What was said before a tool was called stands before the call; nothing says that the order is not known."""
    browser.open(page, "#case/bad")
    assert browser.texts("#case .say .who") == [
        "Caller", "Assistant", "Tool call: get_order", "Tool output: get_order", "Assistant",
    ]  # fmt: skip
    assert "does not say which of the words" not in browser.find("#case .turn").text


def test_a_lost_case_says_that_it_does_not_count(browser: Browser, page: Path) -> None:
    """And whose fault it was; it has no timeline and no transcript."""
    browser.open(page, "#case/lost")
    note = browser.find(".note.bad").text
    assert "Broke off at connect: connection_refused (fault: infrastructure). It is left out of every mean." in note
    assert "Transcript" not in browser.texts("#case h2")


def test_cases_are_linked_one_to_the_next(browser: Browser, page: Path) -> None:
    """In the order of the table as it is filtered; an unknown case is said to be unknown."""
    browser.open(page)
    browser.find("#ending option[value='not passed']").click()
    browser.find(f"{ROWS} th a").click()
    assert browser.find("nav .push").text == "1 of 2"
    browser.find("nav a[rel=next]").click()
    assert browser.find("#case h1").text == "hostile"
    browser.open(page, "#case/no-such")
    assert "no such case" in browser.find("#case").text


@pytest.mark.parametrize("audio", ["linked", "embedded"])
def test_recordings_play(browser: Browser, reported: Callable[..., Path], audio: str) -> None:
    """Every player has a source that exists and that the browser can read; a second of sound is a second."""
    changes = {"report": {"plots": False, "html": True, "audio": audio}}
    page = reported(cases=[StoredCase("spoken", turns=2)], mode="run", changes=changes)
    browser.open(page, "#case/spoken")
    sources = browser.js("return [...document.querySelectorAll('audio')].map((a) => a.currentSrc || a.src)")
    assert len(sources) == 4
    for source in sources:
        assert source.startswith("data:audio/wav") or Path(unquote(urlparse(source).path)).is_file()
    script = """
        const done = arguments[arguments.length - 1], audio = document.querySelector("audio");
        audio.addEventListener("loadedmetadata", () => done(audio.duration));
        audio.addEventListener("error", () => done(`error ${audio.error && audio.error.message}`));
        audio.preload = "metadata"; audio.load();"""
    assert browser.driver.execute_async_script(script) == pytest.approx(1.0, abs=0.01)
    assert browser.console() == []


def test_a_thousand_cases_are_drawn_step_by_step(browser: Browser, reported: Callable[..., Path]) -> None:
    """The first 100, and more on demand; the filter looks at all of them."""
    page = reported(cases=[StoredCase(f"case-{n:04d}", turns=0) for n in range(130)])
    browser.open(page)
    count = "return document.querySelectorAll('#case-table tbody tr').length"
    assert browser.js(count) == 100
    browser.find("#more").click()
    assert browser.js(count) == 130
    browser.find("#find").send_keys("case-0129")
    assert browser.texts(f"{ROWS} th") == ["case-0129"]
    assert not browser.find("#more").is_displayed()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_nothing_is_cut_off_or_hard_to_read(browser: Browser, page: Path, width: int, dark: bool) -> None:
    """No sideways scrolling of the page, names on everything that is operated, contrast of 4.5 and more."""
    for view in VIEWS:
        browser.open(page, view, width=width, dark=dark)
        browser.js("for (const fold of document.querySelectorAll('details')) fold.open = true")
        assert browser.js("const d = document.documentElement; return d.scrollWidth <= d.clientWidth"), view
        assert browser.js(ACCESSIBILITY) == [], view


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_turn_taking_is_readable_too(browser: Browser, reported: Callable[..., Path], width: int, dark: bool) -> None:
    """Its wide tables scroll in their own frames, also on a narrow screen."""
    calls = [heard([0.5]), interrupted(0.5), {"caller": "nobody"}]
    cases = [StoredCase(f"call-{number}", notes={"turn_taking": notes}) for number, notes in enumerate(calls)]
    browser.open(reported(cases=cases), width=width, dark=dark)
    browser.js("for (const fold of document.querySelectorAll('details')) fold.open = true")
    assert len(browser.texts(".turn-taking tbody tr")) == 12 + 2 + 10
    assert browser.js("const d = document.documentElement; return d.scrollWidth <= d.clientWidth")
    assert browser.js(ACCESSIBILITY) == []
    assert browser.console() == []


def test_a_table_stays_one_for_a_screen_reader(browser: Browser, page: Path) -> None:
    """On a narrow screen rows are laid out as blocks, which alone would take their meaning away."""
    browser.open(page, width=NARROW)
    tree = browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = [node["role"]["value"] for node in tree if not node.get("ignored")]
    assert "table" in roles
    assert roles.count("rowheader") >= len(SAMPLE)
    assert roles.count("cell") >= 5 * len(SAMPLE)


def test_an_empty_run_has_a_page_too(browser: Browser, reported: Callable[..., Path]) -> None:
    """A report of a run that has only begun."""
    browser.open(reported(cases=[], ended=False))
    assert browser.find("#count").text == "No case-trial has finished yet."
    assert browser.console() == []
