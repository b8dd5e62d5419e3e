"""Speech at a wrong rate is named, and no other speech is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.audio.wav import read_wav
from evalkit.modes.voice.slow_speech import find_slow_speech
from evalkit.realtime.playout import Playout
from evalkit.records.faults import Fault, decide_fault
from evalkit.settings.resources import resource_dir

ULAW = AudioFormat.G711_ULAW
VOICE = read_wav(resource_dir("data") / "walk" / "audio" / "status-lamp.wav").pcm


def _call(pcm: Any, words: str) -> Any:
    """A call in whose first turn that sound was heard as these words."""
    playout = Playout(ULAW)
    playout.receive(ULAW.to_wire(pcm), response_id="speech_1", item_id="speech_1", at=0)
    said = SimpleNamespace(playout_id="speech_1", turn_index=1, result=SimpleNamespace(transcript=words))
    return SimpleNamespace(playout=playout, now_ms=60_000.0, responses=[said])


def test_a_voice_of_24_khz_that_is_sent_as_8_khz() -> None:
    """Three times as slow and as low: the application's fault, with what was heard and what it may be."""
    failure = find_slow_speech(_call(np.repeat(VOICE, 3), "The gnome, I shall start the home"), 1)
    assert failure is not None
    assert (failure.error_type, decide_fault(failure)) == ("wrong_sample_rate", Fault.ASSISTANT)
    assert "24 kHz sent as 8 kHz sounds so" in failure.message


@pytest.mark.parametrize(
    ("pcm", "words", "turn_index"),
    [
        (VOICE, "Hi there. I ordered a lamp last week and I still haven't seen it.", 1),
        (VOICE, "Mm.", 1),
        (np.repeat(VOICE, 3), "a deep voice, which says all of its words in good time " * 5, 1),
        (np.repeat(VOICE, 3)[:8000], "The gnome", 1),
        (np.repeat(VOICE, 3), "The gnome", 2),
        (np.zeros(80_000, np.int16), "", 1),
    ],
)
def test_what_is_only_high_or_short_or_of_few_words_is_not(pcm: Any, words: str, turn_index: int) -> None:
    """Both signs have to be there, in enough of speech, in that turn."""
    assert find_slow_speech(_call(pcm, words), turn_index) is None
