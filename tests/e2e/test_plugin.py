"""A mode, a grader and a provider preset of another distribution (tests/plugins/quiz), by the installed command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import yaml
from harness import Cli, command, read_json, read_rows


def test_a_text_mode_of_another_package_runs(quiz: Cli) -> None:
    """Its columns, graders and latencies; a case passes by the graders that its mode requires."""
    done = quiz("mode=quiz", "run_name=quiz")
    assert done.code == 0, done.err
    assert list(done.rows[0])[:6] == [
        "question_id", "user_text", "assistant_text", "status", "failure_stage", "error_message",
    ]  # fmt: skip
    assert {row["question_id"]: row["passed"] for row in done.rows} == {
        "card-price": "1", "lending-time": "1", "opening": "1", "late-return": "1", "mayor": "0",
    }  # fmt: skip
    summary = done.summary
    assert (summary["mode"], summary["n"], summary["passed_mean"]) == ("quiz", 5, 0.8)
    assert (summary["right_grade_mean"], summary["to_the_point_grade_mean"]) == (0.8, 1.0)
    assert "right_grade" in done.err
    assert "first_audio" not in done.err


def test_its_config_holds_nothing_of_a_call(quiz: Cli) -> None:
    """No key of audio, channel or speech, no empty node, and no secret."""
    done = quiz("mode=quiz", "max_examples=1", "report.plots=false")
    config = yaml.safe_load((done.directory / "config.yaml").read_text(encoding="utf-8"))
    names = list(_names(config))
    assert [name for name in names if any(word in name for word in ("audio", "channel", "speech", "voice"))] == []
    assert set(config) == {
        "mode", "assistant", "provider", "judge", "limits", "gate", "report", "service", "trials", "seed",
        "concurrency", "max_examples", "run_name", "output_dir",
    }  # fmt: skip


def test_it_is_in_help_and_its_wrong_lines_are_answered(quiz: Cli) -> None:
    """As those of the shipped modes are."""
    shown = quiz("--help", "mode=quiz").out
    assert "assistant.system_prompt_file" in shown
    assert "chunk_ms" not in shown
    wrong = quiz("mode=quiz", "chunk_ms=40", "assistant.system_prompt_fil=x")
    assert wrong.code == 2
    assert "assistant.system_prompt_fil: unknown key; did you mean 'assistant.system_prompt_file'?" in wrong.err
    other = quiz("mode=quiz", "chunk_ms=40")
    assert other.code == 2
    assert "chunk_ms=40: mode=quiz has no chunk_ms; modes that have it: crawl, run, walk" in other.err
    assert quiz("mode=quiz", "gate.max_latency_ms=1", "gate.latency_column=latency_first_audio_ms").code == 2


def test_it_sweeps(quiz: Cli) -> None:
    """One directory per job; the sweep's table says which job differs."""
    done = quiz("-m", "mode=quiz", "max_examples=2,3", "report.plots=false")
    assert done.code == 0, done.err
    index = [json.loads(line) for line in (done.directory / "index.jsonl").read_text().splitlines()]
    assert [entry["status"] for entry in index] == ["completed", "completed"]
    assert [len(read_rows(Path(entry["directory"]))) for entry in index] == [2, 3]
    assert (done.directory / "sweep.html").is_file()


def test_it_resumes_after_kill_9(quiz: Cli, tmp_path: Path) -> None:
    """What was finished stays; the rest is run."""
    questions = [f"q{n},How much does a library card cost?,5 dollars" for n in range(400)]
    csv_path = tmp_path / "many.csv"
    csv_path.write_text("question_id,question,answer\n" + "\n".join(questions) + "\n", encoding="utf-8")
    line = ["mode=quiz", f"mode.data_csv={csv_path}", "report.plots=false", f"output_dir={tmp_path / 'killed'}"]
    with subprocess.Popen(
        [*command(), *line], cwd=quiz.cwd, env=dict(quiz.env), start_new_session=True, stderr=subprocess.DEVNULL
    ) as process:
        journal = _wait_for_journal(tmp_path / "killed", finished=5)
        os.killpg(process.pid, signal.SIGKILL)
    run_dir = journal.parent
    before = {path.name: path.read_bytes() for path in (run_dir / "records").glob("*.json")}
    assert 5 <= len(before) < 400
    done = quiz("resume", str(run_dir))
    assert done.code == 0, done.err
    assert len(done.rows) == 400
    assert all((run_dir / "records" / name).read_bytes() == content for name, content in before.items())


def test_gates_comparison_scoring_and_reports_work_for_it(quiz: Cli) -> None:
    """Everything that reads a run knows what the mode says of it."""
    questions = [*[f"q{n},How much does a library card cost?,5 dollars" for n in range(12)], "dog,Whose dog?,Rex"]
    data = quiz.cwd / "questions.csv"
    data.write_text("\n".join(["question_id,question,answer", *questions]) + "\n", encoding="utf-8")
    line = ["mode=quiz", f"mode.data_csv={data}"]
    first = quiz(*line, "gate.min_grade=0.95")
    assert first.code == 1
    assert "gate.min_grade" in first.err
    facts = quiz.cwd / "facts.txt"
    facts.write_text("You answer the telephone.\n\nWhat you may answer without a tool\n- Parking: free.\n")
    second = quiz(*line, "report.plots=false", f"assistant.system_prompt_file={facts}")
    compared = quiz("compare", str(first.directory), str(second.directory), "--expect", "assistant.system_prompt_file")
    assert compared.code == 1, compared.err
    assert "q11" in compared.out
    assert quiz("compare", str(first.directory), str(first.directory)).code == 0
    scored = quiz("score", str(first.directory), "judge.votes=3", "gate.min_grade=0.5", "--json")
    assert scored.code == 0, scored.err
    grades = [json.loads(line) for line in (first.directory / "grades.jsonl").read_text().splitlines()]
    assert [grade for grade in grades if grade["judge"].get("votes") == 3]
    assert quiz("report", str(first.directory)).code == 0
    page = (first.directory / "report.html").read_text(encoding="utf-8")
    assert "How much does a library card cost?" in page
    assert "first audio" not in page.lower()
    assert sorted(path.name for path in (first.directory / "plots").glob("*.png"))


def test_wrong_data_is_answered_before_anything_starts(quiz: Cli) -> None:
    """Ids that are no file names or stand twice, and empty cells, by row and column; no prompt is no mistake."""
    data = quiz.cwd / "wrong.csv"
    data.write_text("question_id,question,answer\na,Who?,me\nA,Where?,here\n../b,When?,\n", encoding="utf-8")
    wrong = quiz("check", "mode=quiz", f"mode.data_csv={data}")
    assert wrong.code == 2
    assert "row 3: column 'question_id'" in wrong.err
    assert "row 4: column 'question_id'" in wrong.err
    assert "row 4: column 'answer': is empty" in wrong.err
    assert quiz("check", "mode=quiz", "assistant.system_prompt_file=null").code == 0


def test_its_grader_and_provider_preset_are_found(quiz: Cli) -> None:
    """A grader type and a preset from the same distribution, in a shipped mode too."""
    assert "quizhost" in quiz("--help").out
    wrong = quiz("check", "mode.graders=[shor]")
    assert wrong.code == 2
    assert "did you mean 'short'?" in wrong.err
    assert "option 'words' is required by type 'short'" in quiz("check", "mode.graders=[short]").err
    missing = quiz("check", "mode=quiz", "provider=quizhost")
    assert "provider.base_url: null; provider=quizhost needs the URL of an endpoint" in missing.err


def test_a_preset_runs_against_its_host(quiz: Cli, service_url: str) -> None:
    """`provider=quizhost` is as good as a shipped one."""
    done = quiz(
        "mode=quiz", "provider=quizhost", f"provider.base_url={service_url}", "max_examples=1", "report.plots=false"
    )
    assert (done.code, done.rows[0]["passed"]) == (0, "1"), done.err
    assert read_json(done.directory / "provenance.json")["models_asked"] == {
        "assistant": "local-agent", "judge": "local-judge",
    }  # fmt: skip


def test_without_the_package_its_runs_are_named(quiz: Cli, cli: Cli) -> None:
    """A stored run of a mode that is not installed is answered in words."""
    done = quiz("mode=quiz", "max_examples=1", "report.plots=false")
    for words in (["report"], ["resume"], ["rerun"], ["score"]):
        answer = cli(*words, str(done.directory))
        assert answer.code == 2, answer.err
        assert "mode 'quiz' is not installed" in answer.err


def _wait_for_journal(folder: Path, finished: int) -> Path:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for journal in folder.rglob("journal.jsonl"):
            if journal.read_text(encoding="utf-8").count('"record_sha256"') >= finished:
                return journal
        time.sleep(0.05)
    raise AssertionError("the run did not get that far in a minute")


def _names(node: object, prefix: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield f"{prefix}{key}"
            yield from _names(value, f"{prefix}{key}.")
