"""The words of who tells none, and what listening cost."""

from __future__ import annotations

import numpy as np

from evalkit.audio.g711 import Pcm
from evalkit.audio.wav import decode_wav, encode_pcm16
from evalkit.modes.attempt import add_costs
from evalkit.modes.voice.recogniser import HeardWords, words_only


async def test_words_alone_come_back_and_the_cost_is_added() -> None:
    """Known costs add up; an unknown one makes the sum unknown, never 0."""
    costs: list[float | None] = [0.25, 0.5, None, 0.25]
    total: dict[str, float | None] = {}

    async def recognise(pcm: Pcm, rate_hz: int) -> HeardWords:
        return HeardWords(f"{pcm.size} at {rate_hz}", costs.pop(0))

    hear = words_only(recognise, lambda spent: add_costs(total, spent))
    assert hear is not None
    assert await hear(np.zeros(8, np.int16), 8000) == "8 at 8000"
    await hear(np.zeros(8, np.int16), 8000)
    assert total == {"transcription": 0.75}
    await hear(np.zeros(8, np.int16), 8000)
    await hear(np.zeros(8, np.int16), 8000)
    assert total == {"transcription": None}


def test_without_a_recogniser_nothing_is_heard() -> None:
    """A provider may have none."""
    assert words_only(None, lambda _: None) is None


def test_a_sound_is_handed_over_as_a_whole_wav_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Sample for sample, at its rate."""
    pcm = np.arange(-5, 6, dtype=np.int16)
    audio = decode_wav(tmp_path / "x.wav", encode_pcm16(pcm, 8000))
    assert (audio.sample_rate_hz, audio.channels) == (8000, 1)
    assert np.array_equal(audio.pcm, pcm)
