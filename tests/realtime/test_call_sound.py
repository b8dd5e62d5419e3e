"""The recording of a call in duplex: sounds at known times are found there, in every pair of formats."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.audio.g711 import Pcm
from evalkit.audio.levels import find_speech
from evalkit.realtime.call_sound import join_sides
from evalkit.realtime.playout import Playout
from evalkit.realtime.uplink import Uplink


def _tone(audio_format: AudioFormat, duration_ms: float) -> bytes:
    times = np.arange(int(duration_ms * audio_format.sample_rate_hz / 1000)) / audio_format.sample_rate_hz
    return audio_format.to_wire((8000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16))


def _sounds_ms(pcm: Pcm, rate_hz: int) -> list[tuple[float, float]]:
    """Return where something is heard, from when to when."""
    edges = np.flatnonzero(np.diff(find_speech(pcm, rate_hz, frame_ms=2).astype(np.int8), prepend=0, append=0))
    return [(start / rate_hz * 1000, end / rate_hz * 1000) for start, end in edges.reshape(-1, 2).tolist()]


@pytest.mark.parametrize(("sent", "heard"), list(itertools.product(AudioFormat, AudioFormat)))
def test_both_sides_lie_where_they_were(sent: AudioFormat, heard: AudioFormat) -> None:
    """The caller at 300 and 1500 ms; the assistant from 900 ms until it is cut at 1600; both to a few milliseconds."""
    uplink, playout = Uplink(sent, 20), Playout(heard)
    uplink.place(_tone(sent, 400), not_before_ms=300)
    uplink.place(_tone(sent, 250), not_before_ms=1500)
    while uplink.due_ms <= 2000:
        uplink.take()
    playout.receive(_tone(heard, 3000), response_id="r", item_id="i", at=playout.sample_at(900))
    playout.stop(playout.sample_at(1600))
    sound = join_sides(uplink, playout, until_ms=2000)
    assert sound.sample_rate_hz == max(sent.sample_rate_hz, heard.sample_rate_hz)
    assert sound.caller.size == sound.assistant.size == 2 * sound.sample_rate_hz
    caller, assistant = (_sounds_ms(pcm, sound.sample_rate_hz) for pcm in (sound.caller, sound.assistant))
    assert np.abs(np.array(caller) - [(300, 700), (1500, 1750)]).max() <= 5
    assert np.abs(np.array(assistant) - [(900, 1600)]).max() <= 5


def test_a_side_that_is_silent_is_as_long_as_the_other() -> None:
    """An assistant that never spoke, and a call that ended before its last chunk was full."""
    uplink, playout = Uplink(AudioFormat.PCM16, 20), Playout(AudioFormat.G711_ALAW)
    uplink.take()
    sound = join_sides(uplink, playout, until_ms=30)
    assert sound.caller.size == sound.assistant.size == 720
    assert np.abs(sound.assistant).max() <= 1  # the dither of resampling
