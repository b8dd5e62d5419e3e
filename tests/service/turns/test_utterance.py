"""What is known of an utterance while it is heard."""

from __future__ import annotations

from evalkit.service.input_buffer import TICKS_PER_MS
from evalkit.service.turns.turn_detector import TurnGoesOn
from evalkit.service.turns.utterance import Loudness, Utterance


def test_an_utterance():
    """Only frames with a voice count for how long and how loud it is; its age goes on."""
    utterance = Utterance("item", 0, 32 * TICKS_PER_MS, over_answer=True)
    for number, (silence_ms, power) in enumerate([(0, 4.0), (32, 100.0), (0, 8.0)], 2):
        utterance.take(TurnGoesOn(number * 32 * TICKS_PER_MS, silence_ms, power))
    assert (utterance.voice_ms, utterance.age_ms, utterance.power, utterance.recent_power) == (64, 96, 6.0, 6.0)
    assert utterance.span_ms == 96
    utterance.forget_span()
    utterance.take(TurnGoesOn(6 * 32 * TICKS_PER_MS, 0, 6.0))
    assert (utterance.voice_ms, utterance.span_ms) == (96, 32)


def test_who_speaks_to_others():
    """A voice 8 dB below the caller's is somebody else's, or for somebody else; nobody's while none has been heard."""
    usual = Loudness()
    assert not usual.is_beyond(0.0)
    usual.add(Loudness(200.0, 2))
    usual.add(Loudness(100.0, 1))
    assert usual.is_beyond(15.0)
    assert not usual.is_beyond(16.0)
