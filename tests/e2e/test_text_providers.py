"""OpenRouter, LM Studio and keys from .env, by the installed command and a text mode, against servers that stand in."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Cli, command, read_json, read_rows
from stand_ins import StandIn, standing_in

CANARY = "sk-or-v1-canary-0123456789abcdefghijkl"
QUESTIONS = Path(__file__).parents[1] / "plugins" / "quiz" / "evalkit_quiz" / "data" / "quiz.csv"
QUICK = ("mode=quiz", "provider@judge.provider=local", "report.plots=false", "report.html=false")


@pytest.fixture
def server() -> Iterator[StandIn]:
    """Who knows the answers to the quiz."""
    rows = csv.DictReader(QUESTIONS.read_text(encoding="utf-8").splitlines())
    known = {row["question"]: row["answer"] for row in rows}
    with standing_in() as started:
        started.answers = lambda question: f"That is {known[question]}."
        yield started


def _record(run_dir: Path, key: str = "card-price") -> dict[str, Any]:
    record: dict[str, Any] = read_json(run_dir / "records" / f"{key}.json")
    return record


# Model -> kind of its failure (None: it answers), tries, whether it passes, and what the last try had to show.
ENDS: dict[str, tuple[str | None, int, bool, str | None]] = {
    "m/good": (None, 1, True, "That is 5 dollars."),
    "m/thinks": (None, 1, True, "That is 5 dollars."),
    "m/thinks-aloud": (None, 1, True, "That is 5 dollars."),
    "m/uncounted": (None, 1, True, "That is 5 dollars."),
    "m/http-429-once": (None, 2, True, "That is 5 dollars."),
    "m/http-401": ("authentication_failed", 1, False, None),
    "m/http-402": ("insufficient_quota", 1, False, None),
    "m/http-404": ("not_found", 1, False, None),
    "m/http-429": ("rate_limited", 6, False, None),
    "m/http-500": ("server_error", 2, False, None),
    "m/cut": ("connection_closed", 2, False, "That is 5"),
    "m/cut-quietly": ("connection_closed", 2, False, "That is 5"),
    "m/breaks": ("server_error", 2, False, "That is 5"),
    "m/huge": ("answer_too_large", 1, False, "x" * 50_000),
}


def test_each_way_of_failing_ends_as_the_table_says(cold_quiz: Cli, server: StandIn) -> None:
    """A failure of the provider is never a grade; what had come of a cut answer is kept; no key is written anywhere."""
    (cold_quiz.cwd / ".env").write_text(f"OTHER=1\nexport OPENROUTER_API_KEY='{CANARY}' # mine\n", encoding="utf-8")
    done = cold_quiz(
        "-m", *QUICK, "provider=openrouter", f"provider.base_url={server.url}", "max_examples=1",
        "limits.max_attempts=2", f"assistant.model={','.join(ENDS)}", "assistant.reasoning_effort=low",
    )  # fmt: skip
    assert done.code == 3, done.err
    index = [json.loads(line) for line in (done.directory / "index.jsonl").read_text(encoding="utf-8").splitlines()]
    found: dict[str, Any] = {}
    for entry in index:
        run_dir = done.directory / entry["directory"]
        record, row = _record(run_dir), read_rows(run_dir)[0]
        failure = record["failure"] and record["failure"]["error_type"]
        said = "".join(step["text"] for turn in record["turns"] for step in turn["steps"]) or None
        model = read_json(run_dir / "provenance.json")["models_asked"]["assistant"]
        found[model] = (failure, len(record["attempts"]), row["passed"] == "1", said and said.rstrip())
        assert record["fault"] == ("infrastructure" if failure else None), model
        assert (row["passed"] == "") is bool(failure), model
        if model == "m/uncounted":
            assert (record["cost_usd"]["assistant"], record["turns"][0]["usage"]["output_tokens"]) == (None, None)
        elif not failure:
            assert record["cost_usd"]["assistant"] == 0.25, model
            assert record["turns"][0]["usage"]["output_reasoning_tokens"] == 7
    assert {model: (*end[:3], end[3] and end[3][:100]) for model, end in found.items()} == {
        model: (*end[:3], end[3] and end[3][:100]) for model, end in ENDS.items()
    }
    assert len(found["m/huge"][3]) == len(ENDS["m/huge"][3] or "")
    assert set(server.keys) == {f"Bearer {CANARY}"}
    assert server.asked[0]["reasoning"] == {"effort": "low"}
    for path in done.directory.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path
    assert CANARY not in done.out + done.err


def test_the_shells_own_variable_wins(cold_quiz: Cli, server: StandIn) -> None:
    """And nothing but keys is taken; without any key the message says where one may stand."""
    line = [
        *QUICK,
        "provider=openrouter",
        f"provider.base_url={server.url}",
        "max_examples=1",
        "assistant.model=m/good",
    ]
    missing = cold_quiz("check", *line)
    assert missing.code == 2
    assert "a line OPENROUTER_API_KEY=... in the file .env" in missing.err
    (cold_quiz.cwd / ".env").write_text(f"OPENROUTER_API_KEY={CANARY}\nEVALKIT_CACHE=/nowhere\n", encoding="utf-8")
    assert cold_quiz("check", *line).code == 0
    done = cold_quiz(*line, OPENROUTER_API_KEY="sk-of-the-shell")
    assert done.code == 0, done.err
    assert set(server.keys) == {"Bearer sk-of-the-shell"}


def test_lm_studio_switches_to_the_model_and_unloads_it(cold_quiz: Cli, server: StandIn) -> None:
    """Another one that was loaded makes room; a name that it does not have is answered with those that it has."""
    server.models = {"qwen/coder": [], "other": ["other"]}
    line = [*QUICK, "provider=lmstudio", f"provider.base_url={server.url}", "max_examples=2"]
    done = cold_quiz(*line, "assistant.model=qwen/coder", "assistant.temperature=0", "assistant.max_output_tokens=99")
    assert done.code == 0, done.err
    assert server.log == ["unload other", "load qwen/coder", "unload qwen/coder"]
    assert "LM Studio: loading qwen/coder" in done.err
    assert set(server.keys) == {""}
    assert {"temperature": 0, "max_tokens": 99}.items() <= server.asked[0].items()
    assert not (done.directory / "lmstudio.json").exists()
    wrong = cold_quiz(*line, "assistant.model=qwen/coda")
    assert wrong.code == 2
    assert "did you mean 'qwen/coder'?" in wrong.err
    server.close()
    gone = cold_quiz(*line, "assistant.model=qwen/coder")
    assert gone.code == 3
    assert "lms server start" in gone.err


def test_a_killed_runs_model_is_unloaded_and_loaded_again_for_the_rest(cold_quiz: Cli, server: StandIn) -> None:
    """By a process that outlives it, with nobody's help; nothing that was answered is asked again."""
    server.models = {"qwen/coder": []}
    line = [
        *QUICK,
        "provider=lmstudio",
        f"provider.base_url={server.url}",
        "assistant.model=qwen/coder",
        "concurrency=1",
    ]
    server.hold = lambda: time.sleep(60 if len(server.asked) >= 2 else 0)
    process = subprocess.Popen(
        [*command(), *line], cwd=cold_quiz.cwd, env=dict(cold_quiz.env), stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    journals: list[Path] = []
    while not (journals and journals[0].read_text(encoding="utf-8").count('"record_sha256"') >= 2):
        assert time.monotonic() < deadline, "the run did not get that far"
        time.sleep(0.05)
        journals = list(Path(cold_quiz.cwd, "outputs").rglob("journal.jsonl"))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    run_dir = journals[0].parent
    while (run_dir / "lmstudio.json").exists():
        assert time.monotonic() < deadline, "nobody unloaded the model"
        time.sleep(0.05)
    assert server.models == {"qwen/coder": []}
    server.hold = lambda: None
    resumed = cold_quiz("resume", str(run_dir))
    assert resumed.code == 0, resumed.err
    assert server.log == ["load qwen/coder", "unload qwen/coder"] * 2
    assert not (run_dir / "lmstudio.json").exists()
    assert len(read_rows(run_dir)) == 5
    questions = [asked["messages"][-1]["content"] for asked in server.asked]
    assert len(questions) == len(set(questions)) == 5


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_the_embedded_provider_answers_alike_through_both(cold_quiz: Cli, api: str) -> None:
    """The same models behind the same seam."""
    done = cold_quiz(*QUICK, f"provider.text_api={api}", "max_examples=2")
    assert (done.code, done.summary["passed_mean"]) == (0, 1.0), done.err
    record = _record(done.directory)
    assert record["settings"]["assistant"].get("text_api", "responses") == api
    assert record["cost_usd"]["assistant"] == 0.0
