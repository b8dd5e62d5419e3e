"""The lab's leaderboard, comparing and reviews in a browser: read by everybody, used by hand and by keys."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from headless import Browser
from judged_run import CRITERION, POLITE, write_judged_run
from lab_process import LabProcess, lab_process
from page_flaws import find_flaws

from evalkit.lab.people.notes import read_notes
from evalkit.lab.people.reviews import Label, Review, add_review, read_reviews
from evalkit.lab.people.tags import read_tags

CASES = [f"case-{number}" for number in range(8)]
HOSTILE = "maker/<img src=x onerror=document.title='owned'>"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of the same cases, one of which failed most, with judges' verdicts and two people's reviews."""
    folder = tmp_path_factory.mktemp("lab") / "outputs"
    good = write_judged_run(folder / "good", dict.fromkeys(CASES, True), verdicts=dict.fromkeys(CASES[:4], 1.0))
    passed = {case: case == CASES[0] for case in CASES}
    write_judged_run(folder / "bad", passed, model=HOSTILE, verdicts={CASES[0]: 1.0, CASES[1]: 0.0, CASES[2]: None})
    for by, label in (("ann", Label.PASS), ("ben", Label.FAIL)):
        sha256 = good.read_finished()[CASES[0]].sha256
        add_review(good.root, Review(CASES[0], label, by, "2026-01-01T00:00:00Z", sha256, POLITE, 1))
    return folder


@pytest.fixture(scope="module")
def lab(outputs: Path) -> Iterator[LabProcess]:
    with lab_process(outputs.parent, str(outputs)) as lab:
        yield lab


@pytest.fixture(scope="module")
def ids(browser: Browser, lab: LabProcess) -> dict[str, str]:
    """Name of each run -> its id, once the lab knows all of them."""
    browser.open(f"{lab.url}/ui/")
    browser.wait_until("return document.querySelectorAll('.runs tbody tr').length === 2")
    rows = browser.js("return [...document.querySelectorAll('.runs tbody th > a')].map((a) => [a.innerText, a.href])")
    return {name.strip(): href.rpartition("/")[2] for name, href in rows}


def press(browser: Browser, keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser.driver).send_keys(keys).perform()


def _pages(ids: dict[str, str]) -> list[str]:
    both = {"a": ids["good"], "b": ids["bad"]}
    return [
        "/ui/leaderboard",
        "/ui/compare",
        f"/ui/compare?{urlencode(both)}",
        f"/ui/compare/case?{urlencode({**both, 'key': CASES[1]})}",
        "/ui/reviews",
        f"/ui/reviews/{ids['bad']}",
        f"/ui/reviews/{ids['bad']}?blind=1&grader=*",
    ]


@pytest.mark.parametrize("number", range(7))
def test_everybody_can_use_them(browser: Browser, lab: LabProcess, ids: dict[str, str], number: int) -> None:
    """In both themes, wide and on a telephone; nothing is refused by the policy of the page."""
    assert find_flaws(browser, f"{lab.url}{_pages(ids)[number]}") == []


def test_a_models_place_opens_its_cases(browser: Browser, lab: LabProcess, ids: dict[str, str]) -> None:
    """From the board to the cases that it was computed from; a name stays text."""
    browser.open(f"{lab.url}/ui/leaderboard")
    assert browser.texts(".board tbody th a") == ["model-a", HOSTILE]
    assert browser.texts(".board .rank") == ["1", "2"]
    browser.wait_until("return document.querySelector('[data-chart] canvas') !== null")
    press(browser, "j\n")
    browser.wait_until("return location.pathname === '/ui/leaderboard/model'")
    assert len(browser.texts("main tbody tr")) == 8
    assert find_flaws(browser, browser.driver.current_url) == []


def test_flips_are_walked_by_keys(browser: Browser, lab: LabProcess, ids: dict[str, str]) -> None:
    """The first flip, the next one, and back to the comparison."""
    browser.open(f"{lab.url}/ui/compare?{urlencode({'a': ids['good'], 'b': ids['bad']})}")
    assert [text.partition("\n")[0] for text in browser.texts(".flips tbody th a")] == CASES[1:]
    press(browser, "j\n")
    browser.wait_until("return location.pathname === '/ui/compare/case'")
    assert browser.texts("h1") == ["case-1"]
    press(browser, "]")
    browser.wait_until("return document.querySelector('h1').innerText === 'case-2'")
    assert [text.split("\n")[-1] for text in browser.texts(".heads .badge")] == ["passed", "not passed"]


def test_a_person_goes_through_the_questions_by_keys(
    browser: Browser, lab: LabProcess, ids: dict[str, str], outputs: Path
) -> None:
    """Blind: pass, fail; each answer is in the run's file, and the next question is there without a reload."""
    browser.open(f"{lab.url}/ui/reviews/{ids['bad']}?blind=1")
    browser.js("window.samePage = true")
    assert browser.texts(".criterion") == [CRITERION]
    browser.find("#by").send_keys("Zoë")
    browser.js("document.activeElement.blur()")
    press(browser, "f")
    browser.wait_until("return document.querySelector('#asked-title').innerText.startsWith('case-1')")
    assert "you said fail, polite says pass" in browser.texts("#question .note")[0]
    assert browser.js("return document.activeElement.id") == "asked-title"
    browser.find("#comment").send_keys("it hung up")
    browser.js("document.activeElement.blur()")
    press(browser, "f")
    browser.wait_until("return document.querySelector('#asked-title').innerText.startsWith('case-2')")
    assert browser.js("return window.samePage")
    kept = read_reviews(outputs / "bad")
    assert [(one.key, one.label, one.by, one.blind, one.comment) for one in kept] == [
        ("case-0", "fail", "Zoë", True, ""),
        ("case-1", "fail", "Zoë", True, "it hung up"),
    ]
    browser.open(f"{lab.url}/ui/reviews")
    browser.wait_until("return document.body.innerText.includes('ann and ben')")
    assert "2 of 3 by Zoë" not in browser.js("return document.body.innerText")
    assert re.search(r"polite\s+4", browser.texts(".agreement tbody")[0])


def test_tags_and_notes_are_added_on_the_runs_page(
    browser: Browser, lab: LabProcess, ids: dict[str, str], outputs: Path
) -> None:
    """Without a reload; a wrong one is told in a message."""
    browser.open(f"{lab.url}/ui/runs/{ids['good']}")
    browser.wait_until("return document.querySelector('#new-tag') !== null")
    browser.find("#new-tag").send_keys("release 2\n")
    browser.wait_until("return document.querySelector('#people .chip.tag a')?.innerText === 'release 2'")
    assert read_tags(outputs / "good") == ("release 2",)
    browser.find("#new-tag").send_keys("a,b\n")
    browser.wait_until("return document.querySelector('.toast.bad') !== null")
    browser.find("#people summary").click()
    browser.find("#note-text").send_keys("The line broke off twice.")
    browser.find(".note-form button").click()
    browser.wait_until("return document.querySelector('.note-text')?.innerText === 'The line broke off twice.'")
    assert [note.text for note in read_notes(outputs / "good")] == ["The line broke off twice."]
    with urllib.request.urlopen(f"{lab.url}/runs?tag=release%202") as answer:  # noqa: S310  our own lab
        assert ids["good"].encode() in answer.read()
    browser.find("#people .chip.tag button").click()
    browser.wait_until("return document.querySelector('#people .chip.tag') === null")
    assert browser.js("return document.title").startswith("good")
