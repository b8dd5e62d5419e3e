"""A telephone bot in a process of its own, called by the installed command: heard, graded, told what is wrong."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from harness import Cli, Finished, at_once, command, read_events, read_json, read_rows

ROOT = Path(__file__).parents[2]
CASE = "sim_support_order_status"


@contextlib.contextmanager
def answering(service_url: str, folder: Path, *arguments: str) -> Iterator[str]:
    """Yield the address of a bot that is ready for calls."""
    answers = folder / "answers.json"
    simulation = read_json(ROOT / "data" / "run" / f"{CASE}.json")
    answers.write_text(json.dumps({mock["name"]: mock["output"] for mock in reversed(simulation["tool_mocks"])}))
    bot = subprocess.Popen(
        [
            sys.executable, str(Path(__file__).with_name("telephone_application.py")), f"--service={service_url}",
            f"--prompt={ROOT / 'data' / 'prompts' / 'support.txt'}",
            f"--tools={ROOT / 'data' / 'tools' / 'support.json'}", f"--answers={answers}", *arguments,
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert bot.stdin is not None
    assert bot.stdout is not None
    with bot:
        try:
            yield bot.stdout.readline().strip()
        finally:
            bot.stdin.close()
            bot.wait(20)


def call(cli: Cli, url: str, *overrides: str) -> Finished:
    """Call the bot with one short shipped simulation."""
    return cli(*_overrides(cli, url), *overrides)


def _overrides(cli: Cli, url: str) -> tuple[str, ...]:
    index = cli.cwd / "simulations.csv"
    index.write_text(f"simulation_id,simulation_path\n{CASE},{ROOT / 'data' / 'run' / CASE}.json\n")
    return (
        "mode=run", "target=media_stream", f"target.url={url}", f"mode.data_csv={index}", "report.plots=false",
        "assistant=support", "limits.max_attempts=1",
    )  # fmt: skip


@dataclass(frozen=True)
class Answered:
    """A call that was answered: what the command left, and where."""

    finished: Finished
    run_dir: Path

    @property
    def record(self) -> Any:
        """The record of its case."""
        return read_json(self.run_dir / "records" / f"{CASE}.json")


@pytest.fixture(scope="module")
def calls(service_url: str, warm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> list[Answered]:
    """A call to a bot that greets, and one whose run was killed meanwhile and finished; at the same time."""
    folders = [tmp_path_factory.mktemp("telephone") for _ in range(2)]
    clis = [Cli(folder, warm_env) for folder in folders]
    return at_once(partial(_call, clis[0], service_url), partial(_kill_and_resume, clis[1], service_url))


def _call(cli: Cli, service_url: str) -> Answered:
    with answering(service_url, cli.cwd, "--greets") as url:
        finished = call(cli, url, "+target.parameters.tenant=seven")
    return Answered(finished, finished.directory)


def _kill_and_resume(cli: Cli, service_url: str) -> Answered:
    with answering(service_url, cli.cwd, "--greets") as url:
        overrides = (*_overrides(cli, url), "output_dir=runs")
        with subprocess.Popen(
            [*command(), *overrides], cwd=cli.cwd, env=cli.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL, start_new_session=True,
        ) as process:  # fmt: skip
            log = _wait_for(lambda: next(cli.cwd.glob(f"runs/20*/*/events/{CASE}.jsonl"), None))
            _wait_for(lambda: b'"type":"media","source":"assistant","direction":"received"' in log.read_bytes())
            os.killpg(process.pid, signal.SIGKILL)
        return Answered(cli("resume", str(log.parents[1])), log.parents[1])


@pytest.fixture
def answered(calls: list[Answered]) -> Answered:
    """A call to a bot that greets."""
    assert calls[0].finished.code == 0, calls[0].finished.err
    return calls[0]


def test_the_call_was_held_and_heard(answered: Answered) -> None:
    """The bot greeted, the caller said what he wanted, and what the bot told him was heard by the recogniser."""
    record = answered.record
    assert (record["failure"], record["notes"]["ended_by"]) == (None, "caller")
    kinds = [step["kind"] for step in record["turns"][0]["steps"]]
    assert kinds[:3] == ["words", "caller_words", "words"]
    assert "Tuesday" in record["turns"][0]["steps"][-1]["text"]
    assert record["notes"]["words"] == {"assistant": "recognised", "caller": "said"}
    stream = record["notes"]["turn_taking"]["stream"]
    assert (stream["dialect"], stream["hung_up"]) == ("twilio", False)
    assert stream["frames"] > 10


def test_what_a_line_does_not_show_is_ungraded_and_not_0(answered: Answered) -> None:
    """Tools, text and cost are unknown; nothing of that is a number."""
    row, summary = answered.finished.rows[0], answered.finished.summary
    assert (row["tool_call_grade"], row["tool_call_args_grade"], row["said_what_it_wrote_grade"]) == ("", "", "")
    assert "a telephone line does not show the tools" in row["tool_call_rationale"]
    assert (row["tool_calls"], row["output_tokens"], row["latency_first_audio_ms"]) == ("", "", "")
    assert answered.record["cost_usd"]["assistant"] is None
    assert row["day_told_grade"] != ""
    assert summary["assistant_model_default"] == "application"


def test_times_are_those_of_the_sound(answered: Answered) -> None:
    """The wait is from the caller's last sound to the answer's first."""
    measures = answered.record["turns"][0]["measures"]
    latency = answered.record["turns"][0]["latencies"]["latency_voice_to_voice_ms"]
    assert latency == pytest.approx(measures["response_latency_ms"], abs=150)
    assert measures["interrupted_caller"] == 0


def test_the_bot_was_handed_its_parameters(answered: Answered) -> None:
    """As custom parameters of the start message, which stands in the log with all others."""
    events = read_events(answered.finished.directory, CASE)
    start = next(event for event in events if event["type"] == "start")
    assert start["event"]["start"]["customParameters"]["tenant"] == "seven"
    assert {"connected", "start", "media", "stop"} <= {event["type"] for event in events}


def test_a_bot_that_waits_for_the_caller_is_told_apart_from_a_silent_one(
    cli: Cli, service_url: str, tmp_path: Path
) -> None:
    """The message says which setting it is; it is the bot's failure as long as it is said to greet."""
    with answering(service_url, tmp_path) as url:
        finished = call(cli, url, "limits.response_timeout_s=3")
    row = finished.rows[0]
    assert (row["failure_stage"], row["fault"]) == ("response_timeout", "assistant")
    assert "if it waits for the caller, set target.speaks_first=caller" in row["error_message"]


GRADED_BY_EAR = ("lets_caller_finish", "speech_without_holes")


@pytest.mark.parametrize(
    ("defect", "found", "lost"),
    [
        ("--paced", set(), set()),
        ("--jitters", {"jitter"}, set()),
        ("--frame-bytes=100000", {"bursts"}, set()),
        ("--starves", {"starved_playback"}, {"speech_without_holes"}),
    ],
)
def test_how_sound_arrives_is_found_and_only_what_is_heard_is_held_against_it(
    cli: Cli, service_url: str, tmp_path: Path, defect: str, found: set[str], lost: set[str]
) -> None:
    """Bursts and jitter are harmless behind the line's buffer; holes inside words lose the grade meant for them."""
    graders = "mode.graders=[lets_caller_finish,speech_without_holes]"
    with answering(service_url, tmp_path, "--greets", defect) as url:
        finished = call(cli, url, graders)
    assert finished.code == 0, finished.err
    record, last = read_json(finished.directory / "records" / f"{CASE}.json"), finished.rows[-1]
    assert record["failure"] is None
    told = record["notes"]["turn_taking"]["line_findings"]
    assert found <= set(told)  # a busy machine may add what is harmless
    assert ("starved_playback" in told) == bool(lost)
    grades = {name: last[f"{name}_grade"] for name in GRADED_BY_EAR}
    assert {name for name, grade in grades.items() if grade != "1"} == lost
    assert (float(last["speech_holes"]) > 0) == bool(lost)
    assert ("fault of assistant" in finished.err) == bool(lost)
    summary = finished.summary["line_findings"]
    assert (summary["calls"], set(summary["found"])) == (1, set(told))


@pytest.mark.parametrize(
    ("defect", "named"),
    [
        ("--voice-rate=24000", "wrong_sample_rate"),
        ("--voice-rate=16000", "wrong_sample_rate"),
        ("--voice-rate=4000", "wrong_sample_rate"),
        ("--encoding=pcm16", "wrong_encoding"),
        ("--encoding=alaw", "wrong_encoding"),
    ],
)
def test_garbled_sound_is_named_and_is_no_answer(
    cli: Cli, service_url: str, tmp_path: Path, defect: str, named: str
) -> None:
    """A voice of 24 or 16 kHz sent as 8 kHz, one sent twice as fast, PCM or A-law where mu-law is due."""
    with answering(service_url, tmp_path, "--greets", defect) as url:
        finished = call(cli, url)
    record = read_json(finished.directory / "records" / f"{CASE}.json")
    assert (record["failure"]["error_type"], record["fault"]) == (named, "assistant")


def test_a_caller_keys_in_his_number(cli: Cli, service_url: str, tmp_path: Path) -> None:
    """He says what he wants, is asked for the number, and presses keys: told as a line tells of them, and answered."""
    shipped = read_json(ROOT / "data" / "run" / f"{CASE}.json")
    turns = {"fixed_first_user_turn": "Hello, where is my order?", "max_turns": 2}
    rules = [{"act": "keypress", "turns": [1], "keys": "48213#", "delay_ms": 500}]
    changed = {"turns": turns, "simulator": {**shipped["simulator"], "behaviour": rules}}
    (cli.cwd / "keys.json").write_text(json.dumps({**shipped, **changed, "simulation_id": "keys"}))
    (cli.cwd / "keys.csv").write_text("simulation_id,simulation_path\nkeys,keys.json\n")
    for folder in ("prompts", "tools"):
        (cli.cwd / folder).symlink_to(ROOT / "data" / folder)
    with answering(service_url, tmp_path, "--greets") as url:
        finished = call(cli, url, f"mode.data_csv={cli.cwd / 'keys.csv'}")
    assert finished.code == 0, finished.err
    record = read_json(finished.directory / "records" / "keys.json")
    assert record["failure"] is None
    steps = record["turns"][0]["steps"]
    (pressed,) = [place for place, step in enumerate(steps) if step.get("act") == "keypress"]
    assert steps[pressed]["text"] == "<keys 48213#>"
    assert any("Tuesday" in step["text"] for step in steps[pressed:])
    assert finished.rows[0]["user_text"] == "Hello, where is my order? <keys 48213#>"
    sent = [event["event"] for event in read_events(finished.directory, "keys") if event["type"] == "dtmf"]
    assert [message["dtmf"]["digit"] for message in sent] == [*"48213#"]
    told = [said for said in record["notes"]["turn_taking"]["caller"] if said.get("plan", {}).get("keys")]
    assert [said["words"] for said in told] == ["<keys 48213#>"]


def test_nobody_answers(cli: Cli) -> None:
    """No bot at the address: nothing is held against it."""
    finished = call(cli, "ws://127.0.0.1:9/ws")
    assert finished.code == 3
    assert "connection refused; is the server running there?" in finished.rows[0]["error_message"]


def test_a_run_that_is_killed_during_a_call_is_finished_in_place(calls: list[Answered]) -> None:
    """The call that was under way is held again, whole; a bot that lost a line takes the next call."""
    resumed = calls[1]
    assert resumed.finished.code == 0, resumed.finished.err
    record = resumed.record
    assert (record["failure"], record["notes"]["ended_by"]) == (None, "caller")
    assert "Tuesday" in record["turns"][0]["steps"][-1]["text"]
    assert len(read_rows(resumed.run_dir)) == len(record["turns"])


def _wait_for(found: Callable[[], Any]) -> Any:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        value = found()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError("it did not come within 60 s")
