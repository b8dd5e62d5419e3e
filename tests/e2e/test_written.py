"""``input=text``: the installed command holds cases in writing, and nothing of sound is made, sent or needed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import Cli, Finished, read_events, read_json
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

SHIPPED = Path(__file__).parents[2] / "data" / "run"
CALLS = ("sim_support_order_status", "sim_support_missing_information")
# Keys and nodes of a config that have to do with sound.
OF_SOUND = {
    "audio", "channel", "chunk_ms", "conformance", "real_time", "speech", "speech_model", "trace", "transcription",
    "transcription_model", "turn_detection", "turn_taking", "voice", "voices",
}  # fmt: skip


def _names(node: Any) -> set[str]:
    """Return the names of all keys in a document."""
    if not isinstance(node, Mapping):
        return set()
    return {str(name) for name in node} | {name for inner in node.values() for name in _names(inner)}


def _holds_no_sound(finished: Finished) -> None:
    """Hold a run directory to having nothing of sound."""
    config = yaml.safe_load((finished.directory / "config.yaml").read_text())
    assert config["input"] == "text"
    assert not _names(config) & OF_SOUND
    assert not list(finished.directory.rglob("*.wav"))
    for row in finished.rows:
        assert row["latency_first_text_ms"]
        assert row["latency_response_done_ms"]
        assert not row["latency_first_audio_ms"]
    for path in (finished.directory / "events").glob("*.jsonl"):
        sent = [event["event"] for event in read_events(finished.directory, path.stem) if event["direction"] == "sent"]
        types = {event["type"] for event in sent}
        assert not {each for each in types if each.startswith("input_audio_buffer")}
        updates = [event["session"] for event in sent if event["type"] == "session.update"]
        assert updates
        assert all(update["output_modalities"] == ["text"] and "audio" not in update for update in updates)


def test_crawl_sends_the_words(cli: Cli) -> None:
    """Cases are graded as ever; what needs sound is not asked for by default."""
    done = cli("input=text", "max_examples=4")
    assert done.code == 0, done.err
    _holds_no_sound(done)
    assert [row["passed"] for row in done.rows] == ["1"] * 4
    first = read_json(done.directory / "records" / f"{done.rows[0]['example_id']}.json")
    assert first["settings"]["input"] == "text"
    assert first["turns"][0]["user_text"] == done.rows[0]["user_text"]
    assert set(first["artifacts"]) == {"event_log_path"}
    received = {event["type"] for event in read_events(done.directory, done.rows[0]["example_id"])}
    assert {"response.output_text.delta", "response.output_text.done"} <= received or first["turns"][0]["steps"]
    assert not {each for each in received if "audio" in each}
    assert done.summary["latency_first_text_ms_p50"] > 0
    assert "first_text" in done.err or "first_text" in done.out


@pytest.fixture(scope="module", params=["realtime", "text"])
def held(request: Any, warm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Two shipped simulations with either kind of caller."""
    folder = tmp_path_factory.mktemp("written")
    index = folder / "simulations.csv"
    lines = [f"{case},{SHIPPED / case}.json\n" for case in CALLS]
    index.write_text("simulation_id,simulation_path\n" + "".join(lines))
    return Cli(folder, warm_env)(
        "mode=run",
        "input=text",
        "assistant=support",
        f"mode.data_csv={index}",
        f"simulator.kind={request.param}",
        "report.plots=false",
    )


def test_simulations_are_held_in_writing(held: Finished) -> None:
    """Both sides write, tools are answered by mocks, and the conversation gets the grades that a call gets."""
    assert held.code == 0, held.err
    _holds_no_sound(held)
    last = {row["simulation_id"]: row for row in held.rows}
    assert [last[case]["passed"] for case in CALLS] == ["1", "1"]
    record = read_json(held.directory / "records" / f"{CALLS[1]}.json")
    assert len(record["turns"]) > 1
    assert record["notes"]["ended_by"] == "caller"
    assert "timeline" not in record["notes"]
    assert all(not turn["measures"] for turn in record["turns"])
    assert "TOOL_OUTPUT" in (held.directory / "conversations" / f"{CALLS[1]}.txt").read_text()


def test_a_grader_that_listens_says_why_it_cannot(held: Finished) -> None:
    """It is ungraded with the reason, never 0, and the closing table names it."""
    grades = [json.loads(line) for line in (held.directory / "grades.jsonl").read_text().splitlines()]
    listening = [grade for grade in grades if grade["grader_id"] == "said_what_it_wrote"]
    assert listening
    assert {grade["grade"] for grade in listening} == {None}
    assert all("held in writing (input=text)" in grade["rationale"] for grade in listening)
    assert "graded nothing: said_what_it_wrote" in held.err + held.out


def test_no_engine_of_sound_is_needed(cold_cli: Cli) -> None:
    """Also where the config asks for a grader that listens: no transcription is started, and none has to be named."""
    done = cold_cli(
        "input=text", "max_examples=1", "mode.graders=[tool_call,tool_call_args,audio_text_mismatch]",
        "provider.models.transcription=null", "provider.models.speech=null", "report.plots=false",
    )  # fmt: skip
    assert done.code == 0, done.err
    (row,) = done.rows
    assert (row["passed"], row["audio_text_mismatch_grade"]) == ("1", "")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["input=text", "channel=telephone"], "channel=telephone: input=text has no channel"),
        (["mode=run", "input=text", "turn_detection=server_vad"], "input=text has no turn_detection"),
        (["input=text", "speech.voice=cedar"], "speech.voice=cedar: input=text has no speech.voice"),
        (["mode=run", "realism=text", "real_time=true"], "real_time=true: input=text has no real_time"),
        (["mode=walk", "input=text"], "input=text: mode=walk has no input; modes that have it: crawl, run"),
        (["mode=walk", "realism=text"], "realism=text: chooses input, which this mode, or its input, has not"),
        (["input=sign"], "input: 'sign' is not an option"),
    ],
)
def test_contradictions_are_refused(cli: Cli, line: list[str], says: str) -> None:
    """One message that names the word of the line and what to do."""
    done = cli(*line)
    assert done.code == 2
    assert says in done.err
    assert len(done.err.splitlines()) == 1


def _speaks(socket: ServerConnection) -> None:
    """Take the session but for its modality."""
    session = {"type": "realtime", "model": "talker", "output_modalities": ["audio"]}
    with suppress(ConnectionClosed):
        socket.send(json.dumps({"type": "session.created", "session": session}))
        for message in socket:
            if json.loads(message)["type"] == "session.update":
                socket.send(json.dumps({"type": "session.updated", "session": session}))


@pytest.fixture
def talker_url() -> Iterator[str]:
    """The base URL of a server without text modality, on a thread of its own."""
    with serve(_speaks, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/v1"
        server.shutdown()
        thread.join()


def test_a_server_without_text_modality_is_refused(cli: Cli, talker_url: str) -> None:
    """Exit 3, one try, one sentence, no grade."""
    done = cli(
        "input=text", "provider@assistant.provider=compatible", f"assistant.provider.base_url={talker_url}",
        "assistant.model=talker", "max_examples=1", "report.plots=false",
    )  # fmt: skip
    assert done.code == 3, done.err
    (path,) = (done.directory / "records").glob("*.json")
    record = read_json(path)
    assert (record["fault"], record["failure"]["error_type"]) == ("infrastructure", "output_modality_refused")
    assert "take input=voice" in record["failure"]["message"]
    assert len(record["attempts"]) == 1
    grades = [json.loads(line) for line in (done.directory / "grades.jsonl").read_text().splitlines()]
    assert [grade["grade"] for grade in grades] == [None] * len(grades)


def test_a_run_in_writing_is_run_again_and_scored_again(cli: Cli) -> None:
    """As it was, and as another input: the stored config keeps what both have."""
    done = cli("input=text", "max_examples=2", "seed=7", "report.plots=false")
    again = cli("rerun", str(done.directory))
    assert again.code == 0, again.err
    _holds_no_sound(again)
    spoken = cli("rerun", str(done.directory), "input=voice", "report.plots=false")
    assert spoken.code == 0, spoken.err
    config = yaml.safe_load((spoken.directory / "config.yaml").read_text())
    assert (config["input"], config["seed"], config["max_examples"]) == ("voice", 7, 2)
    assert config["channel"]["name"] == "clean"
    written = cli("rerun", str(spoken.directory), "input=text")
    assert written.code == 0, written.err
    _holds_no_sound(written)
    scored = cli("score", str(done.directory), "mode.graders=[tool_call,audio_text_mismatch]")
    assert scored.code == 0, scored.err
    compared = cli("compare", str(again.directory), str(spoken.directory), "--expect", "input", "--expect", "mode")
    assert compared.code == 0, compared.err
    assert "compared: input  text → voice" in compared.out
    assert "the configs also differ" not in compared.out  # in channel, chunks and speech, which come with a voice
