"""The input audio buffer."""

from __future__ import annotations

import base64

import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.service.bad_request import BadRequest
from evalkit.service.input_buffer import MAX_APPEND_BYTES, TICKS_PER_MS, InputBuffer


@pytest.mark.parametrize(("ms", "shown"), [(0, "0.00"), (99, "99.00"), (40, "40.00")])
def test_too_little_audio(bench, ms, shown):
    """Less than 100 ms cannot be committed, and the error says how much there was."""
    events = bench.say(ms)
    error = events.error
    assert error["code"] == "input_audio_buffer_commit_empty"
    assert f"only has {shown}ms" in error["message"]


def test_commit_empties_the_buffer(bench):
    """Audio is committed once; clearing forgets it."""
    bench.say()
    assert bench.send("input_audio_buffer.commit").error["code"] == "input_audio_buffer_commit_empty"
    bench.send("input_audio_buffer.append", audio=base64.b64encode(bytes(9600)).decode())
    assert bench.send("input_audio_buffer.clear").types == ["input_audio_buffer.cleared"]
    assert bench.send("input_audio_buffer.commit").error["code"] == "input_audio_buffer_commit_empty"


def test_bounds():
    """One append and the whole buffer are bounded, and what was refused is not counted."""
    buffer = InputBuffer(keep=False)
    with pytest.raises(BadRequest, match="at most 15728640"):
        buffer.append(bytes(MAX_APPEND_BYTES + 1), AudioFormat.PCM16)
    for _ in range(4):
        buffer.append(bytes(MAX_APPEND_BYTES), AudioFormat.PCM16)
    with pytest.raises(BadRequest, match="full"):
        buffer.append(bytes(MAX_APPEND_BYTES), AudioFormat.PCM16)
    assert buffer.byte_count == 4 * MAX_APPEND_BYTES


@pytest.mark.parametrize("audio_format", [AudioFormat.PCM16, AudioFormat.G711_ULAW, AudioFormat.G711_ALAW])
def test_positions_count_all_audio(audio_format):
    """A position is a time since the first append, in every format, whatever was taken, dropped or cleared since."""
    buffer = InputBuffer(keep=True)
    ten_ms = audio_format.byte_count(10)
    buffer.append(bytes([1]) * ten_ms + bytes([2]) * ten_ms + bytes([3]) * ten_ms, audio_format)
    assert (buffer.start, buffer.end) == (0, 30 * TICKS_PER_MS)
    buffer.drop_until(10 * TICKS_PER_MS)
    assert buffer.peek(20 * TICKS_PER_MS) == bytes([2]) * ten_ms
    assert buffer.take_until(20 * TICKS_PER_MS) == (bytes([2]) * ten_ms, ten_ms)
    assert (buffer.start, buffer.end, buffer.byte_count) == (20 * TICKS_PER_MS, 30 * TICKS_PER_MS, ten_ms)
    buffer.clear()
    buffer.append(bytes(ten_ms), audio_format)
    assert (buffer.start, buffer.end) == (30 * TICKS_PER_MS, 40 * TICKS_PER_MS)


def test_what_lies_outside_is_not_taken():
    """Before the buffer begins there is nothing, and after its end nothing yet."""
    buffer = InputBuffer(keep=True)
    buffer.append(b"1234", AudioFormat.PCM16)
    buffer.drop_until(2)
    assert buffer.take_until(0) == (b"", 0)
    assert buffer.take_until(99) == (b"34", 2)
    assert (buffer.start, buffer.end) == (4, 4)


def test_sizes_without_bytes():
    """A buffer that keeps no bytes counts as one that does."""
    buffer = InputBuffer(keep=False)
    buffer.append(bytes(96), AudioFormat.PCM16)
    assert buffer.take_until(48) == (b"", 48)
    assert (buffer.start, buffer.end) == (48, 96)
