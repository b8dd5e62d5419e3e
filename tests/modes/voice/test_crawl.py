"""Crawl's voice: text becomes wire audio in the session's format, and a cached synthesis costs nothing."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.modes.voice.crawl import CrawlVoice
from evalkit.providers.speech import Speech
from evalkit.records.case import Case, CaseTrial

TRIAL = CaseTrial(Case("a", "crawl", {"user_text": "hello there"}), 1, 0)


class Synthesiser:
    """Stands for the speech role: one second of tone at 24 kHz."""

    def __init__(self, *, cached: bool) -> None:
        self.cached = cached
        self.asked: list[str] = []

    async def synthesise(self, text: str) -> Speech:
        self.asked.append(text)
        pcm = (np.sin(np.arange(24_000) * 0.1) * 8000).astype(np.int16)
        return Speech(pcm, 24_000, self.cached, len(text))


@pytest.mark.parametrize("audio_format", list(AudioFormat))
async def test_an_utterance_lasts_as_long_in_every_format(audio_format: AudioFormat) -> None:
    """One second stays one second, at the format's own rate."""
    synthesiser = Synthesiser(cached=False)
    said = await CrawlVoice(synthesiser, audio_format, lambda _: 0.5).speak(TRIAL)  # type: ignore[arg-type]
    assert audio_format.duration_ms(len(said.wire)) == pytest.approx(1000, abs=1)
    assert synthesiser.asked == ["hello there"]


@pytest.mark.parametrize(("cached", "price", "cost"), [(False, 0.5, 0.5), (True, 0.5, 0.0), (False, None, None)])
async def test_what_speech_costs(cached: bool, price: float | None, cost: float | None) -> None:
    """Cached is free; an unknown price is unknown."""
    voice = CrawlVoice(Synthesiser(cached=cached), AudioFormat.PCM16, lambda _: price)  # type: ignore[arg-type]
    assert (await voice.speak(TRIAL)).cost_usd == {"speech": cost}
