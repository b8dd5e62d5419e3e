"""A terminal session as a file that players know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import DataError
from evalkit.pty.recording import REDACTED, CastEvent, TerminalRecording, read_recording

SECRETS = ["sk-abcabd", "abc", "aXa", "abcabe"]


def record(**options: object) -> TerminalRecording:
    return TerminalRecording(80, 24, started_unix_s=1_700_000_000.5, **options)  # type: ignore[arg-type]


def output_of(events: tuple[CastEvent, ...], kind: str = "o") -> str:
    return "".join(event.data for event in events if event.kind == kind)


def test_the_file_is_asciicast_2(tmp_path: Path) -> None:
    """A header line, and a line for each event, in the words of that format."""
    recording = record()
    recording.output(0.25, b"hi\r\n")
    recording.input(1.0, b"y\r")
    recording.marker(1.5, "approved")
    recording.resize(2.0, 100, 30)
    recording.write(tmp_path / "a" / "session.cast")
    lines = [json.loads(line) for line in (tmp_path / "a" / "session.cast").read_text().splitlines()]
    assert lines[0] == {
        "version": 2,
        "width": 80,
        "height": 24,
        "timestamp": 1_700_000_000,
        "env": {"TERM": "xterm-256color"},
    }
    assert lines[1:] == [[0.25, "o", "hi\r\n"], [1.0, "i", "y\r"], [1.5, "m", "approved"], [2.0, "r", "100x30"]]
    stored = read_recording(tmp_path / "a" / "session.cast")
    assert (stored.columns, stored.rows, stored.started_unix_s) == (80, 24, 1_700_000_000)
    assert stored.events == recording.events


@given(st.lists(st.tuples(st.sampled_from("oi"), st.binary(max_size=12)), max_size=12))
def test_nothing_is_lost_or_added(pieces: list[tuple[str, bytes]]) -> None:
    """Joined, the events of each direction are the bytes as text, wherever these were cut."""
    recording = record()
    for number, (kind, data) in enumerate(pieces):
        (recording.output if kind == "o" else recording.input)(float(number), data)
    recording.close()
    for kind in "oi":
        sent = b"".join(data for one, data in pieces if one == kind)
        assert output_of(recording.events, kind) == sent.decode(errors="replace")
    times = [event.at_s for event in recording.events]
    assert times == sorted(times)


def test_a_character_that_is_cut_is_whole_again() -> None:
    """It comes with its last byte."""
    recording = record()
    for number, byte in enumerate("é👍".encode()):
        recording.output(float(number), bytes([byte]))
    assert [(event.at_s, event.data) for event in recording.events] == [(1.0, "é"), (5.0, "👍")]


@given(
    st.lists(st.sampled_from([*SECRETS, "a", "b", "X", "sk-", "abcab", "é", "\n"]), max_size=10).map("".join),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_secrets_are_found_wherever_they_are_cut(text: str, cuts: list[int]) -> None:
    """In pieces, what is written is what would be written of the whole; no secret is in it."""
    data = text.encode()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    whole, pieces = record(redact=SECRETS), record(redact=SECRETS)
    whole.output(0.0, data)
    for number, start in enumerate(places[:-1]):
        pieces.output(float(number), data[start : places[number + 1]])
    whole.close()
    pieces.close()
    assert output_of(pieces.events) == output_of(whole.events)
    left = output_of(pieces.events).replace(REDACTED, "|")
    assert not any(secret in left for secret in SECRETS)
    if not any(secret in text for secret in SECRETS):
        assert left == text


def test_secrets_are_in_no_input_and_no_marker() -> None:
    """A key that is typed letter by letter is none the less a key; with the other direction in between too."""
    recording = record(redact=["hunter2", ""])
    for number, letter in enumerate(b"my hunter2!"):
        recording.input(float(number), bytes([letter]))
        recording.output(float(number), bytes([letter]))
    recording.marker(20.0, "typed hunter2")
    assert output_of(recording.events, "i") == output_of(recording.events) == f"my {REDACTED}!"
    assert output_of(recording.events, "m") == f"typed {REDACTED}"


def test_what_was_held_back_is_in_the_file(tmp_path: Path) -> None:
    """The beginning of a secret that never came, and of a character."""
    recording = record(redact=["hunter2"])
    recording.output(1.0, b"go hunt\xc3")
    assert output_of(recording.events) == "go "
    recording.write(tmp_path / "x.cast")
    assert output_of(read_recording(tmp_path / "x.cast").events) == "go hunt\ufffd"


def test_a_recording_is_cut_at_its_limit() -> None:
    """Once, with a marker that says so; markers and sizes still come, and they are bounded too."""
    recording = record(limit_bytes=10_000)
    for number in range(1_000):
        recording.output(float(number), b"x" * 50)
        recording.input(float(number), b"y")
    assert recording.cut
    recording.marker(2_000.0, "later")
    texts = sum(len(event.data) for event in recording.events if event.kind in "oi")
    assert 1_000 < texts <= 10_000
    assert [event.data for event in recording.events if event.kind == "m"] == [
        "recording cut: more than 10000 bytes",
        "later",
    ]
    for number in range(10_000):
        recording.marker(3_000.0 + number, "m")
        recording.resize(3_000.0 + number, 80, 24)
    assert len(recording.events) < 3_000


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not a recording"),
        ("[]\n", "not a recording"),
        ('{"version": 3}\n', "version 3; only version 2"),
        ('{"version": 2, "width": 80, "height": 24}\n[1, "o"]\n', "not a recording"),
        ('{"version": 2, "width": 80, "height": 24}\n[1, "o", 5]\n', "not a recording"),
        ('{"version": 2, "width": 80, "height": 24}\n[1, "o", "x"', "not a recording"),
    ],
)
def test_what_is_no_recording_is_named(text: str, problem: str, tmp_path: Path) -> None:
    """With its file, for whoever put it there."""
    path = tmp_path / "x.cast"
    path.write_text(text)
    with pytest.raises(DataError, match=problem) as caught:
        read_recording(path)
    assert str(path) in str(caught.value)
