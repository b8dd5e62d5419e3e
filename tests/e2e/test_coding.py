"""mode=coding by the installed command, with real boxes: every status, replay, scoring again, proofs."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from coding_tasks import CALLS, HALF, ORACLE, diff_of, lines_of, write_task
from harness import Cli, Finished, command, read_json, read_rows

from evalkit.errors import ConfigError
from evalkit.modes.coding.task import Language
from evalkit.modes.coding.toolchains import Toolchain, find_toolchain
from evalkit.sandbox.finding import find_sandbox


def _why_not() -> str:
    try:
        find_sandbox()
    except ConfigError as error:
        return str(error)
    found = find_toolchain(Language.PYTHON)
    return "" if isinstance(found, Toolchain) else found.reason


pytestmark = pytest.mark.skipif(bool(_why_not()), reason=_why_not())


def fenced(diff: str) -> str:
    """Return an answer as models write it."""
    return f"Here is the change.\n\n```diff\n{diff}```\n"


NEW_FILE = "diff --git a/other.py b/other.py\n--- /dev/null\n+++ b/other.py\n@@ -0,0 +1 @@\n+x = 1\n"
ANSWERS = {
    "right": fenced(ORACLE),
    "half": fenced(HALF),
    "prose": "I would double the number.",
    "stale": fenced(ORACLE.replace("number + number + 1", "what is not there")),
    "protected": fenced(NEW_FILE),
    "lenient": fenced(ORACLE.replace("@@ -1,5 +1,5 @@", "@@ @@")),
    "exit": fenced(diff_of('__import__("os")._exit(0)')),
    "loop": fenced(diff_of("for _ in iter(int, 1): pass")),
    "hog": fenced(diff_of("return [bytearray(bytes([1]) * 10**7) for _ in range(200)] and 0")),
    "flood": fenced(diff_of('print("x" * 10**8)')),
}
EXPECTED = {
    "right": ("pass", "1", "1"), "half": ("fail", "0", "0"), "prose": ("no_patch", "0", "0"),
    "stale": ("invalid_patch", "0", "0"), "protected": ("protected_path", "0", "0"), "lenient": ("pass", "1", "0"),
    "exit": ("crash", "0", "0"), "loop": ("timeout", "0", "0"), "hog": ("memory", "0", "0"),
    "flood": ("output", "0", "0"),
}  # fmt: skip


@pytest.fixture
def tasks(cold_cli: Cli) -> Path:
    """A folder with one task in the working directory."""
    write_task(cold_cli.cwd / "tasks", **{"task.yaml": _task_yaml(run_s=2)})
    return cold_cli.cwd / "tasks"


def _task_yaml(run_s: int) -> str:
    from coding_tasks import TASK_YAML

    return TASK_YAML.replace("{run_s: 5}", f"{{run_s: {run_s}, memory_mb: 256}}")


def _run(cli: Cli, *args: str) -> Finished:
    return cli("mode=coding", "mode.tasks_dir=tasks", "report.plots=false", *args)


def _answers(folder: Path, names: list[str]) -> Path:
    """Write one answer for each trial of the task."""
    folder.mkdir()
    for trial, name in enumerate(names, 1):
        part = "" if trial == 1 else f".t{trial}"
        (folder / f"python_double{part}.md").write_text(ANSWERS[name], encoding="utf-8")
    return folder


def test_every_end_has_its_own_status(cold_cli: Cli, tasks: Path) -> None:
    """And none of them passes but the right one; what needed leniency passes in its own column only."""
    names = list(ANSWERS)
    _answers(cold_cli.cwd / "answers", names)
    done = _run(cold_cli, "mode.responses=answers", f"trials={len(names)}")
    assert done.code == 0, done.err
    found = {
        name: (row["outcome"], row["tests_grade"], row["tests_strict_grade"])
        for name, row in zip(names, done.rows, strict=True)
    }
    assert found == EXPECTED
    half = done.rows[names.index("half")]
    assert (half["calls_passed"], half["calls"]) == ("4", "6")
    assert "minus: got 4, expected -4" in half["tests_rationale"]
    summary = done.summary
    assert (summary["passed_mean"], summary["tests_strict_grade_mean"]) == (0.2, 0.1)
    files = done.directory / "files" / "python_double"
    assert (files / "patch.diff").read_text(encoding="utf-8").startswith("diff --git a/doubling.py b/doubling.py")
    assert len(read_json(files / "calls.json")["calls"]) == len(CALLS)
    page = (done.directory / "report.html").read_text(encoding="utf-8")
    assert "Programs</h2>" in page
    assert "return number + number + 1" in page

    again = cold_cli("score", str(done.directory))
    assert again.code == 0, again.err
    assert [row["outcome"] for row in read_rows(done.directory)] == [EXPECTED[name][0] for name in names]


def test_scoring_again_takes_what_is_expected_today(cold_cli: Cli, tasks: Path) -> None:
    """An expected value that was wrong is mended without model and box: the stored answers are compared again."""
    write_task(tasks, **{"judge/cases.jsonl": lines_of([*CALLS[:-1], {**CALLS[-1], "expect": "triple"}])})
    _answers(cold_cli.cwd / "answers", ["right"])
    done = _run(cold_cli, "mode.responses=answers")
    assert (done.rows[0]["outcome"], done.rows[0]["calls_passed"]) == ("fail", "5")
    write_task(tasks)
    scored = cold_cli("score", str(done.directory), PATH="/nowhere")
    assert scored.code == 0, scored.err
    assert "expectations of 1 cases are those that" in scored.err
    assert read_rows(done.directory)[0]["outcome"] == "pass"


def test_a_run_is_a_place_of_answers(cold_cli: Cli, tasks: Path) -> None:
    """The same answers with other limits: graded again, without anybody being asked."""
    _answers(cold_cli.cwd / "answers", ["right", "half"])
    first = _run(cold_cli, "mode.responses=answers", "trials=2")
    again = _run(cold_cli, f"mode.responses={first.directory}", "trials=2", "mode.lenient=false")
    assert again.code == 0, again.err
    assert [row["outcome"] for row in again.rows] == ["pass", "fail"]
    assert "tests_strict_grade" not in again.rows[0]
    compared = cold_cli("compare", str(first.directory), str(again.directory))
    assert "python_double" not in compared.out or compared.code == 0


def test_a_dry_run_calls_nobody(cold_cli: Cli, tasks: Path) -> None:
    """Every prompt is there to read; a provider whose key is not set is no obstacle."""
    done = _run(cold_cli, "mode.dry_run=true", "provider=openai")
    assert done.code == 0, done.err
    prompt = (done.directory / "files" / "python_double" / "prompt.md").read_text(encoding="utf-8")
    assert "must return twice its argument" in prompt
    assert "one" not in [row["tests_grade"] for row in done.rows if "tests_grade" in row]
    assert not (done.directory / "files" / "python_double" / "response.md").exists()
    assert done.summary["passed_mean"] is None


def test_check_proves_tasks_and_names_what_is_unfair(cold_cli: Cli, tasks: Path) -> None:
    """The right solution passes, everything else is found out; an unfair task stops at exit 2 with its name."""
    good = cold_cli("check", "mode=coding", "mode.tasks_dir=tasks")
    assert good.code == 0, good.err
    assert "1/1 python_double: proved" in good.err
    assert "python_double  python" in good.out
    write_task(tasks, "python_unfair", **{"judge/mutants/never.diff": ORACLE})
    bad = cold_cli("check", "mode=coding", "mode.tasks_dir=tasks")
    assert bad.code == 2
    assert "proved before, with the same content: 1 of 2 tasks" in bad.err
    assert "python_unfair: mutant never: must fail a hidden call, but passes all 6" in bad.err


def test_a_new_folder_is_proved_and_runs(cold_cli: Cli) -> None:
    """What ``evalkit new`` writes is a fair task, by the lines of its own README."""
    made = cold_cli("new", "my-tasks", "mode=coding")
    assert made.code == 0, made.err
    inside = Cli(cold_cli.cwd / "my-tasks", cold_cli.env)
    line = ["--config-dir", "conf", "experiment=my-tasks"]
    checked = inside("check", *line)
    assert checked.code == 0, checked.err
    assert "python_sum_pairs: proved" in checked.err
    task = inside.cwd / "tasks" / "python_sum_pairs" / "judge" / "oracle.diff"
    (inside.cwd / "answer.md").write_text(fenced(task.read_text(encoding="utf-8")), encoding="utf-8")
    for further in ((), ("mode.responses=answer.md",)):
        done = inside(*line, *further)
        assert done.code == 0, done.err
        assert done.rows[0]["outcome"] == "pass"


def test_no_key_reaches_a_box_or_a_file(cold_cli: Cli, tasks: Path) -> None:
    """A program that writes down its environment finds none of ours."""
    canary = "canary-5d1f0c"
    spy = diff_of('print(dict(__import__("os").environ), open("/proc/1/environ").read())')
    (cold_cli.cwd / "answer.md").write_text(fenced(spy), encoding="utf-8")
    done = cold_cli(
        "mode=coding", "mode.tasks_dir=tasks", "report.plots=false", "mode.responses=answer.md", OPENAI_API_KEY=canary
    )
    assert done.code == 0, done.err
    assert "PATH" in (done.directory / "files" / "python_double" / "run.log").read_text(
        encoding="utf-8", errors="replace"
    )
    held = [path for path in cold_cli.cwd.rglob("*") if path.is_file() and canary.encode() in path.read_bytes()]
    assert held == []


def test_a_killed_run_is_resumed(cold_cli: Cli, tasks: Path) -> None:
    """What was finished stays, the rest is done, and no box is left."""
    _answers(cold_cli.cwd / "answers", ["right", "loop", "loop", "half", "right"])
    line = ["mode=coding", "mode.tasks_dir=tasks", "mode.responses=answers", "trials=5", "report.plots=false"]
    process = subprocess.Popen([*command(), *line, "concurrency=1"], cwd=cold_cli.cwd, env=cold_cli.env,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(cold_cli.cwd.glob("outputs/*/*/records/python_double.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (directory,) = [path.parent for path in cold_cli.cwd.glob("outputs/*/*/journal.jsonl")]
    finished = [line for line in (directory / "journal.jsonl").read_text().splitlines() if '"finished"' in line]
    assert 1 <= len(finished) < 5
    resumed = cold_cli("resume", str(directory))
    assert resumed.code == 0, resumed.err
    assert [row["outcome"] for row in read_rows(directory)] == ["pass", "timeout", "timeout", "fail", "pass"]
    journal = [json.loads(line) for line in (directory / "journal.jsonl").read_text().splitlines()]
    assert sum(line["event"] == "finished" for line in journal) == 5


def test_a_model_is_asked(cli: Cli) -> None:
    """The embedded agent is no programmer: it answers in words, which is a status, with tokens, latency and a price."""
    write_task(cli.cwd / "tasks")
    done = _run(cli, "assistant.model=local-agent", "trials=2")
    assert done.code == 0, done.err
    assert [row["outcome"] for row in done.rows] == ["no_patch", "no_patch"]
    assert "assistant.model=local-agent writes no code; choose one: assistant.model=oracle" in done.err
    row = done.rows[0]
    assert row["served_model"] == "local-agent"
    assert float(row["latency_response_done_ms"]) > 0
    assert int(row["input_tokens"]) > 100
    assert float(row["cost_usd"]) == 0
    assert (done.directory / "files" / "python_double" / "response.md").read_text(encoding="utf-8")
