"""The pages that compare two runs: flips first, each with both sides of it a click away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from judged_run import write_judged_run
from starlette.testclient import TestClient
from stored_run import REFUSED, StoredCase, StoredRun
from turn_taking_notes import interrupted

from evalkit.lab.index.rows import RunQuery
from evalkit.lab.lab import Lab

OpenClient = Callable[[Lab], TestClient]
CASES = [f"case-{number}" for number in range(8)]


class _Comparing:
    """A lab over two runs: all of the first passed, and in the second `failing` did not."""

    def __init__(self, lab: Lab, client: TestClient, root: Path, failing: tuple[str, ...]) -> None:
        self.root, self.lab, self.client = root, lab, client
        write_judged_run(root / "before", dict.fromkeys(CASES, True), verdicts={"case-1": 1.0}, model="one")
        passed = {case: case not in failing for case in CASES}
        write_judged_run(root / "after", passed, verdicts={"case-1": 0.0}, model="<b>two</b>")
        lab.follower.catch_up()
        self.ids = {run.name: run.id for run in lab.index.list_runs(RunQuery()).rows}

    def compare(self, before: str = "before", after: str = "after") -> str:
        answer = self.client.get("/ui/compare", params={"a": self.ids[before], "b": self.ids[after]})
        assert answer.status_code == 200
        return answer.text

    def case(self, key: str) -> str:
        answer = self.client.get(
            "/ui/compare/case", params={"a": self.ids["before"], "b": self.ids["after"], "key": key}
        )
        assert answer.status_code == 200
        return answer.text


@pytest.fixture
def comparing(lab: Lab, open_client: OpenClient, tmp_path: Path) -> _Comparing:
    return _Comparing(lab, open_client(lab), tmp_path, tuple(CASES[1:]))


def test_flips_come_first_and_open_both_sides(comparing: _Comparing) -> None:
    """Seven of eight were lost: beyond chance."""
    page = comparing.compare()
    flips = page.partition("What flipped")[2].partition("</table>")[0]
    assert flips.count("lost</span>") == 7
    assert "tool_call_args: because Where is order case-1?" in flips
    assert 'key=case-1">' in flips
    assert page.index("What flipped") < page.index("What is beyond chance")
    assert "regressed</span>" in page
    assert "0.016" in page
    assert "B regressed in passed" in page
    assert "<b>two</b>" not in page
    assert "assistant.model" in page.partition("What was done differently")[2]


def test_a_case_stands_side_by_side(comparing: _Comparing) -> None:
    """Both endings, grades that differ first, both transcripts, and the flips before and after."""
    page = comparing.case("case-2")
    assert "flip 2 of 7" in page
    assert 'rel="prev"' in page
    assert 'rel="next"' in page
    assert "✓" in page
    assert "not passed" in page
    assert page.count("Answer to: Where is order case-2?") == 2
    grades = comparing.case("case-1").partition('id="grades-title"')[2].partition("</table>")[0]
    assert grades.index("polite") < grades.index(">tool_call<")
    assert grades.count('class="differs"') == 2
    assert "the judge says fail to case-1" in grades


def test_a_case_that_did_not_flip_has_both_sides_too(comparing: _Comparing) -> None:
    """Without a place among the flips; a case that a run does not have says so."""
    assert "flip" not in comparing.case("case-0").partition("<main")[2].partition("Grades")[0]
    assert comparing.case("nobody").count("The run has no case-trial nobody.") == 2


def test_nothing_chosen_asks_to_choose(comparing: _Comparing) -> None:
    """Runs with the same cases are offered first once one is chosen."""
    page = comparing.client.get("/ui/compare").text
    assert "Choose two runs" in page
    assert "All runs" in page
    page = comparing.client.get("/ui/compare", params={"a": comparing.ids["before"]}).text
    assert 'optgroup label="The same cases as A"' in page
    assert f'value="{comparing.ids["before"]}" selected' in page


def test_runs_that_are_gone_are_named(comparing: _Comparing) -> None:
    """In the address that somebody kept."""
    answer = comparing.client.get("/ui/compare", params={"a": comparing.ids["before"], "b": "<script>"})
    assert "There is no run &lt;script&gt; here" in answer.text
    assert comparing.client.get("/ui/compare/case?a=x&b=y&key=z").status_code == 404


def test_what_cannot_be_compared_says_why_without_the_folder(comparing: _Comparing) -> None:
    """Another mode, grades that are gone, a config that is broken: a word instead of a failure."""
    StoredRun(comparing.root / "walk", mode="walk", changes={"run_name": "walk"}, sound=False).write()
    comparing.lab.follower.catch_up()
    comparing.ids = {run.name: run.id for run in comparing.lab.index.list_runs(RunQuery()).rows}
    assert "only runs of one mode can be compared" in comparing.compare(after="walk")
    (comparing.root / "after" / "grades.jsonl").unlink()
    page = comparing.compare()
    assert "grades.jsonl: is missing, though" in page
    assert str(comparing.root) not in page.partition("<main")[2]
    (comparing.root / "after" / "records" / "case-1.json").write_text("{}")
    assert "records/case-1.json is not what the journal says was stored" in comparing.case("case-1")


def test_a_comparison_follows_its_runs(comparing: _Comparing) -> None:
    """What is kept between two looks is not older than the runs."""
    assert comparing.compare().count("lost</span>") == 7
    write_judged_run(comparing.root / "after", dict.fromkeys(CASES, True), model="<b>two</b>")
    assert "Nothing flipped" in comparing.compare()


def test_runs_without_a_common_case_say_so(comparing: _Comparing) -> None:
    """Nothing passes for want of data."""
    StoredRun(
        comparing.root / "other",
        [StoredCase("elsewhere", grade=None, failure=REFUSED)],
        changes={"run_name": "other"},
        sound=False,
    ).write()
    comparing.lab.follower.catch_up()
    comparing.ids = {run.name: run.id for run in comparing.lab.index.list_runs(RunQuery()).rows}
    page = comparing.compare(after="other")
    assert "No case-trial can be paired" in page
    assert "missing in B (8)" in page


def test_turn_taking_of_calls_in_full_duplex_is_compared(comparing: _Comparing) -> None:
    """A verdict for rates with events enough, and none for seconds; runs without such calls have no such table."""
    for name, spoke_on_s in (("yields", 0.5), ("deaf", 3.0)):
        notes = {"turn_taking": interrupted(spoke_on_s)}
        cases = [StoredCase(f"call-{number}", notes=notes) for number in range(12)]
        StoredRun(comparing.root / name, cases, changes={"run_name": name}, sound=False).write()
    comparing.lab.follower.catch_up()
    comparing.ids = {run.name: run.id for run in comparing.lab.index.list_runs(RunQuery()).rows}
    page = comparing.compare("yields", "deaf")
    table = page.partition('id="turn-taking-title"')[2].partition("</table>")[0]
    assert "regressed</span>" in table.partition("yield rate")[2].partition("</tr>")[0]
    assert "B regressed in yield_rate" in page
    assert "turn-taking-title" not in comparing.compare()
