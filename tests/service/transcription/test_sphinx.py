"""The second recogniser."""

from __future__ import annotations

import numpy as np

from evalkit.service.speech.hibari import HibariSpeech
from evalkit.service.transcription.sphinx import SphinxTranscription


def test_words_and_no_words():
    """Clear speech is recognised, the same way whatever was heard before; noise has no words."""
    recogniser, voice = SphinxTranscription(), HibariSpeech()
    recogniser.warm()
    order = voice.synthesise("I would like to change the delivery address of my order.", "marin", 1.0)
    other = voice.synthesise("What is the weather like today?", "marin", 1.0)
    first = recogniser.recognise(order.pcm, order.rate_hz)
    assert {"delivery", "address", "order"} <= set(first.split())
    recogniser.recognise(other.pcm, other.rate_hz)
    assert recogniser.recognise(order.pcm, order.rate_hz) == first
    noise = (3000 * np.random.default_rng(0).standard_normal(48000)).astype(np.int16)
    assert recogniser.recognise(noise, 24000) == ""
