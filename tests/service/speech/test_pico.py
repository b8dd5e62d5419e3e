"""The small second voice."""

from __future__ import annotations

import numpy as np

from evalkit.service.speech.pico import PicoSpeech


def test_same_text_same_bytes():
    """Pico's own calls differ within a process; ours do not."""
    voice = PicoSpeech()
    sentences = ["Hello, your order has shipped.", "What else?", "Hello, your order has shipped."]
    first, _, again = (voice.synthesise(text, "marin", 1.0).pcm for text in sentences)
    assert first.tobytes() == again.tobytes()


def test_speakers_differ():
    """An American and a British speaker are different audio."""
    voice = PicoSpeech()
    assert voice.synthesise("Hello.", "marin", 1.0).pcm.size != voice.synthesise("Hello.", "ballad", 1.0).pcm.size


def test_no_clipping_and_no_markup():
    """It stays below full scale, and text that looks like markup is only text."""
    audio = PicoSpeech().synthesise('Is 3 < 4 & 5 > 4? <volume level="500">Loud!', "marin", 1.0)
    assert 0 < np.abs(audio.pcm.astype(int)).max() < 32767
