"""``evalkit score``: the stored records by other rules; nothing is lost, and what nobody answers changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalkit.cli import main
from evalkit.store.journal import read_lines
from evalkit.store.run_directory import RunDirectory, RunStatus

ORDERS = {f"order-{number}": f"{number:04}" for number in range(1, 13)}
# A provider that is configured and does not answer.
NOBODY = (
    "provider=compatible", "provider.base_url=http://127.0.0.1:9/v1", "provider.api_key_env=null", "assistant.model=a",
    "speech.model=s", "provider.models.transcription=ears", "limits.max_attempts=1",
)  # fmt: skip


def score(run: RunDirectory, *args: str) -> int:
    return main(["score", str(run.root), *args])


def summary(run: RunDirectory) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run.root / "summary.json").read_text(encoding="utf-8"))
    return found


def edit(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "cases.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_same_rules_change_nothing(make_run: Any, capsys: Any) -> None:
    """Every verdict is given again, history grows, reports are there, the directory is the last line on stdout."""
    run = make_run("a", heard={"order-1": "9999"})
    stored = {path.name: path.read_bytes() for path in (run.root / "records").iterdir()}
    config = run.config_path.read_bytes()
    assert score(run) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["24 verdicts, 0 changed, 0 new, 0 unanswered", str(run.root)]
    assert len(run.read_grades()) == 48
    assert summary(run)["grade_mean"] == pytest.approx(11 / 12)
    assert {path.name: path.read_bytes() for path in (run.root / "records").iterdir()} == stored
    assert run.config_path.read_bytes() == config


def test_other_argument_rules(make_run: Any, tmp_path: Path, capsys: Any) -> None:
    """An assistant that says 1 for 0001 is right by number: the rule in the data decides."""
    run = make_run("a", heard={"order-1": "1"})
    edit(tmp_path, '"{""order_id"": ""0001""}",', '"{""order_id"": ""0001""}","{""order_id"": ""number""}"')
    assert score(run) == 0
    out, err = capsys.readouterr()
    assert (
        "24 verdicts, 1 changed, 0 new, 0 unanswered\n  1 from 0 to 1\norder-1 turn 1 tool_call_args: 0 to 1: " in out
    )
    assert "expectations of 1 cases are those that" in err
    told = {line["key"]: line["passed"] for line in read_lines(run.journal_path) if "passed" in line}
    assert told["order-1"] is True
    assert summary(run)["grade_mean"] == 1
    newest = {grade.question: grade for grade in run.read_grades()}["order-1", 1, "tool_call_args"]
    assert newest.record_sha256 == run.read_finished()["order-1"].sha256


def test_other_expectations_show_in_the_table(make_run: Any, tmp_path: Path) -> None:
    """results.csv says what was expected when it was graded, also when reports are made again."""
    run = make_run("a")
    edit(tmp_path, '"{""order_id"": ""0002""}"', '"{""order_id"": ""7777""}"')
    assert score(run) == 0
    assert main(["report", str(run.root)]) == 0
    assert "7777" in (run.root / "results.csv").read_text(encoding="utf-8")
    assert summary(run)["grade_mean"] == pytest.approx(11 / 12)


def test_a_case_that_asks_something_else_is_graded_as_recorded(make_run: Any, tmp_path: Path, capsys: Any) -> None:
    """A new text needs a new conversation: told, and the record's own expectation holds."""
    run = make_run("a")
    edit(tmp_path, 'Where is order-3?,get_order_status,"{""order_id"": ""0003""}"', 'What about 3?,cancel_order,"{}"')
    edit(tmp_path, "order-5,", "order-five,")
    assert score(run) == 0
    assert "asks something else today, or nothing, in order-3, order-5: graded as recorded" in capsys.readouterr().err
    assert summary(run)["grade_mean"] == 1


def test_data_that_is_gone(make_run: Any, tmp_path: Path, capsys: Any) -> None:
    """The records know what was expected."""
    run = make_run("a", heard={"order-1": "9999"})
    (tmp_path / "cases.csv").unlink()
    assert score(run) == 0
    assert "is gone; expectations are those of the records" in capsys.readouterr().err
    assert summary(run)["grade_mean"] == pytest.approx(11 / 12)


def test_gates_decide_the_exit_code_and_the_status(make_run: Any, capsys: Any) -> None:
    """A missed gate is exit 1 and stays in force; the next scoring starts from the run's own config."""
    run = make_run("a", heard={"order-1": "9999"})
    assert score(run, "gate.min_grade=0.99", "gate.never_fail=[order-1]") == 1
    err = capsys.readouterr().err
    assert "gate.min_grade: passed_mean is 0.917, below 0.99" in err
    assert "gate.never_fail: order-1 failed in tool_call_args" in err
    status = run.read_status()
    assert status is not None
    assert (status["status"], status["exit_code"]) == (RunStatus.GATE_FAILED, 1)
    assert main(["report", str(run.root)]) == 0
    assert [gate["passed"] for gate in summary(run)["gates"]] == [False, False]
    assert score(run) == 0
    assert summary(run)["gates"] == []
    scorings = json.loads(run.provenance_path.read_text(encoding="utf-8"))["scorings"]
    assert [entry["overrides"] for entry in scorings] == [["gate.min_grade=0.99", "gate.never_fail=[order-1]"], []]


def test_a_listener_that_is_not_there_changes_no_verdict(make_run: Any, tmp_path: Path, capsys: Any) -> None:
    """Exit 3, and the earlier verdict counts on: an outage is no opinion."""
    run = make_run("a", *NOBODY)
    earlier = [
        replace(grade, grader_id="audio_text_mismatch") for grade in run.read_grades() if grade.grader_id == "tool_call"
    ]
    run.append_grades(earlier)
    assert score(run, "mode.graders=[tool_call,audio_text_mismatch]") == 3
    out, err = capsys.readouterr()
    assert "24 verdicts, 0 changed, 0 new, 12 unanswered" in out
    assert "the earlier verdict counts on" in out
    assert "12 questions were not answered" in err
    assert summary(run)["audio_text_mismatch_grade_mean"] == 1
    assert [grade.in_force for grade in run.read_grades()].count(False) == 12


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            ["assistant.model=x"],
            "assistant.model: cannot be changed by score, which holds no conversation; allowed: judge.*",
        ),
        (["chunk_ms=40", "trials=3"], "trials: cannot be changed by score"),
        (["mode=run"], "mode: cannot be changed by score"),
        (["assistant.model=x"], "for a new run: evalkit rerun"),
        (["jugde.votes=3"], "jugde.votes: unknown key; did you mean 'judge.votes'?"),
        (["judge.votes=many"], "judge.votes: 'many' is not allowed"),
        (
            ["gate.never_fail=[order-10x]"],
            "gate.never_fail: 'order-10x' is not a case of this run; did you mean 'order-10'?",
        ),
        (["mode.graders=[tool_cal]"], "mode.graders"),
        (["-m", "judge.votes=1,3"], "score: -m: leave it out; score grades one run"),
        (["--loud"], "--loud: unknown flag"),
    ],
)
def test_mistakes_exit_2_and_change_nothing(make_run: Any, capsys: Any, args: list[str], words: str) -> None:
    """Nothing is graded, nothing is written."""
    run = make_run("a")
    before = sorted(path.name for path in run.root.rglob("*"))
    assert score(run, *args) == 2
    assert words in capsys.readouterr().err
    assert sorted(path.name for path in run.root.rglob("*")) == before
    assert len(run.read_grades()) == 24


def test_what_is_no_finished_run(make_run: Any, tmp_path: Path, capsys: Any) -> None:
    """A folder, a missing argument, and a run that is still going are told apart."""
    run = make_run("a")
    run.write_status(RunStatus.RUNNING, exit_code=None, counts={})
    assert score(run) == 2
    assert "was cut off; finish it first: evalkit resume" in capsys.readouterr().err
    with run.exclusive():
        assert score(run) == 2
    assert "is running; wait for its end" in capsys.readouterr().err
    assert main(["score", str(tmp_path / "nowhere")]) == 2
    assert "holds no config.yaml; score needs a directory that a run wrote" in capsys.readouterr().err
    assert main(["score", "judge.votes=3"]) == 2
    assert "score: needs a run directory" in capsys.readouterr().err


def test_a_folder_with_an_equals_sign_in_its_name_is_a_folder(make_run: Any) -> None:
    """Also where a line may change keys."""
    run = make_run("0_assistant.model=local-agent")
    assert score(run, "gate.min_grade=0.5") == 0


def test_as_json(make_run: Any, tmp_path: Path, capsys: Any) -> None:
    """JSON and nothing else on stdout."""
    run = make_run("a", heard={"order-1": "1"})
    edit(tmp_path, '"{""order_id"": ""0001""}",', '"{""order_id"": ""0001""}","{""order_id"": ""number""}"')
    assert score(run, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["directory"], found["kinds"], found["grade_mean"]) == (str(run.root), {"0 to 1": 1}, 1)


def test_a_torn_line_of_a_crash_is_cut(make_run: Any) -> None:
    """Half a grade at the end of the file does not spoil the ones that follow."""
    run = make_run("a")
    with run.grades_path.open("ab") as file:
        file.write(b'{"key": "order-1", "tur')
    assert score(run) == 0
    assert len(run.read_grades()) == 48
