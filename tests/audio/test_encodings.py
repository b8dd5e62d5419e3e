"""Which encoding bytes of sound were made in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.audio.encodings import find_other_encoding, prediction_gain_db
from evalkit.audio.formats import AudioFormat
from evalkit.audio.wav import read_wav
from evalkit.settings.resources import resource_dir

ULAW, ALAW = AudioFormat.G711_ULAW, AudioFormat.G711_ALAW
VOICE = read_wav(resource_dir("data") / "walk" / "audio" / "status-lamp.wav").pcm


def test_speech_can_be_foretold_and_noise_cannot() -> None:
    """The one by 7 dB and more, the other by next to nothing."""
    noise = (np.random.default_rng(7).standard_normal(80_000) * 4000).astype(np.int16)
    spoken, hissed = prediction_gain_db(VOICE), prediction_gain_db(noise)
    assert spoken is not None
    assert hissed is not None
    assert spoken > 7
    assert hissed < 1


def test_too_little_sound_tells_nothing() -> None:
    """Half a second of it is needed."""
    assert prediction_gain_db(VOICE[:3000]) is None
    assert find_other_encoding(b"", ULAW) is None
    assert find_other_encoding(bytes([0xFF]) * 80_000, ULAW) is None


@pytest.mark.parametrize("skipped", [0, 1])
def test_pcm_may_begin_in_the_middle_of_a_sample(skipped: int) -> None:
    """It is 16-bit PCM all the same."""
    meant = find_other_encoding(AudioFormat.PCM16.to_wire(VOICE)[skipped:], ULAW)
    assert meant is not None
    assert meant.startswith("16-bit PCM")


def test_silence_of_pcm_is_not_taken_for_sound() -> None:
    """Zeros are as loud as a line can be, and without a change."""
    wire = AudioFormat.PCM16.to_wire(np.concatenate([VOICE, np.zeros(80_000, np.int16)]))
    assert find_other_encoding(wire, ULAW) == "16-bit PCM"


@given(st.binary(max_size=20_000))
def test_any_bytes_are_read(wire: bytes) -> None:
    """Nothing breaks on what is no sound at all."""
    assert find_other_encoding(wire, ULAW) in {None, "A-law", "16-bit PCM", "16-bit PCM with its bytes swapped"}
