"""The page of a case shows what became of it, whatever that is and whatever was said in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import factories
import pytest
from starlette.testclient import TestClient
from stored_run import HOSTILE, SAMPLE, StoredCase, StoredRun
from stored_sessions import make_cast, make_session
from turn_taking_notes import eventful

from evalkit.lab.index.rows import RunQuery
from evalkit.lab.lab import Lab
from evalkit.lab.live.journal_lines import find_place
from evalkit.lab.people.reviews import Label, Review, add_review
from evalkit.lab.web.case import case_href
from evalkit.lab.web.finished_case import read_case
from evalkit.modes.registry import find_mode
from evalkit.modes.terminal.layout import TERMINAL_LAYOUT
from evalkit.runs.stored_run import open_run
from evalkit.store.journal import append_line
from evalkit.store.run_directory import RunDirectory

OpenClient = Callable[[Lab], TestClient]


class _CasePages:
    """The pages of one run's cases."""

    def __init__(self, lab: Lab, client: TestClient, root: Path) -> None:
        self.lab, self.client = lab, client
        lab.follower.catch_up()
        (self.run,) = [run for run in lab.index.list_runs(RunQuery()).rows if run.root == root]

    def get(self, key: str, rest: str = "") -> str:
        answer = self.client.get(f"{case_href(self.run.id, key)}{rest}")
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture
def voice(lab: Lab, open_client: OpenClient, tmp_path: Path) -> _CasePages:
    """A voice run in which every ending occurs, and one case has not ended."""
    StoredRun(tmp_path / "voice run", ended=False).write()
    return _CasePages(lab, open_client(lab), tmp_path / "voice run")


def test_a_good_case_is_shown_whole(voice: _CasePages) -> None:
    """Its call, grades with evidence, transcript, events and files."""
    page = voice.get("good")
    for shown in (
        "✓", "passed", "required", "Where is my order, please?", "Tool call: get_order", "because Where is my order",
        'id="call-play"', "Expected tool calls", 'data-total="55"', "first audio", "records/good.json",
    ):  # fmt: skip
        assert shown in page, shown
    assert f'src="/artifacts/{voice.run.id}/audio/good/turn_01_input.wav"' in page


def test_cases_lead_to_their_neighbours(voice: _CasePages) -> None:
    """In the run's order; the first has none before it, and the last none behind it."""
    assert 'rel="prev"' not in voice.get("good")
    middle = voice.get("bad")
    assert f'rel="prev" href="{case_href(voice.run.id, "good")}"' in middle
    assert f'rel="next" href="{case_href(voice.run.id, "lost")}"' in middle
    assert 'href="/ui/cases/bad?mode=crawl"' in middle


def test_what_broke_off_says_where_and_whether_it_counts(voice: _CasePages) -> None:
    """By somebody else's fault, or the assistant's."""
    assert "It is left out of every mean." in voice.get("lost")
    assert "It counts against the assistant." in voice.get("silent")


def test_what_was_said_cannot_become_part_of_the_page(voice: _CasePages) -> None:
    """Texts of callers, tools, graders and failures are escaped, and nothing is inline."""
    for key in ("hostile", "lost"):
        page = voice.get(key)
        assert HOSTILE not in page
        assert "<img src=x" not in page
        assert "&lt;/script&gt;&lt;script&gt;" in page
        assert " style=" not in page
        assert not re.findall(r"<script(?![^>]*\bsrc=)", page)


def test_a_case_that_has_not_ended_says_so(voice: _CasePages) -> None:
    """And can be watched in its run."""
    assert "Not finished yet" in voice.get("not-yet")


def test_a_case_is_waited_for_from_where_its_page_was_made(voice: _CasePages) -> None:
    """What happened in the run before is told to nobody who waits for one case."""
    run = RunDirectory(voice.run.root)
    with run.exclusive():
        run.journal_start("not-yet", 1)
        voice.lab.follower.catch_up()
        page = voice.get("not-yet")
    assert 'data-awaits="finished"' in page
    (place,) = re.findall(r'data-live-cursor="(\d+)" data-live-generation="(\w+)"', page)
    assert place == (str(run.journal_path.stat().st_size), find_place(run.journal_path)[1])


@pytest.mark.parametrize(
    "path", ["nobody", "good%00", "..%2f..%2fetc", "good/events/99999", "lost/call.wav", "good/else"]
)
def test_what_is_not_there_is_not_found(voice: _CasePages, path: str) -> None:
    """Whatever the address says."""
    for run_id in (voice.run.id, "0123456789abcdef"):
        assert voice.client.get(f"/ui/runs/{run_id}/cases/{path}").status_code in (400, 404)


def test_a_record_that_was_changed_is_said_on_its_page(voice: _CasePages) -> None:
    """Without where on the machine it lies; its neighbours are as they were."""
    RunDirectory(voice.run.root).record_path("bad").write_text("{}", encoding="utf-8")
    page = voice.get("bad")
    assert "records/bad.json is not what the journal says was stored" in page
    assert str(voice.run.root.parent) not in page
    assert "Transcript" in voice.get("good")


def test_a_record_that_holds_what_no_run_writes_is_said(voice: _CasePages) -> None:
    """Its hash is right, and what is in it is not: whoever forges a record can forge the journal too."""
    run = RunDirectory(voice.run.root)
    stored = json.loads(run.record_path("bad").read_text(encoding="utf-8"))
    stored["turns"][0]["latencies"] = {"latency_first_audio_ms": "soon"}
    forged = json.dumps(stored).encode()
    run.record_path("bad").write_bytes(forged)
    append_line(run.journal_path, {"event": "finished", "key": "bad", "record_sha256": sha256(forged).hexdigest()})
    page = voice.get("bad")
    assert "records/bad.json holds what no run writes" in page or "cannot be read" in page
    assert "Next" in page


def test_what_people_say_of_a_grade_stands_beside_it(voice: _CasePages) -> None:
    """As long as it is about this record; escaped, and leading to where one says something oneself."""
    case = read_case(open_run(voice.run.root, "a test"), "bad")
    assert case is not None
    about = {"key": "bad", "by": "Ann", "at": "2026-01-02T10:00:00.000+00:00"}
    add_review(
        voice.run.root,
        Review(label=Label.PASS, record_sha256=case.record_sha256, grader_id="tool_call_args", turn_index=1,
               comment="<b>it is right</b>", **about),
    )  # fmt: skip
    add_review(voice.run.root, Review(label=Label.FAIL, record_sha256=case.record_sha256, blind=True, **about))
    add_review(voice.run.root, Review(label=Label.PASS, record_sha256="0" * 64, **{**about, "by": "Bob"}))
    page = voice.get("bad")
    assert "&lt;b&gt;it is right&lt;/b&gt;" in page
    assert "on the case as a whole" in page
    assert "Bob" not in page
    assert f"/ui/reviews/{voice.run.id}?key=bad" in page


def test_the_call_is_heard_and_its_wave_is_drawn(voice: _CasePages) -> None:
    """From one file, which is made where the run has none; any part of it can be asked for."""
    here = case_href(voice.run.id, "good")
    part = voice.client.get(f"{here}/call.wav", headers={"range": "bytes=0-43"})
    assert (part.status_code, part.headers["content-type"], part.content[:4]) == (206, "audio/wav", b"RIFF")
    peaks = voice.client.get(f"{here}/peaks").json()
    assert len(peaks["channels"]) == 2
    assert peaks["duration_s"] == pytest.approx(2.4)
    assert f'data-peaks="{here}/peaks"' in voice.get("good")


def test_only_a_page_with_a_call_has_a_nonce(voice: _CasePages) -> None:
    """Made anew for each answer, and the same in the policy and on the page."""
    nonces = set()
    for _ in range(2):
        answer = voice.client.get(case_href(voice.run.id, "good"))
        (nonce,) = re.findall(r"style-src 'self' 'nonce-([^']+)'", answer.headers["content-security-policy"])
        assert f'data-nonce="{nonce}"' in answer.text
        nonces.add(nonce)
    assert len(nonces) == 2
    assert "nonce" not in voice.client.get(case_href(voice.run.id, "lost")).headers["content-security-policy"]


def test_events_come_by_the_window(voice: _CasePages) -> None:
    """All, or those that contain a text; one of them whole."""
    here = case_href(voice.run.id, "good")
    window = voice.client.get(f"{here}/events", params={"first": 50, "count": 3}).json()
    assert (window["total"], [row["number"] for row in window["rows"]]) == (55, [50, 51, 52])
    found = voice.client.get(f"{here}/events", params={"find": "response.done"}).json()
    assert [row["event_type"] for row in found["rows"]] == ["response.done"]
    assert json.loads(voice.get("good", "/events/51"))["type"] == "response.create"


def test_words_are_heard_where_they_were_said(lab: Lab, open_client: OpenClient, tmp_path: Path) -> None:
    """Each turn's at its own place in the call."""
    StoredRun(tmp_path / "run", cases=(StoredCase("two", turns=2),)).write()
    page = _CasePages(lab, open_client(lab), tmp_path / "run").get("two")
    assert "Hear caller at 0:00.0" in page
    assert "Hear caller at 0:02.4" in page
    assert "Hear assistant at 0:03.8" in page


def test_a_call_in_full_duplex_is_shown_track_by_track(lab: Lab, open_client: OpenClient, tmp_path: Path) -> None:
    """Each block with what it is and when; the words of a turn are heard from their first sound to their last."""
    case = StoredCase("duplex", turns=4, notes={"turn_taking": eventful()}, call_s=40.0)
    StoredRun(tmp_path / "run", cases=(case,)).write()
    page = _CasePages(lab, open_client(lab), tmp_path / "run").get("duplex")
    assert "Hear Interruption: No, wait., turn 2, 0:08.5 to 0:09.8" in page
    assert "Hear Stops for it: side speech, 0:26.2 to 0:27.4" in page
    assert "Hear Assistant, as generated, turn 1, 0:04.1 to 0:13.1" in page
    assert page.count('class="shade') == 6 + 2
    assert 'data-start="1000" data-end="3500" aria-label="Hear caller at 0:01.0"' in page


def test_a_duplex_call_whose_recording_is_gone_is_read(lab: Lab, open_client: OpenClient, tmp_path: Path) -> None:
    """Its turns are not laid end to end in its place: that would be another call."""
    case = StoredCase("duplex", turns=4, notes={"turn_taking": eventful()})
    StoredRun(tmp_path / "run", cases=(case,)).write()
    page = _CasePages(lab, open_client(lab), tmp_path / "run").get("duplex")
    assert "Interruption: No, wait., turn 2, 0:08.5 to 0:09.8" in page
    assert "<audio id=" not in page
    assert 'aria-label="Tracks of the call"' in page


def test_without_sound_there_is_nothing_to_play(lab: Lab, open_client: OpenClient, tmp_path: Path) -> None:
    """The timeline is there all the same."""
    StoredRun(tmp_path / "run", cases=SAMPLE[:1], sound=False).write()
    page = _CasePages(lab, open_client(lab), tmp_path / "run").get("good")
    assert "Timeline" in page
    assert "<audio" not in page
    assert "data-nonce" not in page


@pytest.fixture
def terminal(lab: Lab, open_client: OpenClient, tmp_path: Path) -> _CasePages:
    """A run of one terminal session."""
    run = StoredRun(tmp_path / "session", cases=(), mode="terminal").write()
    record = make_session("writes")
    provenance = json.loads(run.provenance_path.read_text(encoding="utf-8"))
    run.provenance_path.write_text(json.dumps({**provenance, "case_trials": ["writes"]}), encoding="utf-8")
    sha256 = run.store_record(record)
    run.append_grades([factories.make_grade(record, "right", 1, None, record_sha256=sha256)])
    for stored in record.artifacts.values():
        path = run.root / stored
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make_cast() if stored.endswith(".cast") else b"# words")
    return _CasePages(lab, open_client(lab), run.root)


def test_a_recording_is_played_by_the_page_that_has_one(terminal: _CasePages, voice: _CasePages) -> None:
    """Which alone may compile for its player; beside it stands what the mode itself shows of the session."""
    page = terminal.get("writes")
    assert f'data-cast="/artifacts/{terminal.run.id}/files/writes/recording.cast"' in page
    assert "Turn by turn" in page
    assert "/ui/sections/terminal/case/0.css" in page
    policy = terminal.client.get(case_href(terminal.run.id, "writes")).headers["content-security-policy"]
    assert "wasm-unsafe-eval" in policy
    policy = voice.client.get(case_href(voice.run.id, "good")).headers["content-security-policy"]
    assert "wasm-unsafe-eval" not in policy


def test_a_section_that_cannot_be_made_says_so(terminal: _CasePages, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the page is there; a mode may be anybody's."""

    def fail(_source: object) -> dict[str, object]:
        raise KeyError("<b>stop</b>")

    section = replace(TERMINAL_LAYOUT.case_sections[0], context=fail)
    layout = replace(TERMINAL_LAYOUT, case_sections=(section,))
    monkeypatch.setattr(type(find_mode("terminal")), "layout", layout)
    page = terminal.get("writes")
    assert "This part cannot be shown: KeyError" in page
    assert "<b>stop</b>" not in page
    assert "data-cast" in page


def test_what_an_agent_asked_its_model_is_listed(terminal: _CasePages) -> None:
    """Where a gateway has kept it."""
    log = terminal.run.root / "files/writes/gateway.jsonl"
    log.write_text('{"operation": "generate", "model": "m", "status": 200, "started_s": 0, "duration_ms": 5}\n')
    page = terminal.get("writes")
    assert "Calls of the model" in page
    assert 'data-total="1" data-noun="calls"' in page
    assert "Timeline" not in page
    (row,) = terminal.client.get(f"{case_href(terminal.run.id, 'writes')}/events").json()["rows"]
    assert (row["source"], row["event_type"]) == ("m", "generate")


def test_a_recording_that_is_gone_is_not_played(terminal: _CasePages) -> None:
    """The rest of the page does not need it."""
    (terminal.run.root / "files/writes/recording.cast").unlink()
    page = terminal.get("writes")
    assert "data-cast" not in page
    assert "Turn by turn" in page
