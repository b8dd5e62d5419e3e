"""A server of Gemini Live in a process of its own, called by the command in every voice mode, and by an SDK."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from client_environments import GOOGLE_GENAI
from harness import Cli, Finished, read_events, read_json
from phone_caller import spoken

from evalkit.audio.formats import AudioFormat
from evalkit.audio.resample import resample
from evalkit.audio.wav import read_wav
from evalkit.realtime.trace import restore_audio

ROOT = Path(__file__).parents[2]
CASE = "sim_support_order_status"
KEY = "a-key-that-is-shown-nowhere"


@contextlib.contextmanager
def serving(service_url: str, *arguments: str) -> Iterator[str]:
    """Yield the address of a server."""
    server = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/e2e/gemini_application.py"), f"--service={service_url}", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    with server:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()
            server.wait(20)


def call(cli: Cli, url: str, *overrides: str, **env: str) -> Finished:
    """Call the server with one short shipped simulation."""
    index = cli.cwd / "simulations.csv"
    index.write_text(f"simulation_id,simulation_path\n{CASE},{ROOT / 'data' / 'run' / CASE}.json\n")
    return cli(
        "mode=run", "target=gemini_live", f"target.url={url}", f"mode.data_csv={index}", "report.plots=false",
        "limits.max_attempts=1", "assistant=support", *overrides, **env,
    )  # fmt: skip


@dataclass(frozen=True)
class Answered:
    """A call that was answered: what the command left."""

    finished: Finished
    record: Any


@pytest.fixture(scope="module")
def answered(service_url: str, warm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Answered:
    """A call in which the client takes the turns, with a key."""
    folder = tmp_path_factory.mktemp("gemini")
    with serving(service_url, f"--key={KEY}") as url:
        finished = call(Cli(folder, warm_env), url, "target.api_key_env=LIVE_KEY", "real_time=false", LIVE_KEY=KEY)
    assert finished.code == 0, finished.err
    return Answered(finished, read_json(finished.directory / "records" / f"{CASE}.json"))


def test_tools_words_and_tokens_are_seen_and_graded(answered: Answered) -> None:
    """As those of a realtime model: nothing is left ungraded for what was called."""
    record, row, summary = answered.record, answered.finished.rows[0], answered.finished.summary
    assert (record["failure"], record["notes"]["ended_by"]) == (None, "caller")
    assert "not_shown" not in record["notes"]
    calls = [step for turn in record["turns"] for step in turn["steps"] if step["kind"] == "tool_call"]
    assert [(call["name"], call["arguments"]) for call in calls] == [("get_order_status", {"order_id": "48213"})]
    assert (row["tool_call_grade"], row["tool_call_args_grade"], row["day_told_grade"]) == ("1", "1", "1")
    assert int(row["input_tokens"]) > 0
    assert int(row["output_tokens"]) > 0
    assert float(row["latency_first_audio_ms"]) > 0
    assert "48213" in record["turns"][0]["heard_text"].replace("-", "")
    assert summary["assistant_model_default"] == "gemini-2.5-flash-native-audio-latest"
    assert record["cost_usd"]["assistant"] is None


def test_every_byte_is_in_the_log(answered: Answered) -> None:
    """What was sent is the file of 16 kHz, what came that of 24 kHz."""
    events = read_events(answered.finished.directory, CASE)
    said = [each["event"]["realtimeInput"] for each in events if each["type"] == "realtimeInput"]
    sent = [each["audio"]["data"] for each in said if "audio" in each]
    sent = [piece for piece in sent if piece["wav"] == sent[0]["wav"]]
    audio = read_wav(answered.finished.directory / sent[0]["wav"])
    assert audio.sample_rate_hz == 16_000
    assert b"".join(restore_audio(piece, audio.payload) for piece in sent) == audio.payload
    turns = [each["event"]["serverContent"].get("modelTurn") for each in events
             if each["type"] == "serverContent" and each["turn_index"] == 1]  # fmt: skip
    pieces = [part["inlineData"]["data"] for turn in turns if turn for part in turn["parts"]]
    heard = read_wav(answered.finished.directory / pieces[0]["wav"])
    assert heard.sample_rate_hz == 24_000
    assert b"".join(restore_audio(piece, heard.payload) for piece in pieces) == heard.payload


def test_the_key_is_nowhere(answered: Answered) -> None:
    """Not in any file of the run, and not in what was printed."""
    finished = answered.finished
    files = [path for path in finished.directory.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert KEY not in finished.out + finished.err


def test_a_key_that_is_refused_is_not_the_assistants_fault(cli: Cli, service_url: str) -> None:
    """And it is not tried again."""
    with serving(service_url, "--key=another") as url:
        finished = call(cli, url, "target.api_key_env=LIVE_KEY", LIVE_KEY=KEY)
    row = finished.rows[0]
    assert (row["failure_stage"], row["error_type"], row["fault"]) == (
        "connect",
        "authentication_failed",
        "infrastructure",
    )
    assert KEY not in finished.out + finished.err + json.dumps(row)


def test_a_call_in_full_duplex(cli: Cli, service_url: str) -> None:
    """The server takes the turns and is interrupted: it stops, and the call goes on."""
    with serving(service_url) as url:
        finished = call(
            cli, url, "turn_detection=server_vad", "turn_detection.silence_duration_ms=1000", "simulator=interrupting"
        )
    assert finished.code == 0, finished.err
    record = read_json(finished.directory / "records" / f"{CASE}.json")
    assert (record["failure"], record["notes"]["ended_by"]) == (None, "caller")
    row = finished.rows[0]
    assert (row["tool_call_grade"], row["tool_call_args_grade"]) == ("1", "1")
    server = record["notes"]["turn_taking"]["server"]
    assert server["interrupted_s"]
    assert server["cancelled_calls"] == []
    assert "48213" in record["turns"][0]["heard_text"].replace("-", "")
    yields = [turn["measures"]["yielded"] for turn in record["turns"] if "yielded" in turn["measures"]]
    assert yields
    assert set(yields) == {1.0}
    assert record["settings"]["turn_detection"]["threshold"] is None


@pytest.mark.parametrize("mode", ["crawl", "walk"])
def test_one_exchange(cli: Cli, service_url: str, mode: str) -> None:
    """A text that is spoken and a recording, whatever it was recorded as."""
    with serving(service_url) as url:
        finished = cli(
            f"mode={mode}", "target=gemini_live", f"target.url={url}", "max_examples=1", "report.plots=false",
            "real_time=false",
        )  # fmt: skip
    assert finished.code == 0, finished.err
    assert [(row["tool_call_grade"], row["tool_call_args_grade"]) for row in finished.rows] == [("1", "1")]


@pytest.mark.parametrize(
    ("defect", "stage", "kind", "fault"),
    [
        ("wrong_rate", "response_error", "wrong_sample_rate", "assistant"),
        ("leaves", "response_missing_done", "session_expired", "infrastructure"),
        ("drops", "response_missing_done", "connection_closed", "infrastructure"),
        ("garbled", "response_error", "invalid_event", "infrastructure"),
    ],
)
def test_a_defect_is_found_as_what_it_is(
    cli: Cli, service_url: str, defect: str, stage: str, kind: str, fault: str
) -> None:
    """By the whole command, in its results."""
    with serving(service_url, f"--defect={defect}") as url:
        finished = call(cli, url, "real_time=false")
    row = finished.rows[0]
    assert (row["failure_stage"], row["error_type"], row["fault"]) == (stage, kind, fault)


def test_sound_in_odd_pieces_is_no_defect(cli: Cli, service_url: str) -> None:
    """Though samples are cut in two by them."""
    with serving(service_url, "--defect=odd_chunks") as url:
        finished = call(cli, url, "real_time=false")
    assert finished.code == 0, finished.err
    assert finished.rows[0]["day_told_grade"] == "1"


def test_the_sdk_of_its_makers_talks_to_the_server(service_url: str, tmp_path: Path) -> None:
    """A client that nobody here wrote sets up, asks, answers a tool and hears the answer, whoever takes the turns."""
    said = resample(spoken(service_url, "Where is my order? The number is 48213."), 24_000, 16_000)
    clip = tmp_path / "question.pcm"
    clip.write_bytes(AudioFormat.PCM16_16KHZ.to_wire(said))
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with serving(service_url, f"--key={KEY}") as url:
        done = subprocess.run(
            [*GOOGLE_GENAI.command, url, KEY, str(clip)],
            env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [one["turns"] for one in told] == ["client", "server"]
    for one in told:
        assert one["calls"] == [{"name": "get_order_status", "args": {"order_id": "48213"}}]
        assert "Tuesday" in one["words"]
        assert one["sound_s"] > 1
        assert "48213" in one["heard"].replace("-", "")
        assert one["tokens"] > 0
