"""The network that tells whether somebody speaks."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.audio.resample import resample
from evalkit.errors import UserError
from evalkit.service.speech.hibari import HibariSpeech
from evalkit.service.turns.silero import FRAME_MS, SileroNetwork, VoiceStream, checked_weights


@pytest.fixture(scope="module")
def network() -> SileroNetwork:
    return SileroNetwork()


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """Half a second of silence, a sentence, half a second of silence: 24 kHz, whole frames."""
    audio = HibariSpeech().synthesise("Where is my order?", "marin", 1.0)
    quiet = np.zeros(12_000, dtype=np.int16)
    pcm = np.concatenate([quiet, resample(audio.pcm, audio.rate_hz, 24_000), quiet])
    return pcm[: pcm.size // 768 * 768]


def judged(network: SileroNetwork, pcm: np.ndarray, rate_hz: int = 24_000) -> np.ndarray:
    return network.judge([(VoiceStream(rate_hz), pcm)])[0]


def test_speech_and_silence(network, speech):
    """There is a voice in the sentence and none around it."""
    found = judged(network, speech)
    assert found.size == speech.size // 768
    voice = np.flatnonzero(found >= 0.5)
    assert voice[0] * FRAME_MS >= 500
    assert (found.size - voice[-1] - 1) * FRAME_MS >= 450
    assert np.mean(found[voice[0] : voice[-1]] >= 0.5) > 0.9
    assert voice.size * FRAME_MS > 600


@pytest.mark.parametrize("level_db", [-40, -6])
def test_noise_is_no_voice(network, level_db):
    """White noise, soft or loud, is nobody."""
    noise = np.random.default_rng(1).standard_normal(768 * 60) * 32767 / 4 * 10 ** (level_db / 20)
    assert max(judged(network, noise.astype(np.int16))) < 0.5


@pytest.mark.parametrize("audio_format", [AudioFormat.G711_ULAW, AudioFormat.G711_ALAW])
def test_a_telephone_voice(network, speech, audio_format):
    """A voice in G.711 is found where it is found in PCM."""
    narrow = audio_format.from_wire(audio_format.to_wire(resample(speech, 24_000, 8000)))
    found, wide = judged(network, narrow, 8000) >= 0.5, judged(network, speech) >= 0.5
    assert np.mean(found == wide) > 0.9


def test_cutting_changes_nothing(network, speech):
    """Audio judged in pieces is judged to the bit as in one."""
    stream, found, rng = VoiceStream(24_000), [], np.random.default_rng(2)
    at = 0
    while at < speech.size:
        size = 768 * int(rng.integers(1, 7))
        found.append(network.judge([(stream, speech[at : at + size])])[0])
        at += size
    assert np.concatenate(found).tobytes() == judged(network, speech).tobytes()


@pytest.mark.parametrize("company", [1, 2, 5, 16])
def test_company_changes_nothing(network, speech, company):
    """A stream is judged to the bit as it is alone, whoever is judged with it, and wherever it stands among them."""
    rng = np.random.default_rng(company)
    others = [(rng.standard_normal(speech.size) * 3000).astype(np.int16) for _ in range(company)]
    streams = [VoiceStream(24_000) for _ in range(company + 1)]
    place = company // 2
    asked = list(zip(streams, [*others[:place], speech, *others[place:]], strict=True))
    assert network.judge(asked)[place].tobytes() == judged(network, speech).tobytes()


def test_streams_of_different_lengths(network, speech):
    """Whoever has more to be judged is judged to the end, and one that has nothing gets nothing."""
    asked = [(VoiceStream(24_000), speech[: 768 * frames]) for frames in (3, 0, 9)]
    found = network.judge(asked)
    assert [one.size for one in found] == [3, 0, 9]
    assert found[0].tobytes() == found[2][:3].tobytes()
    assert network.judge([]) == []


def test_other_rates_are_refused():
    """A rate that is no multiple of 8 kHz cannot be judged."""
    with pytest.raises(ValueError, match="22050 Hz"):
        VoiceStream(22_050)


def test_other_weights_are_refused():
    """A file that is not the one this was tested with is not loaded."""
    with pytest.raises(UserError, match=r"not the network of silero-vad 6\.2\.3"):
        checked_weights(b"something else")
