"""Speech is found where it was put, through codecs, a phone line and steady noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evalkit.audio.channels import ChannelSpec, apply_channel
from evalkit.audio.formats import AudioFormat
from evalkit.metrics.turn_taking.timeline import Segment
from evalkit.metrics.turn_taking.waveform import HeardSide

PLACES = (Segment(0.5, 1.25), Segment(2.0, 2.1), Segment(3.333, 5.0))
EXACT_S = 0.003


def recorded(places: tuple[Segment, ...], rate_hz: int, lasts_s: float = 6.0) -> NDArray[np.int16]:
    """Return a buzz with a voice's harmonics and syllables where it was put, -20 dBFS, silence elsewhere."""
    time_s = np.arange(round(lasts_s * rate_hz)) / rate_hz
    buzz = sum(np.sin(2 * np.pi * 150 * number * time_s + number**2) / number for number in range(3, 20))
    syllables = 0.6 + 0.4 * np.cos(2 * np.pi * 4 * time_s)
    sounds = np.zeros(time_s.size, dtype=bool)
    for place in places:
        sounds[round(place.start_s * rate_hz) : round(place.end_s * rate_hz)] = True
    return np.asarray(np.where(sounds, buzz * syllables * 4000, 0), dtype=np.int16)


def through(pcm: NDArray[np.int16], codec: AudioFormat) -> NDArray[np.int16]:
    return codec.from_wire(codec.to_wire(pcm))


def assert_found(found: tuple[Segment, ...], places: tuple[Segment, ...], within_s: float = EXACT_S) -> None:
    assert len(found) == len(places), found
    for one, place in zip(found, places, strict=True):
        assert abs(one.start_s - place.start_s) <= within_s + 1e-9, (one, place)
        assert abs(one.end_s - place.end_s) <= within_s + 1e-9, (one, place)


@pytest.mark.parametrize("codec", AudioFormat)
def test_segments_are_found_to_three_milliseconds(codec: AudioFormat) -> None:
    """In PCM16 and both kinds of G.711."""
    pcm = through(recorded(PLACES, codec.sample_rate_hz), codec)
    assert_found(HeardSide(pcm, codec.sample_rate_hz).find_segments(), PLACES)


@pytest.mark.parametrize("rate_hz", [8_000, 24_000])
def test_segments_are_found_over_a_phone_line(rate_hz: int) -> None:
    """Band limit and mu-law; what the filter rings is not speech for long."""
    spec = ChannelSpec.from_config(
        {"telephone": {"band_limit": True, "low_hz": 300, "high_hz": 3400, "codec": "g711_ulaw"}}
    )
    pcm = apply_channel(recorded(PLACES, rate_hz), rate_hz, spec, 0).pcm
    assert_found(HeardSide(pcm, rate_hz).find_segments(), PLACES, 0.005)


@pytest.mark.parametrize("noise_dbfs", [-70.0, -50.0, -40.0])
def test_steady_noise_is_no_speech(noise_dbfs: float) -> None:
    """Down to 20 dB under the voice: found to 5 ms."""
    noise = np.random.default_rng(0).normal(0, 32768 * 10 ** (noise_dbfs / 20), 6 * 8000)
    pcm = np.clip(recorded(PLACES, 8_000) + noise, -32768, 32767).astype(np.int16)
    assert_found(HeardSide(pcm, 8_000).find_segments(), PLACES, 0.005)


@pytest.mark.parametrize("codec", [AudioFormat.G711_ULAW, AudioFormat.G711_ALAW])
def test_codec_silence_is_silence(codec: AudioFormat) -> None:
    """The byte that means it, decoded: A-law has no zero."""
    pcm = codec.from_wire(bytes([codec.silence_byte]) * 8000)
    assert HeardSide(pcm, 8_000).find_segments() == ()


def test_nothing_is_found_in_nothing() -> None:
    """No samples, fewer than a window, and digital silence."""
    for size in (0, 10, 8_000):
        assert HeardSide(np.zeros(size, dtype=np.int16), 8_000).find_segments() == ()


def test_gaps_are_closed_up_to_what_is_asked() -> None:
    """0.2 s unless told otherwise."""
    places = (Segment(1.0, 2.0), Segment(2.19, 3.0), Segment(3.25, 4.0))
    pcm = recorded(places, 8_000)
    assert_found(HeardSide(pcm, 8_000).find_segments(), (Segment(1.0, 3.0), Segment(3.25, 4.0)))
    assert_found(HeardSide(pcm, 8_000).find_segments(gap_s=0.05), places)
    assert_found(HeardSide(pcm, 8_000).find_segments(gap_s=0.3), (Segment(1.0, 4.0),))


def test_a_click_is_no_speech() -> None:
    """10 ms alone; the same next to speech is part of it."""
    alone, beside = Segment(4.0, 4.01), Segment(1.55, 1.56)
    pcm = recorded((Segment(0.5, 1.5), beside, alone), 8_000)
    assert_found(HeardSide(pcm, 8_000).find_segments(), (Segment(0.5, 1.56),))


def test_speech_from_the_first_sample_to_the_last_is_one_segment() -> None:
    """A recording that is speech throughout."""
    assert_found(HeardSide(recorded((Segment(0.0, 6.0),), 8_000), 8_000).find_segments(), (Segment(0.0, 6.0),))


def test_parts_are_found_where_something_was_played() -> None:
    """And not beside it, however loud that is; a last word cut to a few milliseconds is heard."""
    pcm = recorded((*PLACES[:2], Segment(3.333, 4.0), Segment(4.5, 4.512)), 8_000)
    pcm[:16_000] = np.clip(pcm[:16_000] * 3.0, -32768, 32767).astype(np.int16)
    heard = HeardSide(pcm, 8_000)
    found = heard.find_parts(Segment(3.0, 5.5))
    assert_found(found, (Segment(3.333, 4.0), Segment(4.5, 4.512)))
    assert_found(heard.find_parts(Segment(1.8, 2.5)), (Segment(2.0, 2.1),))
    assert heard.find_parts(Segment(5.0, 5.9)) == ()
    assert heard.find_parts(Segment(6.5, 7.0)) == ()


@settings(max_examples=30, deadline=None)
@given(st.floats(0.1, 3.0), st.floats(0.1, 2.0), st.sampled_from([8_000, 16_000, 24_000]))
def test_a_segment_is_found_wherever_it_is(start_s: float, length_s: float, rate_hz: int) -> None:
    """To 3 ms, at any rate."""
    place = Segment(start_s, start_s + length_s)
    assert_found(HeardSide(recorded((place,), rate_hz), rate_hz).find_segments(), (place,))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 2_000))
def test_silence_before_it_moves_what_is_found(milliseconds: int) -> None:
    """By as much."""
    pcm = recorded(PLACES, 8_000)
    later = np.concatenate((np.zeros(milliseconds * 8, dtype=np.int16), pcm))
    moved = tuple(Segment(one.start_s + milliseconds / 1000, one.end_s + milliseconds / 1000)
                  for one in HeardSide(pcm, 8_000).find_segments())  # fmt: skip
    assert_found(HeardSide(later, 8_000).find_segments(), moved, 0.0015)
