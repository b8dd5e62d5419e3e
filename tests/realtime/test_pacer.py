"""Chunks are the input, whole samples each; deadlines are absolute; silence is the codec's own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from fake_clock import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from evalkit.audio.formats import AudioFormat
from evalkit.clock import MonotonicClock
from evalkit.realtime.pacer import pad_to_minimum, send_paced, split_chunks

_FORMATS = st.sampled_from(list(AudioFormat))


@given(st.binary(max_size=6000), _FORMATS, st.integers(1, 200) | st.floats(1, 200))
def test_chunks_joined_are_the_input(data: bytes, audio_format: AudioFormat, chunk_ms: float) -> None:
    """No byte is lost, added or moved, every chunk is whole samples, and only the last may be short."""
    wire = data[: len(data) // audio_format.bytes_per_sample * audio_format.bytes_per_sample]
    chunks = split_chunks(wire, audio_format, chunk_ms)
    assert b"".join(chunks) == wire
    assert all(chunk and len(chunk) % audio_format.bytes_per_sample == 0 for chunk in chunks)
    full = audio_format.byte_count(chunk_ms)
    assert all(full <= len(chunk) <= full + audio_format.bytes_per_sample for chunk in chunks[:-1])


@pytest.mark.parametrize("chunk_ms", [10, 20, 30, 40, 100])
@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_usual_chunks_have_the_exact_length(audio_format: AudioFormat, chunk_ms: int) -> None:
    """At the usual durations every chunk but the last is exactly that long, also for lengths that do not divide."""
    wire = bytes(audio_format.byte_count(1003))
    chunks = split_chunks(wire, audio_format, chunk_ms)
    assert {audio_format.duration_ms(len(chunk)) for chunk in chunks[:-1]} == {float(chunk_ms)}
    assert len(chunks) == -(-1003 // chunk_ms)


def test_uneven_chunks_do_not_drift() -> None:
    """Where a chunk is no whole number of samples, chunk n still begins at the last sample before n x chunk_ms."""
    chunks = split_chunks(bytes(800), AudioFormat.G711_ULAW, 10.05)
    assert len(chunks[0]) == 80
    starts = [sum(map(len, chunks[:number])) for number in range(len(chunks))]
    assert all(0 <= number * 10.05 * 8 - start < 1 for number, start in enumerate(starts))


def test_torn_samples_and_tiny_chunks_are_refused() -> None:
    """Half a sample, and chunks of less than one, are errors that name the number."""
    with pytest.raises(ValueError, match="3 bytes of pcm16"):
        split_chunks(b"abc", AudioFormat.PCM16, 20)
    with pytest.raises(ValueError, match=r"chunk_ms 0\.1"):
        split_chunks(b"abc", AudioFormat.G711_ALAW, 0.1)


@given(st.binary(max_size=2000), _FORMATS)
def test_padding_is_the_codecs_silence(data: bytes, audio_format: AudioFormat) -> None:
    """A short utterance is lengthened to 100 ms with silence that sounds like silence; a long one is left alone."""
    padded = pad_to_minimum(data, audio_format)
    minimum = {"pcm16": 4800, "pcm16_16khz": 3200}.get(audio_format, 800)
    assert len(padded) == max(minimum, len(data))
    assert padded.startswith(data)
    assert set(padded[len(data) :]) <= {audio_format.silence_byte}
    assert abs(int(audio_format.from_wire(bytes([audio_format.silence_byte]) * 2)[0])) <= 8


@given(st.lists(st.floats(0, 0.075), min_size=1, max_size=40), st.sampled_from([10, 20, 40]))
def test_deadlines_are_absolute(costs_s: list[float], chunk_ms: int) -> None:
    """However long sends take, chunk n goes out at start + n x chunk_ms or as soon after as the sender is free."""
    clock = FakeClock()
    sent: list[tuple[bytes, float]] = []

    async def send(together: Sequence[bytes]) -> None:
        (chunk,) = together
        sent.append((chunk, clock.now_s))
        clock.now_s += costs_s[len(sent) - 1]

    chunks = [bytes([number]) for number in range(len(costs_s))]
    pacing = asyncio.run(send_paced(chunks, chunk_ms=chunk_ms, real_time=True, clock=clock, send=send))
    assert [chunk for chunk, _ in sent] == chunks
    free_s = 100.0
    for number, (_, at_s) in enumerate(sent):
        due_s = 100.0 + number * chunk_ms / 1000
        assert at_s == pytest.approx(max(due_s, free_s), abs=1e-9)
        free_s = at_s + costs_s[number]
        assert pacing.lateness_ms[number] == pytest.approx((free_s - due_s) * 1000, abs=1e-6)
    assert (pacing.started_at_ms, pacing.chunks) == (100_000.0, len(chunks))
    assert pacing.finished_at_ms == pytest.approx(free_s * 1000)


async def test_unpaced_sending_lets_others_run() -> None:
    """As fast as possible still means that a task which receives gets its turn during the sending."""
    seen_by_receiver: list[int] = []
    sent: list[bytes] = []

    async def receive() -> None:
        while len(sent) < 100:
            seen_by_receiver.append(len(sent))
            await asyncio.sleep(0)

    async def send(together: Sequence[bytes]) -> None:
        sent.extend(together)

    receiver = asyncio.create_task(receive())
    pacing = await send_paced(
        [b"%d" % n for n in range(100)], chunk_ms=20, real_time=False, clock=MonotonicClock(), send=send
    )
    await receiver
    assert len(set(seen_by_receiver)) >= 10
    assert sent == [b"%d" % n for n in range(100)]
    assert (pacing.chunks, pacing.lateness_ms) == (100, ())
    assert pacing.finished_at_ms - pacing.started_at_ms < 500


async def test_real_pacing_keeps_its_deadlines() -> None:
    """On the real clock fifty chunks of 10 ms take half a second, and most are handed over within 5 ms."""

    async def send(_together: Sequence[bytes]) -> None:
        pass

    pacing = await send_paced([b"x"] * 51, chunk_ms=10, real_time=True, clock=MonotonicClock(), send=send)
    assert pacing.finished_at_ms - pacing.started_at_ms >= 500
    assert pacing.audio_began_at_ms == pacing.started_at_ms - 10
    assert min(pacing.lateness_ms) >= 0
    assert sorted(pacing.lateness_ms)[25] < 5
