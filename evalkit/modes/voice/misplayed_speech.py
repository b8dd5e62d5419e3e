"""Speech that is played at another rate than it was made at, or in another encoding: garbled to who listens.

An application whose voice makes 24 kHz and that sends it as a line's 8 kHz is heard three times too slowly, and one
that sends 16-bit PCM where mu-law is due is heard as loud noise. Frameworks say so in a log at most.

A wrong rate is told by three signs together, since all that is in speech gets slower and lower by the same factor: its
pitch, the rises and falls of its level, and the words that a recogniser hears in a second of it, each beside what is
common among people. One sign alone proves nothing: a man's voice is as low as a woman's that is played too slowly. A
very deep voice that speaks very slowly (at 90 Hz, with two words a second) has all three.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from evalkit.audio.encodings import find_other_encoding
from evalkit.audio.g711 import Pcm
from evalkit.audio.levels import find_speech
from evalkit.audio.pitch import median_pitch_hz
from evalkit.audio.syllables import syllable_rate_hz
from evalkit.realtime.live_call import CallResponse, LiveCall
from evalkit.records.faults import Failure, Stage

WRONG_SAMPLE_RATE = "wrong_sample_rate"
"""The kind of failure that speech at another rate is."""

WRONG_ENCODING = "wrong_encoding"
"""The kind of failure that sound in another encoding is."""

SLOWEST, FASTEST = 0.70, 1.5
"""Nobody speaks at less, or at more, than so many times the common speed."""

SLOW_S, FAST_S = 3.0, 2.0
"""So much speech of a turn is needed to tell that it is too slow, or too fast: what is too fast does not last."""

# What is common, and how much it counts: how little it differs from voice to voice decides that.
_PITCH_HZ, _PITCH_WEIGHT = 170.0, 0.35
_SYLLABLES_HZ, _SYLLABLES_WEIGHT = 3.7, 0.40
_WORDS_HZ, _WORDS_WEIGHT = 3.8, 0.25

_GAP_S = 0.3


def find_misplayed_speech(session: LiveCall, turn_index: int) -> Failure | None:
    """Return what is wrong with how the words of a turn sound, when a recogniser has heard them; None: nothing."""
    spoken = [response for response in session.responses if response.turn_index == turn_index]
    return _find_wrong_encoding(session, spoken) or _find_wrong_rate(session, spoken)


def speed_of(pcm: Pcm, sample_rate_hz: int, words: int) -> float | None:
    """Return how many times as fast as people commonly speak a sound is, in which `words` were heard.

    None where it has no pitch or no syllables. Where no words were heard, they are taken for as many as are common.
    """
    spoken_s = float(find_speech(pcm, sample_rate_hz).sum()) / sample_rate_hz
    pitch_hz, syllables_hz = median_pitch_hz(pcm, sample_rate_hz), syllable_rate_hz(pcm, sample_rate_hz)
    if not pitch_hz or not syllables_hz or not spoken_s:
        return None
    found = _PITCH_WEIGHT * math.log(pitch_hz / _PITCH_HZ) + _SYLLABLES_WEIGHT * math.log(syllables_hz / _SYLLABLES_HZ)
    return math.exp(found + (_WORDS_WEIGHT * math.log(words / spoken_s / _WORDS_HZ) if words else 0.0))


def _find_wrong_encoding(session: LiveCall, spoken: Sequence[CallResponse]) -> Failure | None:
    playout, audio_format = session.playout, session.playout.audio_format
    pieces = playout.pieces(playout.sample_at(session.now_ms))
    # One by one: what was thrown away may have ended in the middle of a 16-bit sample.
    wires = (
        b"".join(playout.wire_of(piece) for piece in pieces if piece.response_id == response.playout_id)
        for response in spoken
    )
    meant = next((found for wire in wires if (found := find_other_encoding(wire, audio_format)) is not None), None)
    if meant is None:
        return None
    due = "A-law" if "alaw" in str(audio_format) else "mu-law"
    return Failure(
        Stage.RESPONSE_STATUS,
        WRONG_ENCODING,
        f"the application sends {meant} where the line carries {due} at {audio_format.sample_rate_hz} Hz: it is heard "
        f"as noise; expected {due}, one byte a sample",
    )


def _find_wrong_rate(session: LiveCall, spoken: Sequence[CallResponse]) -> Failure | None:
    playout, rate_hz = session.playout, session.playout.audio_format.sample_rate_hz
    until, gap = playout.sample_at(session.now_ms), np.zeros(round(_GAP_S * rate_hz), np.int16)
    heard = [sound[1] for response in spoken if (sound := playout.heard_of(response.playout_id, until)) is not None]
    pcm = np.concatenate([part for sound in heard for part in (sound, gap)]) if heard else gap
    spoken_s = float(find_speech(pcm, rate_hz).sum()) / rate_hz
    words = sum(len(response.result.transcript.split()) for response in spoken)
    speed = speed_of(pcm, rate_hz, words) if spoken_s >= FAST_S else None
    if speed is None or (SLOWEST <= speed <= FASTEST) or (speed < SLOWEST and (spoken_s < SLOW_S or not words)):
        return None
    sounds, example = (
        ("slow and too low", "a voice of 16 or 24 kHz sent as 8 kHz sounds so")
        if speed < SLOWEST
        else ("fast and too high", "a voice of 8 kHz that is resampled from 16 or 24 kHz sounds so")
    )
    found = f"{words / spoken_s:.1f} words a second at {median_pitch_hz(pcm, rate_hz):.0f} Hz"
    return Failure(
        Stage.RESPONSE_STATUS,
        WRONG_SAMPLE_RATE,
        f"the application's speech is too {sounds}, {speed:.1f} times as fast as people speak ({found}): it is "
        f"probably made at another rate than the {rate_hz} Hz of the line; {example}",
    )
