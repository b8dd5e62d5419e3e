"""Hugging Face's speech-to-speech, a server that takes the turns whatever it is asked: driven, or refused.

It agrees to every setting of a session. In truth it always detects turns by itself, reads and sends PCM alone, and
answers a ``response.create`` over nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Cli, Finished, read_events, read_json
from server_environments import SPEECH_TO_SPEECH, free_port, serving

_LAUNCHER = Path(__file__).parent / "foreign_servers" / "hugging_face.py"
_SHIPPED = Path(__file__).parents[2] / "data" / "run"
_CASE = "sim_support_order_status"


@pytest.fixture(scope="module")
def server_url(service_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a running server, with the session's service as its engines."""
    port = free_port()
    command = [str(SPEECH_TO_SPEECH.python()), str(_LAUNCHER), service_url, str(port)]
    with serving(command, port, tmp_path_factory.mktemp("speech_to_speech"), HF_HUB_OFFLINE="1"):
        yield f"http://127.0.0.1:{port}/v1"


def _settings(server_url: str) -> list[str]:
    return [
        "assistant=support", "provider@assistant.provider=compatible", f"assistant.provider.base_url={server_url}",
        "assistant.model=local-agent", "concurrency=1", "report.plots=false",
    ]  # fmt: skip


def test_a_call_in_full_duplex(cli: Cli, server_url: str, tmp_path: Path) -> None:
    """Its turn detection ends the caller's turn, its model calls the tool, and the call gets the right grades."""
    index = tmp_path / "simulations.csv"
    index.write_text(f"simulation_id,simulation_path\n{_CASE},{_SHIPPED / _CASE}.json\n")
    done = cli("mode=run", "turn_detection=server_vad", f"mode.data_csv={index}", *_settings(server_url))
    assert done.code == 0, done.err
    record = read_json(done.directory / "records" / f"{_CASE}.json")
    assert (record["failure"], record["notes"]["ended_by"]) == (None, "caller")
    (row,) = done.rows
    assert (row["tool_call_grade"], row["tool_call_args_grade"], row["passed"]) == ("1", "1", "1")
    assert "out for delivery" in row["assistant_text"]
    (caller,) = record["notes"]["turn_taking"]["caller"]
    assert float(row["response_latency_ms"]) > 0
    assert caller["parts"][-1][1] < min(each["parts"][0][0] for each in record["notes"]["turn_taking"]["agent"])
    received = {each["type"] for each in read_events(done.directory, _CASE) if each["source"] == "assistant"}
    assert {"input_audio_buffer.speech_started", "input_audio_buffer.committed"} <= received


def test_a_single_utterance_in_full_duplex(cli: Cli, server_url: str) -> None:
    """The same for one question and one answer."""
    done = cli(
        "mode=crawl", "turn_detection=server_vad", "max_examples=1", "audio.input_format=pcm16", *_settings(server_url)
    )
    assert done.code == 0, done.err
    (row,) = done.rows
    assert (row["error_type"], row["tool_call_grade"], row["tool_call_args_grade"]) == ("", "1", "1")


def _assert_refused(done: Finished, error_type: str, sentence: str) -> None:
    """Nothing was graded, and the command says why in its table and in its end."""
    assert done.code == 3, done.err
    (row,) = done.rows
    assert (row["fault"], row["error_type"], row["passed"]) == ("infrastructure", error_type, "")
    assert sentence in row["error_message"]
    assert error_type in done.err


def test_turns_that_are_ours_are_refused(cli: Cli, server_url: str) -> None:
    """It says that it detects no turns, and then reports speech; whoever wants it is told of full duplex."""
    done = cli("mode=crawl", "max_examples=1", "audio.input_format=pcm16", *_settings(server_url))
    _assert_refused(done, "turn_detection_kept", "turn_detection=server_vad")


def test_sound_that_it_cannot_read_is_refused(cli: Cli, server_url: str) -> None:
    """It takes G.711 for PCM, hears nobody, and answers all the same: that is no answer to what was said."""
    formats = ["audio.input_format=g711_ulaw", "audio.output_format=g711_ulaw"]
    done = cli("mode=walk", "max_examples=1", *formats, *_settings(server_url))
    _assert_refused(done, "input_not_taken", "audio.input_format=pcm16")


def test_sound_that_it_cannot_read_is_refused_in_full_duplex(cli: Cli, server_url: str) -> None:
    """It hears nobody in all of the call: whoever was measured, it was not the assistant."""
    formats = ["audio.input_format=g711_ulaw", "audio.output_format=g711_ulaw", "limits.response_timeout_s=10"]
    done = cli("mode=crawl", "turn_detection=server_vad", "max_examples=1", *formats, *_settings(server_url))
    _assert_refused(done, "input_not_taken", "audio.input_format=pcm16")
