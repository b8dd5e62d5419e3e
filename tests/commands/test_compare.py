"""``evalkit compare`` as CI runs it: exit codes, three forms of output, and errors that say what is allowed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from evalkit.cli import main
from evalkit.store.run_directory import RunDirectory

WRONG = {f"order-{number}": "9999" for number in range(1, 9)}


def compare(*args: Any) -> int:
    return main(["compare", *(str(arg.root if isinstance(arg, RunDirectory) else arg) for arg in args)])


def test_a_regression_exits_1_and_names_the_cases(make_run: Any, capsys: Any) -> None:
    """Eight of twelve lost: each by name on stdout, and the sentence that says so last."""
    assert compare(make_run("a"), make_run("b", heard=WRONG)) == 1
    out = capsys.readouterr().out
    assert all(re.search(rf"\b{case}\b", out) for case in WRONG)
    assert out.splitlines()[-1] == "B regressed in passed and tool_call_arg_correctness"


def test_a_run_beside_itself_exits_0(make_run: Any, capsys: Any) -> None:
    """Whatever counts as a failure."""
    run = make_run("a", heard=WRONG)
    for fail_on in ("regression", "difference", "never"):
        assert compare(run, run, "--fail-on", fail_on) == 0
    assert "no case-trial has another verdict in B" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "turned", "code"),
    [
        ((), False, 1),
        ((), True, 0),
        (("--fail-on", "difference"), True, 1),
        (("--fail-on=never",), False, 0),
        (("--margin", "0.9"), False, 0),
        (("--margin", "0.1"), False, 1),
        (("--confidence", "0.999"), False, 0),
    ],
)
def test_what_fails(make_run: Any, options: tuple[str, ...], turned: bool, code: int) -> None:
    """By default a regression only; any difference, none, or one beyond a margin or a confidence on demand."""
    runs = [make_run("a"), make_run("b", heard=WRONG)]
    assert compare(*(reversed(runs) if turned else runs), *options) == code


def test_json_and_markdown(make_run: Any, capsys: Any) -> None:
    """JSON and nothing else on stdout; Markdown with a table."""
    runs = make_run("a"), make_run("b", heard=WRONG)
    assert compare(*runs, "--json") == 1
    assert json.loads(capsys.readouterr().out)["regressed"] == ["passed", "grade", "tool_call_arg_correctness"]
    assert compare(*runs, "--markdown") == 1
    assert "| passed | 1.000 | 0.333 |" in capsys.readouterr().out


def test_what_was_scored_again_is_compared(make_run: Any) -> None:
    """The newest grades count, those that nobody answered do not."""
    run = make_run("b", heard=WRONG)
    assert main(["score", str(run.root), "mode.graders=[tool_call]"]) == 0
    assert compare(make_run("a"), run) == 1


def test_other_differences_are_told(make_run: Any, capsys: Any) -> None:
    """Two keys beside the model: a warning for each, which --expect takes away."""
    runs = make_run("a"), make_run("b", "assistant.model=x", "chunk_ms=40", "seed=4")
    assert compare(*runs) == 0
    out = capsys.readouterr().out
    assert "compared: assistant.model  local-agent → x" in out
    assert "warning: the configs also differ in chunk_ms: 20 in A, 40 in B; if that is meant: --expect chunk_ms" in out
    compare(*runs, "--expect", "chunk_ms", "--expect", "seed", "--expect", "assistant")
    assert "also differ" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["A"], "compare: takes two runs, found /"),
        (["A", "B", "C"], "; evalkit compare RUN_A RUN_B ["),
        (
            ["A", "B", "--fail-on", "sometimes"],
            "--fail-on: 'sometimes' is not an option; options: regression",
        ),
        (["A", "B", "--margin", "3"], "compare: --margin: '3' is not allowed; expected a number from 0 to below 1"),
        (["A", "B", "--margin", "x"], "compare: --margin: 'x' is not allowed"),
        (["A", "B", "--confidence", "0.3"], "compare: --confidence: 0.3 is not allowed; expected 0.5 to below 1"),
        (["A", "B", "--json", "--markdown"], "--markdown: excludes --json"),
        (["A", "nowhere"], "nowhere: holds no config.yaml; compare needs a directory that a run wrote"),
        (["A", "sweep"], "sweep: is a sweep; compare takes two of the runs in it"),
        (["A", "walk"], "A is mode=crawl, B is mode=walk"),
        (["A", "empty"], "compare: not one case-trial of A can be compared with one of B: missing in B"),
    ],
)
def test_mistakes_exit_2(make_run: Any, tmp_path: Path, capsys: Any, args: list[str], words: str) -> None:
    """One message with what was found, and no traceback; what cannot be compared never passes."""
    make_run("A")
    make_run("B")
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "index.jsonl").touch()
    if "walk" in args:
        make_run("walk", "mode=walk")
    if "empty" in args:
        make_run("empty").journal_path.unlink()
    names = ("A", "B", "C", "nowhere", "sweep", "walk", "empty")
    assert compare(*(tmp_path / arg if arg in names else arg for arg in args)) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""
    assert "Traceback" not in captured.err


def test_a_run_that_was_graded_against_other_answers_is_no_pair(make_run: Any, tmp_path: Path, capsys: Any) -> None:
    """Expecting today what the assistant did yesterday hides no regression: those cases are left out, by name."""
    before, after = make_run("a"), make_run("b", heard=WRONG)
    data_csv = tmp_path / "expected.csv"
    cases = (tmp_path / "cases.csv").read_text(encoding="utf-8")
    for number in range(1, 9):
        cases = cases.replace(f'""{number:04}""', '""9999""')
    data_csv.write_text(cases, encoding="utf-8")
    assert main(["score", str(after.root), f"mode.data_csv={data_csv}"]) == 0
    capsys.readouterr()
    assert compare(before, after) == 0
    out = capsys.readouterr().out
    assert "graded against other expectations in B" in out
    assert "4 pairs cannot show a difference at 95%: at least 6 must change" in out
    assert compare(after, after) == 0
    assert "other expectations" not in capsys.readouterr().out


def test_a_key_that_there_is_not_cannot_be_expected(make_run: Any, capsys: Any) -> None:
    """A typo in --expect would expect nothing."""
    run = make_run("a")
    assert compare(run, run, "--expect", "assistant.modl") == 2
    assert "did you mean 'assistant.model'" in capsys.readouterr().err
    assert compare(run, run, "--expect", "assistant", "--expect", "channel.noise.kind") == 0


def test_a_case_that_a_resumed_run_dropped_does_not_come_back(make_run: Any, capsys: Any) -> None:
    """Its record still lies in B; B's report is without it, and so is the comparison."""
    before, after = make_run("a"), make_run("b", heard={"order-3": "9999"})
    provenance = after.read_provenance()
    kept = [key for key in provenance["case_trials"] if key != "order-3"]
    after.provenance_path.write_text(json.dumps({**provenance, "case_trials": kept}), encoding="utf-8")
    assert compare(before, after, "--json", "--fail-on", "difference") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["paired"] == 11
    assert found["unpaired"] == [{"key": "order-3", "reason": "missing in B"}]
    assert found["metrics"]["passed"]["lost"] == []


def test_a_run_without_its_grades_is_not_compared(make_run: Any, capsys: Any) -> None:
    """It would look ungraded; the message says how to grade it again."""
    before, after = make_run("a"), make_run("b")
    after.grades_path.unlink()
    assert compare(before, after) == 2
    assert f"evalkit score {after.root}" in capsys.readouterr().err


def test_a_run_that_is_older_than_a_key_or_its_name_differs_in_neither(make_run: Any, capsys: Any) -> None:
    """A key that came since has the value that is shipped, and a renamed one its new name; other values are told."""
    before, after = make_run("a"), make_run("b", "service.brain=rules", "seed=0")
    config = yaml.safe_load(before.config_path.read_text(encoding="utf-8"))
    config["service"]["ears"] = config["service"].pop("transcription")
    del config["seed"], config["gate"]["max_excluded_share"]
    before.write_config(config)
    assert compare(before, after, "--json") == 0
    assert json.loads(capsys.readouterr().out)["config_changes"] == []
    assert compare(before, make_run("c", "seed=7"), "--json") == 0
    [change] = json.loads(capsys.readouterr().out)["config_changes"]
    assert (change["key"], change["before"], change["after"]) == ("seed", 0, 7)


def test_a_folder_with_an_equals_sign_in_its_name_is_a_folder(make_run: Any) -> None:
    """And flags may stand between the two."""
    before, after = make_run("a=1"), make_run("a=2")
    assert compare(before.root, "--json", after.root) == 0
