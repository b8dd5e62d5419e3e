"""``report.html`` in a real browser: from disk, with a keyboard, whatever was said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pytest
from headless import ACCESSIBILITY, NARROW, WIDE, Browser
from page_flaws import find_violations
from stored_run import HOSTILE, SAMPLE, StoredCase
from turn_taking_notes import eventful, heard, interrupted, long_call

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
    assert len(browser.texts(".turn-taking tbody tr")) == 12 + 2 + 10 + 8 + 3 + 2
    assert browser.js("return document.querySelectorAll('.curve svg').length") == 2
    assert browser.js("const d = document.documentElement; return d.scrollWidth <= d.clientWidth")
    assert browser.js(ACCESSIBILITY) == []
    assert browser.console() == []
    assert find_violations(browser) == []


@pytest.fixture(scope="module")
def duplex(reported: Callable[..., Path]) -> Path:
    """The page of a call in which everything happens once, a call of five minutes, and one whose sound is gone."""
    cases = [
        StoredCase("eventful", turns=4, notes={"turn_taking": eventful()}, call_s=40.0),
        StoredCase("long", turns=30, notes={"turn_taking": long_call()}, call_s=300.0),
        StoredCase("mute", turns=4, notes={"turn_taking": eventful()}),
    ]
    return reported(cases=cases)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("key", ["eventful", "long", "mute"])
def test_a_duplex_call_can_be_read_by_everybody(
    browser: Browser, duplex: Path, key: str, width: int, dark: bool
) -> None:
    """Long or short, with sound or without; nothing on the axis is refused by the page's policy."""
    browser.open(duplex, f"#case/{key}", width=width, dark=dark)
    browser.wait_until("return document.querySelector('.axis').childElementCount > 1")
    browser.js("for (const fold of document.querySelectorAll('details')) fold.open = true")
    assert browser.console() == []
    assert browser.js("return window.refusedByPolicy") == []
    assert browser.js("const d = document.documentElement; return d.scrollWidth <= d.clientWidth")
    assert browser.js(ACCESSIBILITY) == []
    assert find_violations(browser) == []


def test_a_duplex_call_stands_on_one_axis(browser: Browser, duplex: Path) -> None:
    """Every track is named; what began at one time stands at one place; overlaps and yields go over all tracks."""
    browser.open(duplex, "#case/eventful")
    assert browser.texts(".lanes .name") == [
        "Caller", "Assistant, played", "Assistant, generated", "Both speak", "Reactions", "Tools", "Turn detection",
    ]  # fmt: skip
    left = "return [...document.querySelectorAll(arguments[0])].map((n) => Math.round(n.getBoundingClientRect().left))"
    (interruption, _), (yields,) = browser.js(left, ".is-interruption"), browser.js(left, ".block.is-yields")
    assert interruption == yields == browser.js(left, ".shade.is-yields")[0] == browser.js(left, ".shade.overlap")[0]
    labels = browser.js(
        "return [...document.querySelectorAll('.lane .block')].map((n) => n.getAttribute('aria-label'))"
    )
    assert "Interruption: No, wait., turn 2, 8.5 s to 9.8 s" in labels
    assert "Yields: after 0.50 s, 8.5 s to 9.0 s" in labels
    assert "Backchannel: mm-hmm" in browser.texts(".block.is-backchannel")


def test_a_block_plays_the_call_from_there(browser: Browser, duplex: Path) -> None:
    """A click on it or beside it, and Enter on it; the table of everything in order plays the same."""
    browser.open(duplex, "#case/eventful")
    at = "return document.querySelector('audio[data-kind=conversation]').currentTime"
    browser.find(".block.is-backchannel").click()
    browser.wait_until(f"{at} > 12 && {at.removeprefix('return ')} < 16")
    browser.js("document.querySelector('.block.is-yields').focus()")
    browser.driver.switch_to.active_element.send_keys(keys().ENTER)
    browser.wait_until(f"{at} > 8.5 && {at.removeprefix('return ')} < 12")
    browser.js("for (const fold of document.querySelectorAll('details')) fold.open = true")
    browser.js("document.querySelector('.order button[aria-label=\"Hear from 36.00 s\"]').click()")
    browser.wait_until(f"{at} > 36")
    browser.js("document.querySelector('audio[data-kind=conversation]').pause()")
    browser.js(
        "const stage = document.querySelector('.stage'), box = stage.getBoundingClientRect();"
        "stage.dispatchEvent(new MouseEvent('click', {clientX: box.left + box.width / 2, bubbles: true}))"
    )
    browser.wait_until(f"{at} >= 20 && {at.removeprefix('return ')} < 24")


def test_the_tab_key_stops_once_a_track(browser: Browser, duplex: Path) -> None:
    """However long the call is; the arrow keys, Home and End go through the track."""
    browser.open(duplex, "#case/long")
    stops = browser.js(
        "return [...document.querySelectorAll('.lane button.block')].filter((n) => n.tabIndex === 0).length"
    )
    assert stops == len(browser.texts(".lane")) - len(
        browser.js(
            "return [...document.querySelectorAll('.lane')].filter((n) => !n.querySelector('button')).map(() => 1)"
        )
    )
    browser.js("document.querySelector('.lane button.block').focus()")
    told = "return document.activeElement.getAttribute('aria-label')"
    browser.driver.switch_to.active_element.send_keys(keys().ARROW_RIGHT)
    assert browser.js(told).startswith("Backchannel: mm, turn 1, 5.5 s")
    browser.driver.switch_to.active_element.send_keys(keys().END)
    assert browser.js(told).startswith("Backchannel: mm, turn 30, 295.5 s")
    assert browser.js("return document.querySelector('.lanes-scroll').scrollLeft") > 0
    browser.driver.switch_to.active_element.send_keys(keys().HOME)
    assert browser.js(told).startswith("Caller, turn 1, 0.5 s")


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_long_call_is_as_wide_as_its_words_need(browser: Browser, duplex: Path, width: int) -> None:
    """At least 24 pixels a second; the scale can be chosen, down to the whole call at once."""
    browser.open(duplex, "#case/long", width=width)
    browser.wait_until("return document.querySelector('.stage').style.width !== ''")
    pixels = "return document.querySelector('.stage').clientWidth"
    assert browser.js(pixels) >= 24 * 300
    browser.js(
        "const s = document.querySelector('.scale-choice select'); s.value = '1'; s.dispatchEvent(new Event('change'))"
    )
    assert browser.js(pixels) == browser.js("return document.querySelector('.lanes-scroll').clientWidth")


def test_without_sound_the_axis_is_read_and_not_played(browser: Browser, duplex: Path) -> None:
    """What is on it is told all the same."""
    browser.open(duplex, "#case/mute")
    assert browser.js("return document.querySelectorAll('.lane button').length") == 0
    assert browser.js("return document.querySelectorAll('.lane [role=img]').length") > 20
    browser.js("for (const fold of document.querySelectorAll('details')) fold.open = true")
    assert "Put it on the table, please." in browser.find(".order").text


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
