"""The stream of a call: it never pauses, nothing drifts, and every clip lies where it is said to lie."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.audio.formats import AudioFormat
from evalkit.realtime.uplink import PlacedClip, Uplink

FORMATS = list(AudioFormat)


@pytest.mark.parametrize("audio_format", FORMATS)
def test_nobody_speaks(audio_format: AudioFormat) -> None:
    """Chunks of the codec's own silence, due when their last sample has been spoken."""
    uplink = Uplink(audio_format, 20)
    chunk = bytes([audio_format.silence_byte]) * audio_format.byte_count(20)
    assert uplink.due_ms == 20
    assert [uplink.take() for _ in range(3)] == [chunk] * 3
    assert uplink.due_ms == 80
    assert uplink.sent_samples == audio_format.sample_rate_hz * 60 // 1000


def test_a_clip_begins_at_the_first_free_sample() -> None:
    """Behind what has been sent, whether or not a chunk of it is full; its place is kept."""
    uplink = Uplink(AudioFormat.G711_ULAW, 20)
    uplink.take()
    clip = uplink.place(b"\x01" * 200)
    assert clip == PlacedClip(160, 360, 8000)
    assert (clip.start_ms, clip.end_ms) == (20, 45)
    assert uplink.take() == b"\x01" * 160
    assert uplink.take() == b"\x01" * 40 + b"\xff" * 120
    assert uplink.clips == (clip,)


def test_a_clip_waits_for_its_time_and_for_the_one_before_it() -> None:
    """Silence lies between, to the sample; a time that has passed is none."""
    uplink = Uplink(AudioFormat.G711_ULAW, 20)
    first = uplink.place(b"\x01" * 8, not_before_ms=10)
    second = uplink.place(b"\x02" * 8, not_before_ms=0)
    assert (first.start, second.start) == (80, 88)
    assert uplink.take() == b"\xff" * 80 + b"\x01" * 8 + b"\x02" * 8 + b"\xff" * 64


def test_a_chunk_that_is_no_whole_number_of_samples() -> None:
    """Chunk n begins at the last whole sample before n x chunk_ms, so that nothing adds up."""
    uplink = Uplink(AudioFormat.G711_ULAW, 12.55)
    lengths = [len(uplink.take()) for _ in range(1000)]
    assert set(lengths) == {100, 101}
    assert sum(lengths) == 100_400


def test_what_cannot_be_sent() -> None:
    """A chunk without a sample, and sound that ends within one."""
    with pytest.raises(ValueError, match="less than one sample"):
        Uplink(AudioFormat.G711_ULAW, 0.1)
    with pytest.raises(ValueError, match="whole number of samples"):
        Uplink(AudioFormat.PCM16, 20).place(b"abc")


_steps = st.lists(
    st.one_of(st.none(), st.tuples(st.integers(1, 700), st.floats(0, 300, allow_nan=False))), min_size=1, max_size=40
)


@given(_steps, st.sampled_from(FORMATS), st.sampled_from([5, 7.3, 20, 40]))
def test_the_stream_is_silence_and_the_clips_at_their_places(
    steps: list[tuple[int, float] | None], audio_format: AudioFormat, chunk_ms: float
) -> None:
    """Whatever is placed when: no clip is lost, moved, sent early or laid over another."""
    uplink, width = Uplink(audio_format, chunk_ms), audio_format.bytes_per_sample
    said: list[tuple[PlacedClip, bytes]] = []
    taken: list[bytes] = []
    for number, step in enumerate(steps):
        if step is None:
            taken.append(uplink.take())
            continue
        wire = bytes([number + 1]) * (step[0] * width)
        clip = uplink.place(wire, not_before_ms=step[1])
        assert clip.start_ms >= step[1] - 1e-3
        assert clip.start >= uplink.sent_samples
        said.append((clip, wire))
    while said and uplink.sent_samples < said[-1][0].end:
        taken.append(uplink.take())
    stream = bytearray([audio_format.silence_byte]) * (uplink.sent_samples * width)
    for clip, wire in said:
        stream[clip.start * width : clip.end * width] = wire
    assert b"".join(taken) == uplink.wire == bytes(stream)
    assert all(one.end <= next_one.start for (one, _), (next_one, _) in itertools.pairwise(said))
    assert uplink.sent_samples == int(len(taken) * chunk_ms * audio_format.sample_rate_hz / 1000)
