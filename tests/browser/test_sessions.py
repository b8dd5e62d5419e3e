"""Terminal sessions on ``report.html`` in a real browser: played, stepped through, whatever was written."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse

import factories
import pytest
from headless import ACCESSIBILITY, NARROW, WIDE, Browser
from stored_run import StoredRun
from stored_sessions import HOSTILE, make_cast, make_session

from evalkit.records.faults import Failure, Fault
from evalkit.runner.reporting import report_run

pytest.importorskip("pyghostty", reason="a terminal needs the terminal extra")

FRAME = "return document.querySelector('details.session[open] .film').dataset.frame"


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run: a session at a terminal, one over another transport, one that broke; hostile words in all."""
    run = StoredRun(tmp_path_factory.mktemp("sessions") / "a run", cases=(), mode="terminal").write()
    failure = Failure("agent_exit", "crashed", f"it ended (signal 6): {HOSTILE}. More.")
    records = [
        make_session("writes"),
        make_session("asks", transport="acp"),
        make_session("breaks", diff="", failure=failure, fault=Fault.ASSISTANT),
    ]
    provenance = json.loads(run.provenance_path.read_text(encoding="utf-8"))
    planned = {**provenance, "case_trials": [record.key for record in records]}
    run.provenance_path.write_text(json.dumps(planned), encoding="utf-8")
    for record in records:
        sha256 = run.store_record(record)
        grade = None if record.failure else 0 if record.key == "writes" else 1
        why = f"it is {HOSTILE}"
        run.append_grades([factories.make_grade(record, "right", grade, None, rationale=why, record_sha256=sha256)])
        for stored in record.artifacts.values():
            path = run.root / stored
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(make_cast() if stored.endswith(".cast") else b"# words")
    report_run(run)
    return run.root / "report.html"


@pytest.fixture
def opened(browser: Browser, sessions: Path) -> Browser:
    """The page with the first session open."""
    browser.open(sessions)
    browser.find("details.session summary").click()
    wait_for(lambda: browser.js(FRAME))
    return browser


def wait_for(holds: Callable[[], object]) -> None:
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def screen(browser: Browser) -> list[str]:
    script = "return [...document.querySelectorAll('details.session[open] .screen div')].map((row) => row.textContent)"
    return [str(row) for row in browser.js(script)]


def press(browser: Browser, name: str) -> None:
    browser.find(f"details.session[open] .controls .{name}").click()


def test_the_last_screen_is_shown_in_its_colours(opened: Browser) -> None:
    """Row by row, also runs that are set off; the fallback for browsers without scripts is gone."""
    assert screen(opened)[4:6] == ["Wrote it", "> "]
    assert not opened.find(".last-screen").is_displayed()
    style = """
        const runs = [...document.querySelectorAll(".screen span")];
        const { style } = runs.find((run) => run.textContent === arguments[0]);
        return [style.color, style.backgroundColor];"""
    assert opened.js(style, "Wrote it") == ["rgb(12, 12, 12)", "rgb(220, 220, 220)"]
    assert opened.js(style, "ready")[0].startswith("rgb(")
    assert opened.console() == []


def test_one_steps_by_turn(opened: Browser) -> None:
    """From the end to the beginning and on again; a button that leads nowhere is off; each turn leads to its end."""
    press(opened, "back")
    assert opened.find(".told").text.endswith("agent: approval (title) · user: approve")
    assert "May I?" in "".join(screen(opened))
    assert "Wrote it" not in "".join(screen(opened))
    press(opened, "back")
    assert opened.js(FRAME) == "0"
    assert not opened.find(".controls .back").is_enabled()
    assert opened.texts(".turn-line.now")[0].startswith("1 initial_prompt")
    opened.find(".turn-line:nth-child(2) .jump").click()
    assert "Wrote it" in "".join(screen(opened))
    assert not opened.find(".controls .on").is_enabled()
    assert len(opened.js("return [...document.querySelectorAll('details[open] .mark')].map((n) => n.style.left)")) == 5


def test_the_slider_goes_frame_by_frame(opened: Browser) -> None:
    """By keyboard, as every slider does, and says in words where it is."""
    from selenium.webdriver.common.keys import Keys

    slider = opened.find("details[open] .seek input")
    slider.send_keys(Keys.HOME)
    assert opened.js(FRAME) == "0"
    assert screen(opened)[0] == "ready> "
    slider.send_keys(Keys.ARROW_RIGHT)
    assert opened.js(FRAME) == "1"
    assert "frame 2 of" in slider.get_attribute("aria-valuetext")


def test_it_plays_to_the_end_and_can_be_paused(opened: Browser) -> None:
    """At a chosen speed; at its end it begins anew; a session that is closed does not play on."""
    opened.find("details[open] .controls option[value='8']").click()
    press(opened, "play")
    assert "Pause" in opened.find(".play").text
    wait_for(lambda: "Play" in opened.find(".play").text)
    last = opened.js(FRAME)
    assert int(last) == int(opened.find("details[open] .seek input").get_attribute("max"))
    opened.find("details[open] .controls option[value='0.25']").click()
    press(opened, "play")
    press(opened, "play")
    assert "Play" in opened.find(".play").text
    assert opened.js(FRAME) != last
    press(opened, "play")
    opened.find("details.session[open] > summary").click()
    wait_for(lambda: "Play" in opened.js("return document.querySelector('.play').textContent"))


def test_what_was_written_stays_text(opened: Browser) -> None:
    """On the screen, in words, diff, reasons: read, never run; marks that turn the direction are seen."""
    assert opened.js("return document.title") == "a run · evalkit"
    assert opened.js("return document.querySelectorAll('main img').length") == 0
    words = opened.js("return document.querySelector('details.session[open]').innerText")
    assert words.count(HOSTILE) >= 4
    assert "\u202e" not in words
    assert "a⟨U+202E⟩b⟨U+2067⟩c" in words
    direction = "return getComputedStyle(document.querySelector('.screen div')).unicodeBidi"
    assert opened.js(direction) == "bidi-override"
    assert opened.console() == []
    assert {urlparse(url).scheme for url in opened.requested()} <= {"file", "data"}


def test_side_by_side_stand_screen_checks_and_diff(opened: Browser) -> None:
    """The screen to the left of both; wide, it has the whole width."""
    places = """
        const boxes = [...document.querySelectorAll("details[open] .pane")].map((pane) => pane.getBoundingClientRect());
        return boxes.map((box) => [box.left, box.right, box.top]);"""
    stage, checks, diff = opened.js(places)
    assert stage[1] < checks[0]
    assert stage[1] < diff[0]
    assert checks[2] < diff[2]
    assert opened.texts("details[open] .checks .badge") == ["✗ 0"]
    assert opened.texts("details[open] .diff .added")[0].startswith(HOSTILE)
    press(opened, "wider")
    stage, checks, _ = opened.js(places)
    assert stage[1] - stage[0] > 1_000
    assert checks[2] > stage[2]


def test_tables_tell_whose_fault_and_what_each_took(browser: Browser, sessions: Path) -> None:
    """And lead to the case."""
    browser.open(sessions)
    assert browser.texts(".blame tbody tr td:nth-child(2)") == ["agent_exit: crashed", "checks: right"]
    assert browser.texts(".session-lines tbody th") == ["writes", "asks", "breaks"]
    browser.find(".session-lines a").click()
    assert browser.find("#case h1").text == "writes"


def test_other_transports_stand_turn_by_turn(browser: Browser, sessions: Path) -> None:
    """Without a player."""
    browser.open(sessions)
    browser.js("document.querySelectorAll('details.session')[1].open = true")
    assert browser.texts("details.session[open] .stage h4") == ["Turn by turn"]
    assert browser.js("return document.querySelectorAll('details.session[open] .controls').length") == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_nothing_is_cut_off_or_hard_to_read(browser: Browser, sessions: Path, width: int, dark: bool) -> None:
    """No sideways scrolling of the page, names on everything that is operated, contrast of 4.5 and more."""
    browser.open(sessions, width=width, dark=dark)
    browser.js("for (const fold of document.querySelectorAll('details')) fold.open = true")
    wait_for(lambda: browser.js("return document.querySelectorAll('.controls').length") == 2)
    assert browser.js("const d = document.documentElement; return d.scrollWidth <= d.clientWidth")
    assert browser.js(ACCESSIBILITY) == []
