"""The lab's pages of cases, of a case's history and of sweeps in a browser: heard, played, read and walked through."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import factories
import numpy as np
import pytest
import stored_runs
from headless import NARROW, WIDE, Browser
from lab_process import lab_process
from page_flaws import find_flaws, find_violations
from turn_taking_notes import eventful, long_call

from evalkit.audio.wav import write_stereo
from evalkit.store.run_directory import RunStatus

webdriver = pytest.importorskip("selenium.webdriver", reason="browser tests need the dev extra (selenium)")

CRAWL, SWEPT, CODING, TERMINAL, TALK, DUPLEX = (letter * 32 for letter in "abcdef")
EVENTS = 5_000
_RATE_HZ = 8_000


def _case(run_id: str, key: str) -> str:
    return f"/ui/runs/{run_id[:16]}/cases/{key}"


PAGES = {
    "call": _case(CRAWL, "order-1"),
    "lost": _case(CRAWL, "order-lost"),
    "talk": _case(TALK, "talk"),
    "duplex": _case(DUPLEX, "duplex"),
    "long duplex": _case(DUPLEX, "long"),
    "coding": _case(CODING, "py_add"),
    "terminal": _case(TERMINAL, "writes"),
    "history": "/ui/cases/order-1",
    "no history": "/ui/cases/nobody",
    "sweeps": "/ui/sweeps",
    "sweep": "/ui/sweeps/SWEEP",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs are."""
    return tmp_path_factory.mktemp("lab") / "outputs"


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """A lab with a run of each kind, a conversation with a recording and a long log, and a sweep."""
    stored_runs.write_crawl(folder / "crawl", run_id=CRAWL)
    stored_runs.write_coding(folder / "coding", run_id=CODING)
    stored_runs.write_terminal(folder / "terminal", run_id=TERMINAL)
    _write_talk(folder / "talk")
    _write_duplex(folder / "duplex")
    _write_sweep(folder / "sweeps" / "swept")
    with lab_process(folder.parent, str(folder)) as lab:
        deadline = time.monotonic() + 30
        with lab.client() as client:
            while client.get(PAGES["duplex"]).status_code != 200:  # the lab reads its folders while it is up
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield lab.url


def _write_talk(root: Path) -> None:
    """Write a conversation of two turns with one recording, in which each tone says who speaks when."""
    record = stored_runs.make_call("talk")
    turns = tuple(replace(record.turns[0], turn_index=index, artifacts={}) for index in (1, 2))
    stored = "audio/talk/conversation.wav"
    record = replace(record, turns=turns, artifacts={**record.artifacts, "conversation_audio_path": stored})
    config = {"mode": {"name": "crawl", "data_csv": "d.csv"}, "assistant": {"model": "model-a"}, "chunk_ms": 20}
    run = stored_runs.write_run(root, config, [record], {"talk": {"tool_call": 1.0}}, run_id=TALK)
    seconds = np.arange(5 * _RATE_HZ) / _RATE_HZ
    left, right = ((9_000 * np.sin(2 * np.pi * hz * seconds)).astype(np.int16) for hz in (220, 330))
    (root / stored).parent.mkdir(parents=True)
    write_stereo(root / stored, left, right, _RATE_HZ)
    run.events_path("talk").parent.mkdir()
    run.events_path("talk").write_text("".join(map(_event, range(EVENTS))), encoding="utf-8")


def _write_duplex(root: Path) -> None:
    """Write a call in full duplex in which everything happens once, and one of five minutes."""
    calls = {"duplex": (eventful(), 40), "long": (long_call(), 300)}
    records = []
    for key, (notes, _) in calls.items():
        artifacts = {"conversation_audio_path": f"audio/{key}/conversation.wav"}
        records.append(replace(stored_runs.make_call(key), notes={"turn_taking": notes}, artifacts=artifacts))
    config = {"mode": {"name": "crawl", "data_csv": "d.csv"}, "assistant": {"model": "model-a"}, "chunk_ms": 20}
    run = stored_runs.write_run(root, config, records, {key: {"tool_call": 1.0} for key in calls}, run_id=DUPLEX)
    for key, (_, seconds) in calls.items():
        run.audio_dir(key).mkdir(parents=True)
        silence = np.zeros(seconds * _RATE_HZ, dtype=np.int16)
        write_stereo(run.audio_dir(key) / "conversation.wav", silence, silence, _RATE_HZ)


def _event(number: int) -> str:
    kind = "error" if number == 4_321 else "response.output_text.delta"
    event = {"type": kind, "delta": f"piece {number}"}
    line = {"type": kind, "source": "assistant", "direction": "received", "turn_index": 1, "event_index": number}
    return f"{json.dumps({**line, 'event_time_ms': float(number), 'event': event}, separators=(',', ':'))}\n"


def _write_sweep(root: Path) -> None:
    lines = []
    for number, passing in enumerate([(True,) * 6, (False,) * 6]):
        directory = root / f"{number}_job"
        stored_runs.write_crawl(directory, f"model-{number}", passing=passing, name=f"job {number}")
        overrides = ["mode=crawl", f"chunk_ms={20 * (number + 1)}"]
        lines.append({"job": number, "overrides": overrides, "directory": str(directory), "status": "completed"})
    (root / "index.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    (root / "plan.json").write_text(json.dumps({"jobs": lines}), encoding="utf-8")


def _open(browser: Browser, url: str, page: str, *, width: int = WIDE, dark: bool = False) -> None:
    """Open a page of the lab, whole: what its script draws is drawn."""
    address = PAGES[page]
    if "SWEEP" in address:
        browser.open(f"{url}/ui/sweeps")
        address = browser.find("table a").get_attribute("href").removeprefix(url)
    browser.open(f"{url}{address}", width=width, dark=dark)
    browser.wait_until(
        """return document.readyState === "complete"
        && [...document.querySelectorAll("#call[data-peaks]")].every((one) => one.dataset.drawn)
        && [...document.querySelectorAll("[data-chart]")].every((one) => one.dataset.drawn)
        && [...document.querySelectorAll(".recording")].every((one) => one.dataset.state)
        && !document.body.innerText.includes("Comparing…")"""
    )


@pytest.mark.parametrize(("width", "dark"), [(WIDE, True), (WIDE, False), (NARROW, True)])
@pytest.mark.parametrize("page", PAGES)
def test_everybody_can_read_it(browser: Browser, url: str, page: str, width: int, dark: bool) -> None:
    """In both themes, wide and on a telephone; nothing is refused by its policy, and nothing comes from elsewhere."""
    _open(browser, url, page, width=width, dark=dark)
    assert [line for line in browser.console() if "404" not in line] == []
    assert browser.js("return document.documentElement.scrollWidth <= innerWidth")
    assert find_violations(browser) == []
    asked = [address for address in browser.requested() if address.startswith(("http", "ws"))]
    assert all(address.startswith((url, url.replace("http", "ws", 1))) for address in asked)


AT = "return document.getElementById('call-audio').currentTime"


@pytest.mark.parametrize(("page", "source"), [("call", "/call.wav"), ("talk", "/artifacts/")])
def test_a_call_is_heard(browser: Browser, url: str, page: str, source: str) -> None:
    """By its button, by its wave and by the words themselves, whether it is one recording or put together."""
    _open(browser, url, page)
    assert source in browser.js("return document.getElementById('call-audio').currentSrc")
    browser.find("#call-play").click()
    browser.wait_until(f"{AT} > 0.2")
    assert "Pause" in browser.find("#call-play").text
    browser.find("#call-play").click()
    browser.wait_until("return document.getElementById('call-audio').paused")
    browser.find(".say.assistant .hear-button").click()
    browser.wait_until(f"{AT} > 1.3")
    browser.wait_until("return document.querySelector('.call .playhead').offsetLeft > 0")


def test_the_wave_has_both_sides_and_plays_where_it_is_clicked(browser: Browser, url: str) -> None:
    """Drawn from peaks: the sound itself is only fetched to be heard."""
    _open(browser, url, "talk")
    wave = "document.querySelector('#call-wave > div').shadowRoot"
    assert browser.js(f"return {wave}.querySelectorAll('canvas').length") >= 2
    place = browser.find("#call-wave")
    browser.js("arguments[0].scrollIntoView({block: 'center'})", place)
    action = webdriver.ActionChains(browser.driver)
    action.move_to_element_with_offset(place, place.size["width"] // 4, 0).click().perform()
    browser.wait_until(f"{AT} > 3.5")
    assert browser.console() == []


def test_zooming_keeps_wave_and_words_on_one_axis(browser: Browser, url: str) -> None:
    """A block's place is the same share of the stage, however wide that is."""
    _open(browser, url, "talk")
    share = """const stage = document.querySelector(".call-stage"), block = stage.querySelectorAll(".block.caller")[1];
        return [block.offsetLeft / stage.clientWidth, stage.clientWidth]"""
    before, narrow = browser.js(share)
    browser.js(
        "const zoom = document.getElementById('call-zoom'); zoom.value = '4'; zoom.dispatchEvent(new Event('change'))"
    )
    after, wide = browser.js(share)
    assert wide == pytest.approx(4 * narrow, rel=0.01)
    assert after == pytest.approx(before, abs=0.005)
    assert browser.js("return document.documentElement.scrollWidth <= innerWidth")


def test_a_duplex_call_is_heard_block_by_block_with_the_keyboard(browser: Browser, url: str) -> None:
    """One stop of the tab key a track, the arrow keys within it; what is focused is played from where it begins."""
    _open(browser, url, "duplex")
    stops = """return [...document.querySelectorAll(".call-stage .lane")].map(
        (lane) => lane.querySelectorAll("button[tabindex='0']").length)"""
    assert set(browser.js(stops)) == {1}
    browser.js("document.querySelector('.call-stage .block.is-turn').focus()")
    for _ in range(3):
        browser.driver.switch_to.active_element.send_keys(webdriver.Keys.ARROW_RIGHT)
    assert browser.js("return document.activeElement.ariaLabel").startswith("Hear Interruption: No, wait.")
    browser.driver.switch_to.active_element.send_keys(webdriver.Keys.ENTER)
    browser.wait_until(f"{AT} > 8.5")
    assert browser.js("return document.querySelectorAll('.call-stage .shade').length") == 8


def test_a_run_of_duplex_calls_says_how_turns_were_taken(browser: Browser, url: str) -> None:
    """The metrics, how answers are distributed, other benchmarks: readable in both themes, wide and narrow."""
    ready = "return document.readyState === 'complete' && Boolean(document.querySelector('.curve svg'))"
    assert find_flaws(browser, f"{url}/ui/runs/{DUPLEX[:16]}", ready) == []
    assert "1 of 2 not yielded to within 2 s" in browser.find("section[aria-labelledby=turn-taking-title]").text
    assert "As EVA defines it" in browser.texts("section[aria-labelledby=turn-taking-title] h3")


def test_a_long_duplex_call_opens_as_wide_as_its_words_need(browser: Browser, url: str) -> None:
    """And can be seen whole."""
    _open(browser, url, "long duplex")
    assert browser.js("return document.querySelector('.call-stage').clientWidth") >= 24 * 300
    browser.js(
        "const zoom = document.getElementById('call-zoom'); zoom.value = '1'; zoom.dispatchEvent(new Event('change'))"
    )
    width = "return document.querySelector(arguments[0]).clientWidth"
    assert browser.js(width, ".call-stage") == browser.js(width, ".call-scroll")


def test_a_long_log_is_walked_through_without_being_there(browser: Browser, url: str) -> None:
    """Of thousands of events only those in sight are in the page; one opens whole; a text finds its events."""
    _open(browser, url, "talk")
    assert browser.texts("#events-count") == ["5,000 events"]
    assert browser.js("return document.querySelectorAll('.event-row').length") < 80
    browser.js("document.getElementById('event-scroll').focus()")
    keys = webdriver.Keys
    browser.find("#event-scroll").send_keys(keys.END)
    browser.wait_until("return document.querySelector('.event-row[aria-selected=true]').innerText.includes('4999.0')")
    browser.find("#events-find").send_keys("error")
    browser.wait_until("return document.getElementById('events-count').textContent === '1 of 5,000 events'")
    browser.find("#event-scroll").send_keys(keys.ENTER)
    browser.wait_until("return document.getElementById('event-dialog').open")
    assert '"delta": "piece 4321"' in browser.find("#event-json").text


def test_a_recording_plays(browser: Browser, url: str) -> None:
    """From where it is asked to; its marks are listed beside it, and nothing that it shows becomes part of the page."""
    _open(browser, url, "terminal")
    assert browser.texts(".recording-marks button")[0].endswith("agent: ready (title)")
    browser.find(".recording .ap-overlay-start, .recording .ap-playback-button").click()
    browser.wait_until("return ['play', 'ended'].includes(document.querySelector('.recording').dataset.state)")
    browser.wait_until("return document.querySelector('.recording').dataset.state === 'ended'")
    browser.find(".recording-marks button").click()
    browser.wait_until("return document.querySelector('.recording .ap-term').innerText.includes('ready')")
    assert browser.js("return document.title").startswith("writes")
    assert browser.console() == []


def test_a_program_shows_its_diff_and_its_log(browser: Browser, url: str) -> None:
    """Side by side, with what it wrote and every call."""
    _open(browser, url, "coding")
    assert browser.texts(".diff .removed") == ["return a - b"]
    assert browser.texts(".diff .added") == ["return a + b"]
    assert "adding 1 and 2" in browser.find(".program").text
    assert browser.texts(".program tbody th[scope=row]") == ["small", "zero"]


def test_cases_are_walked_by_keys(browser: Browser, url: str) -> None:
    """To the next, back, and to the history, whose tries lead to their cases."""
    _open(browser, url, "call")
    body = browser.find("body")
    body.send_keys("]")
    browser.wait_until("return location.pathname.endsWith('/order-2')")
    browser.find("body").send_keys("[")
    browser.wait_until("return location.pathname.endsWith('/order-1')")
    browser.find("body").send_keys("h")
    browser.wait_until("return location.pathname === '/ui/cases/order-1'")
    browser.find(".try").click()
    browser.wait_until("return location.pathname.endsWith('/cases/order-1')")


def test_a_case_that_is_going_is_shown_when_it_ends(browser: Browser, url: str, folder: Path) -> None:
    """And its grades when they are given, without anybody asking again."""
    config = {"mode": {"name": "crawl", "data_csv": "d.csv"}, "assistant": {"model": "model-a"}, "chunk_ms": 20}
    run_id = "7" * 32
    run = stored_runs.write_run(
        folder / "of a late case", config, [], {}, run_id=run_id, case_trials=["late"], status=None
    )
    run.write_status(RunStatus.RUNNING, exit_code=None, counts={})
    with run.exclusive():
        run.journal_start("late", 1)
        browser.open(f"{url}/ui/runs/{run_id[:16]}")
        asked = "const done = arguments[0]; fetch(`/runs/${'7'.repeat(16)}`).then((a) => done(a.ok))"
        while not browser.driver.execute_async_script(asked):
            pass  # the lab finds it within a second
        browser.open(f"{url}{_case(run_id, 'late')}")
        browser.wait_until("return document.body.innerText.includes('Not finished yet')")
        record = stored_runs.make_call("late")
        sha256 = run.store_record(record)
        browser.wait_until("return document.body.innerText.includes('It has been shipped.')")
        run.append_grades([factories.make_grade(record, "tool_call", 0.0, 1, record_sha256=sha256)])
        browser.wait_until("return document.body.innerText.includes('because 0.0')")


def test_a_point_of_a_picture_opens_what_it_stands_for(browser: Browser, url: str) -> None:
    """And says what that is before."""
    _open(browser, url, "sweep")
    browser.js("document.querySelector('[data-chart]').scrollIntoView({block: 'center'})")
    at = browser.js(
        """const { plot } = document.querySelector("[data-chart]"), over = plot.over.getBoundingClientRect();
        return [Math.round(over.left + plot.valToPos(20, "x")), Math.round(over.top + plot.valToPos(1, "y"))]"""
    )
    for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
        event = {"type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1}
        browser.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)
        if kind == "mouseMoved":
            browser.wait_until("return document.querySelector('.chart-tip').innerText.includes('chunk_ms=20')")
    browser.wait_until("return location.pathname.startsWith('/ui/runs/')")
