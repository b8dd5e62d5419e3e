"""The page of a run, as text: complete, escaped, and the same for the same run."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from layouts import QUIZ, layout_of
from stored_run import SAMPLE, StoredCase, StoredRun
from turn_taking_notes import heard, interrupted

from evalkit.records.layout import PageSection, SectionSource
from evalkit.reports.write import Presentation, RunContent, draw_reports, write_tables
from evalkit.runner.reporting import report_run
from evalkit.runs.stored_run import open_run
from evalkit.store.journal import append_line
from evalkit.store.run_directory import RunDirectory


def page_of(tmp_path: Path, **given: Any) -> str:
    run = StoredRun(tmp_path / "run", **given).write()
    report_run(run)
    return (run.root / "report.html").read_text(encoding="utf-8")


def block(page: str, name: str) -> Any:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page)
    assert found is not None
    return json.loads(found[1])


def test_every_case_has_a_line_and_details_under_the_same_number(tmp_path: Path) -> None:
    """The index is in case order, and the n-th block of details is that of its n-th line."""
    page = page_of(tmp_path)
    index = block(page, "index")
    assert [line["key"] for line in index["cases"]] == [case.key for case in SAMPLE]
    assert [block(page, f"case-{n}")["key"] for n in range(len(SAMPLE))] == [case.key for case in SAMPLE]
    assert {line["key"]: line["ending"] for line in index["cases"]} == {
        "good": "passed", "bad": "not passed", "lost": "lost: infrastructure", "silent": "fault: assistant",
        "hostile": "not passed", "ungraded": "undecided",
    }  # fmt: skip


def test_nothing_said_becomes_markup(tmp_path: Path) -> None:
    """Scripts that are data, and two of ours: what a model or a caller said is in none of the tags."""
    page = page_of(tmp_path)
    tags = re.findall(r"<script[^>]*>", page)
    assert tags == ['<script type="application/json" id="index">', *(
        f'<script type="application/json" id="case-{n}">' for n in range(len(SAMPLE))
    ), "<script>", "<script>"]  # fmt: skip
    assert "<img src=x" not in page
    assert "<b>bold" not in page


def test_calls_in_full_duplex_have_a_table_of_turn_taking(tmp_path: Path) -> None:
    """With the count of few events, each definition's window, and what others have published; other runs have none."""
    hostile = {**heard([0.5]), "caller": [{"act": "<i>none</i>", "parts": [[1.0, 2.0]]}]}
    calls = {"a": heard([0.5]), "b": interrupted(0.5), "c": hostile}
    cases = [StoredCase(name, notes={"turn_taking": notes}) for name, notes in calls.items()]
    page = page_of(tmp_path, cases=cases)
    section = page.partition('id="turn-taking-title"')[2].partition("</section>")[0]
    assert "over 2 calls in full duplex" in section
    assert re.search(r"yield rate</th>.*1 of 1</td>.*stopped within 2 s", section)
    assert section.index(">yield rate<") < section.index(">backchannel selectivity<")
    assert section.count("tau-voice's, published") == 10
    assert "c (ValueError: &#39;&lt;i&gt;none&lt;/i&gt;&#39; is not a valid CallerAct)" in section
    assert "turn-taking-title" not in page_of(tmp_path / "manual")


def test_a_run_that_is_still_going_says_so(tmp_path: Path) -> None:
    """Told from one that was cut off by its lock; one that is done says neither."""
    assert "Cut off: 6 of 7 case-trials are finished." in page_of(tmp_path, ended=False)
    assert "Cut off" not in page_of(tmp_path / "done")
    run = RunDirectory(tmp_path / "run")
    with run.exclusive():
        report_run(run)
    assert "Still going: 6 of 7" in (run.root / "report.html").read_text(encoding="utf-8")


def test_a_missed_gate_is_the_first_thing_said(tmp_path: Path) -> None:
    """With what was found and what is allowed; without gates the page says nothing of them."""
    page = page_of(tmp_path, changes={"gate": {"min_grade": 0.99}})
    assert "Gate missed:" in page
    assert "gate.min_grade" in page
    assert "Gate missed:" not in page_of(tmp_path / "free")


@pytest.mark.parametrize("mode", ["crawl", "walk", "run", "quiz"])
@pytest.mark.parametrize("cases", [(), SAMPLE[2:3], SAMPLE[:1]])
def test_every_mode_and_no_data_make_a_page(tmp_path: Path, mode: str, cases: Any) -> None:
    """Nothing yet, only a lost case, one case: whatever the mode."""
    run = StoredRun(tmp_path / "run", mode=mode, cases=cases, sound=mode != "quiz").write()
    stored = open_run(run.root, "a test")
    content = RunContent(run.root, layout_of(mode), stored.config, stored.records, stored.grades, "0")
    derived = write_tables(content)
    draw_reports(content, derived, Presentation(plots=False))
    page = (run.root / "report.html").read_text(encoding="utf-8")
    assert page.rstrip().endswith("</html>")
    assert len(block(page, "index")["cases"]) == len(cases)


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    """Nothing of the time of writing is in it."""
    run = StoredRun(tmp_path / "run").write()
    pages = []
    for _ in range(2):
        report_run(run)
        pages.append((run.root / "report.html").read_bytes())
    assert pages[0] == pages[1]


def test_fewer_at_once_than_allowed_is_told_with_its_reason(tmp_path: Path) -> None:
    """It changes latencies, so it stands beside them; a run that kept its pace says nothing."""
    run = StoredRun(tmp_path / "run", changes={"concurrency": 8}).write()
    append_line(run.journal_path, {"event": "concurrency", "limit": 2, "reason": "rate <limited>", "at_s": 3.0})
    report_run(run)
    page = (run.root / "report.html").read_text(encoding="utf-8")
    assert "Cases at once went down from 8 to 2: rate &lt;limited&gt;." in page
    assert "Cases at once" not in page_of(tmp_path / "steady")


def test_config_and_provenance_are_all_there(tmp_path: Path) -> None:
    """Every key, argv, data files with their hash, packages."""
    page = page_of(tmp_path)
    for text in ("assistant.system_prompt_file", "git.commit", "sha256 feed", "some-package 1.0", "run_name=&lt;b&gt;"):
        assert text in page


@pytest.mark.parametrize("from_file", [False, True])
def test_a_mode_shows_what_is_its_own(tmp_path: Path, from_file: bool) -> None:
    """A section of the mode's, from markup given as text or as a file; what it shows is escaped."""
    markup = "<ul>{% for said in questions %}<li>{{ said }}</li>{% endfor %}</ul>"
    path = tmp_path / "questions.html.j2"
    path.write_text(markup, encoding="utf-8")
    section = PageSection(
        "Questions & answers",
        path if from_file else markup,
        lambda source: {"questions": [record.case.inputs["user_text"] for record in source.records]},
    )
    run = StoredRun(tmp_path / "run", mode="quiz", sound=False).write()
    stored = open_run(run.root, "a test")
    layout = replace(QUIZ, page_sections=(section,))
    content = RunContent(run.root, layout, stored.config, stored.records, stored.grades, "0")
    draw_reports(content, write_tables(content), Presentation(plots=False))
    page = (run.root / "report.html").read_text(encoding="utf-8")
    assert "Questions &amp; answers</h2>" in page
    assert "<li>Cancel order 31845.</li>" in page
    assert "<li>&lt;/script&gt;&lt;script&gt;document.title=" in page
    assert "Questions" not in page_of(tmp_path / "crawl")


def test_a_mode_gets_grades_and_files_and_brings_its_script_and_style(tmp_path: Path) -> None:
    """Files of the run directory only, and no more of them than was asked for; both are allowed by their hash."""
    told: dict[str, Any] = {}

    def show(source: SectionSource) -> dict[str, object]:
        told["grades"] = {key: [grade.grader_id for grade in given] for key, given in source.grades.items()}
        told["passed"] = source.passed["good"], source.passed["bad"], source.passed["lost"]
        told["read"] = [
            source.read(path, most) and True
            for path, most in (("config.yaml", 9_999), ("config.yaml", 3), ("../secret", 9_999), ("none", 9_999))
        ]
        return {}

    (tmp_path / "secret").write_text("x", encoding="utf-8")
    style = tmp_path / "own.css"
    style.write_text(".own { color: red; }", encoding="utf-8")
    section = PageSection("Own", "<p>own</p>", show, script='"use strict"; document.title = "own";', style=style)
    run = StoredRun(tmp_path / "run", mode="quiz", sound=False).write()
    stored = open_run(run.root, "a test")
    content = RunContent(
        run.root, replace(QUIZ, page_sections=(section,)), stored.config, stored.records, stored.grades, "0"
    )
    draw_reports(content, write_tables(content), Presentation(plots=False))
    page = (run.root / "report.html").read_text(encoding="utf-8")
    assert told["grades"]["good"] == ["tool_call", "tool_call_args"]
    assert told["passed"] == (True, False, None)
    assert told["read"] == [True, None, None, None]
    assert "<style>.own { color: red; }</style>" in page
    assert '<script>"use strict"; document.title = "own";</script>' in page
    for text in ('"use strict"; document.title = "own";', ".own { color: red; }"):
        assert base64.b64encode(sha256(text.encode()).digest()).decode() in page


def test_a_latency_stands_once_in_the_table_of_cases(tmp_path: Path) -> None:
    """Where the answer's latency is that of the whole response, there is no second column of it."""
    run = StoredRun(tmp_path / "run", mode="quiz", sound=False).write()
    stored = open_run(run.root, "a test")
    told = {}
    for answer in ("latency_first_text_ms", "latency_response_done_ms", ""):
        layout = replace(QUIZ, answer_latency=answer)
        content = RunContent(run.root, layout, stored.config, stored.records, stored.grades, "0")
        draw_reports(content, write_tables(content), Presentation(plots=False))
        index = block((run.root / "report.html").read_text(encoding="utf-8"), "index")
        told[answer] = (index["wait"], index["done"])
    assert told == {
        "latency_first_text_ms": ("first text", True),
        "latency_response_done_ms": ("response done", False),
        "": ("", True),
    }
