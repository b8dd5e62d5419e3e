"""Walk replays phone audio faithfully, over lines that are reproducible, and listens to nothing but the audio."""

from __future__ import annotations

import base64
import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
from harness import Cli, read_events, read_rows

from evalkit.audio.formats import AudioFormat
from evalkit.audio.wav import read_wav, write_pcm16, write_wav
from evalkit.settings.resources import resource_dir

QUICK = "report.plots=false"
SHIPPED = resource_dir("data") / "walk" / "support.csv"


@pytest.mark.parametrize("chunk_ms", [10, 20, 30, 40, 100])
def test_the_wire_carries_the_files_payload_byte_for_byte(cli: Cli, chunk_ms: int) -> None:
    """At every chunk size, also where the length does not divide evenly."""
    done = cli(
        "mode=walk", "max_examples=1", f"chunk_ms={chunk_ms}", "trace.audio=full", "mode.graders=[tool_call]", QUICK
    )
    assert done.code == 0, done.err
    (row,) = done.rows
    sent = [
        base64.b64decode(line["event"]["audio"])
        for line in read_events(done.directory, row["example_id"])
        if line["type"] == "input_audio_buffer.append"
    ]
    assert b"".join(sent) == read_wav(Path(row["audio_path"])).payload
    assert {len(chunk) for chunk in sent[:-1]} == {8 * chunk_ms}


def test_a_walk_speaks_g711_both_ways_and_keeps_what_it_heard(cli: Cli) -> None:
    """Mu-law on the wire, PCM16 to listen to."""
    done = cli("mode=walk", "max_examples=2")
    assert done.code == 0, done.err
    for row in done.rows:
        (update,) = [e for e in read_events(done.directory, row["example_id"]) if e["type"] == "session.update"]
        audio = update["event"]["session"]["audio"]
        assert audio["input"]["format"] == audio["output"]["format"] == {"type": "audio/pcmu"}
        assert read_wav(Path(row["output_audio_path"])).codec is AudioFormat.PCM16


def test_a_lossy_line_is_the_same_again_under_one_seed(cli: Cli) -> None:
    """Byte for byte; another seed loses other packets, and what was lost was measured."""
    heard = []
    for seed in (0, 0, 1):
        done = cli("mode=walk", "channel=lossy", "max_examples=1", f"seed={seed}", "mode.graders=[tool_call]", QUICK)
        assert done.code == 0, done.err
        folder = done.directory / "audio" / done.rows[0]["example_id"]
        heard.append(hashlib.sha256((folder / "input.wav").read_bytes()).hexdigest())
        assert (folder / "clean_input.wav").is_file()
        record = (done.directory / "records" / f"{done.rows[0]['example_id']}.json").read_text()
        assert "channel_loss_share" in record
    assert heard[0] == heard[1] != heard[2]


def test_crawl_accepts_a_channel_too(cli: Cli) -> None:
    """The same line quality over synthesised speech."""
    done = cli("channel=telephone", "max_examples=1", QUICK)
    assert done.code == 0, done.err
    assert (done.directory / "audio" / done.rows[0]["example_id"] / "clean_input.wav").is_file()


def test_another_sentences_recording_changes_the_answer(cli: Cli) -> None:
    """Nothing bypasses the recogniser: case A's row with case B's sound gets B's answer."""
    rows = _read(SHIPPED)[:2]
    swapped = [{**rows[0], "audio_path": rows[1]["audio_path"]}, {**rows[1], "audio_path": rows[0]["audio_path"]}]
    straight = cli("mode=walk", "max_examples=2", QUICK)
    crossed = cli("mode=walk", f"mode.data_csv={_write(cli.cwd / 'swapped.csv', swapped)}", QUICK)
    assert crossed.code == 0, crossed.err
    assert [row["pred_tool_call"] for row in crossed.rows] == [row["pred_tool_call"] for row in straight.rows][::-1]
    assert [row["grade"] for row in crossed.rows] == ["0", "0"]


def test_noise_alone_calls_no_tool(cli: Cli) -> None:
    """White noise, loud enough to pass for speech by its level, is not heard as words."""
    rows = _read(SHIPPED)[:1]
    noise = np.random.default_rng(0).normal(0, 3000, 8000 * 4).clip(-32768, 32767).astype(np.int16)
    write_wav(cli.cwd / "noise.wav", AudioFormat.G711_ULAW.to_wire(noise), AudioFormat.G711_ULAW)
    path = _write(cli.cwd / "noise.csv", [{**rows[0], "audio_path": "noise.wav"}])
    done = cli("mode=walk", f"mode.data_csv={path}", "conformance.min_speech_dbfs=-120", QUICK)
    assert done.code == 0, done.err
    assert done.rows[0]["tool_calls"] in ("", "[]")


def test_g711_is_transcoded_where_the_session_hears_pcm16(cli: Cli) -> None:
    """audio.input_format=pcm16 asks for 24 kHz on the wire."""
    done = cli("mode=walk", "audio.input_format=pcm16", "max_examples=1", "mode.graders=[tool_call]", QUICK)
    assert done.code == 0, done.err
    assert read_wav(done.directory / "audio" / done.rows[0]["example_id"] / "input.wav").sample_rate_hz == 24_000


def test_real_time_pacing_is_as_long_as_the_speech_and_tells_voice_to_voice(cli: Cli) -> None:
    """Sent at the speed of speech, at 8 kHz; only then is voice-to-voice known."""
    done = cli("mode=walk", "real_time=true", "max_examples=1", "chunk_ms=40", "mode.graders=[tool_call]", QUICK)
    assert done.code == 0, done.err
    (row,) = done.rows
    events = read_events(done.directory, row["example_id"])
    appended = [event["event_time_ms"] for event in events if event["type"] == "input_audio_buffer.append"]
    sent_ms = appended[-1] - appended[0]
    assert sent_ms == pytest.approx(float(row["input_audio_ms"]) - 40, abs=100)
    assert float(row["latency_voice_to_voice_ms"]) > 0
    assert done.summary["pacing"]["lateness_p99_ms"] is not None


def test_check_lists_every_recording_and_refuses_what_cannot_carry_a_score(cold_cli: Cli) -> None:
    """Codec, rate, duration, level, clipping, silence; a clipped, a silent and a wideband file are named."""
    good = cold_cli("check", "mode=walk", "max_examples=3")
    assert good.code == 0, good.err
    assert good.out.count("g711_ulaw  8000") == 3
    rows = _read(SHIPPED)[:3]
    loud = (np.sign(np.sin(np.arange(8000) * 0.2)) * 32767).astype(np.int16)
    write_wav(cold_cli.cwd / "clipped.wav", AudioFormat.G711_ULAW.to_wire(loud), AudioFormat.G711_ULAW)
    write_wav(cold_cli.cwd / "silent.wav", bytes([0xFF]) * 8000, AudioFormat.G711_ULAW)
    paths = ["clipped.wav", "silent.wav", rows[2]["audio_path"]]
    bad = [{**row, "audio_path": path} for row, path in zip(rows, paths, strict=True)]
    done = cold_cli("check", "mode=walk", f"mode.data_csv={_write(cold_cli.cwd / 'bad.csv', bad)}")
    assert done.code == 2
    assert "clipped.wav" in done.err
    assert "silent.wav" in done.err
    assert "ok" in done.out
    write_pcm16(cold_cli.cwd / "wide.wav", loud, 16_000)
    path = _write(cold_cli.cwd / "wide.csv", [{**rows[0], "audio_path": "wide.wav"}])
    done = cold_cli("mode=walk", f"mode.data_csv={path}")
    assert done.code == 2
    assert "16000 Hz" in done.err
    assert not (cold_cli.cwd / "outputs").exists()


def test_check_warns_of_recordings_that_the_server_will_cut(cold_cli: Cli) -> None:
    """By name, with the silence that is set; not where the client takes the turns."""
    duplex = cold_cli("check", "mode=walk", "turn_detection=server_vad", "turn_detection.silence_duration_ms=800")
    assert duplex.code == 0, duplex.err
    told = "warning: turn_detection.silence_duration_ms: 800, but 7 of 64 recordings pause for longer"
    assert told in duplex.out
    assert "address-new-apartment.wav (960 ms)" in duplex.out
    assert "and 2 more; 1000 would cut none" in duplex.out
    manual = cold_cli("check", "mode=walk")
    assert (manual.code, "silence_duration_ms" in manual.out) == (0, False)


def test_voice_makes_recordings_that_walk_takes_and_a_second_call_does_nothing(cli: Cli) -> None:
    """Crawl CSV in, walk CSV and A-law files out; a changed voice makes again only what it changes."""
    line = [
        "voice",
        "max_examples=3",
        "voice.codec=g711_alaw",
        "voice.voices=[marin,cedar]",
        "voice.output_csv=w/c.csv",
    ]
    made = cli(*line)
    assert made.code == 0, made.err
    assert Path(made.out.strip()) == cli.cwd / "w" / "c.csv"
    files = sorted((cli.cwd / "w" / "audio").iterdir())
    before = [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]
    again = cli(*line)
    assert "0 recordings made, 3 kept" in again.err
    assert [(file.read_bytes(), file.stat().st_mtime_ns) for file in files] == before
    other = cli(*[part.replace("marin", "coral") for part in line])
    assert "2 recordings made, 1 kept" in other.err
    walked = cli(
        "mode=walk", "mode.data_csv=w/c.csv", "audio.input_format=g711_alaw", "mode.graders=[tool_call]", QUICK
    )
    assert walked.code == 0, walked.err
    assert len(read_rows(walked.directory)) == 3


def _read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a shipped walk CSV, recordings by absolute path."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{**row, "audio_path": str(path.parent / row["audio_path"])} for row in csv.DictReader(file)]


def _write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path
