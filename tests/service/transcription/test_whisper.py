"""The bundled recogniser."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from evalkit.audio.formats import AudioFormat
from evalkit.audio.resample import resample
from evalkit.errors import UserError
from evalkit.service.speech.hibari import HibariSpeech
from evalkit.service.speech.seam import SpeechAudio
from evalkit.service.transcription.whisper import WhisperTranscription, check_weights

SENTENCES = [
    "I would like to change the delivery address of my order.",
    "Can you tell me when the store in Boston opens tomorrow?",
    "Please cancel the appointment with Doctor Miller on Friday.",
    "My headphones arrived broken and I want my money back.",
]


@pytest.fixture(scope="module")
def recogniser() -> WhisperTranscription:
    recogniser = WhisperTranscription()
    recogniser.warm()
    return recogniser


@pytest.fixture(scope="module")
def said() -> list[SpeechAudio]:
    voice = HibariSpeech()
    return [voice.synthesise(text, "marin", 1.0) for text in SENTENCES]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def wrong_words(expected: str, heard: str) -> int:
    """Return the word-level edit distance."""
    row = list(range(len(words(heard)) + 1))
    for count, word in enumerate(words(expected), 1):
        diagonal, row[0] = row[0], count
        for index, other in enumerate(words(heard), 1):
            diagonal, row[index] = row[index], min(row[index] + 1, row[index - 1] + 1, diagonal + (word != other))
    return row[-1]


@pytest.mark.parametrize("is_phone", [False, True])
def test_word_errors(recogniser, said, is_phone):
    """Clear speech is recognised with at most 5 percent of words wrong, also over a G.711 line."""
    wrong = 0
    for text, audio in zip(SENTENCES, said, strict=True):
        pcm, rate_hz = audio.pcm, audio.rate_hz
        if is_phone:
            ulaw = AudioFormat.G711_ULAW
            pcm, rate_hz = ulaw.from_wire(ulaw.to_wire(resample(pcm, rate_hz, 8000))), 8000
        wrong += wrong_words(text, recogniser.recognise(pcm, rate_hz))
    assert wrong <= 0.05 * sum(len(words(text)) for text in SENTENCES)


def test_same_text_under_load(recogniser, said):
    """The same audio gives the same text, one at a time or several at once."""
    alone = [recogniser.recognise(audio.pcm, audio.rate_hz) for audio in said]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda audio: recogniser.recognise(audio.pcm, audio.rate_hz), said * 2))
    assert together == alone * 2


def noise(kind: str, seconds: float) -> NDArray[np.int16]:
    rng, t = np.random.default_rng(0), np.arange(int(seconds * 24000)) / 24000
    white = rng.standard_normal(t.size)
    waves = {
        "silence": np.zeros(t.size),
        "white": 0.1 * white,
        "loud white": 0.4 * white,
        "brown": np.cumsum(white) / 300,
        "hum": 0.3 * np.sin(2 * np.pi * 50 * t) + 0.1 * np.sin(2 * np.pi * 150 * t),
        "tone": 0.3 * np.sin(2 * np.pi * 440 * t),
        "clicks": np.where(np.arange(t.size) % 4000 < 20, 0.8, 0.0),
        "ringing": 0.3 * np.sin(2 * np.pi * 425 * t) * (np.sin(2 * np.pi * 0.5 * t) > 0),
    }
    return (np.clip(waves[kind], -1, 1) * 32767).astype(np.int16)


@pytest.mark.parametrize("kind", ["silence", "white", "loud white", "brown", "hum", "tone", "clicks", "ringing"])
@pytest.mark.parametrize("seconds", [0.2, 4.0])
def test_noise_has_no_words(recogniser, kind, seconds):
    """Noise alone is no speech: recognisers like to hear "Thank you." in it."""
    assert recogniser.recognise(noise(kind, seconds), 24000) == ""


def test_other_weights_are_refused(tmp_path):
    """Weights that are not the ones tested are not loaded, and the message says what to do."""
    path = tmp_path / "model.bin"
    path.write_bytes(b"evil")
    with pytest.raises(UserError, match=r"sha256 is .* not the weights .* reinstall"):
        check_weights(path)
