"""Walk's player: a recording's own bytes, or its transcoding where the session hears PCM16."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.audio.formats import AudioFormat
from evalkit.audio.wav import write_wav
from evalkit.errors import CaseFailure
from evalkit.modes.voice.walk import WalkPlayer
from evalkit.records.case import Case, CaseTrial

G711 = [AudioFormat.G711_ULAW, AudioFormat.G711_ALAW]


def _trial(path: Path) -> CaseTrial:
    return CaseTrial(Case("a", "walk", {"user_text": "", "audio_path": str(path)}), 1, 0)


@given(codes=st.binary(min_size=1, max_size=2000), audio_format=st.sampled_from(G711))
async def test_the_payload_is_played_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, codes: bytes, audio_format: AudioFormat
) -> None:
    """Whatever codes the file holds."""
    path = tmp_path_factory.mktemp("walk") / "a.wav"
    write_wav(path, codes, audio_format)
    assert (await WalkPlayer(audio_format).speak(_trial(path))).wire == codes


@pytest.mark.parametrize("codec", G711)
async def test_g711_becomes_pcm16_where_the_session_hears_it(tmp_path: Path, codec: AudioFormat) -> None:
    """Decoded and resampled to 24 kHz, as long as before."""
    write_wav(tmp_path / "a.wav", bytes([codec.silence_byte]) * 8000, codec)
    said = await WalkPlayer(AudioFormat.PCM16).speak(_trial(tmp_path / "a.wav"))
    assert AudioFormat.PCM16.duration_ms(len(said.wire)) == pytest.approx(1000, abs=1)


async def test_a_file_that_has_gone_is_the_datas_fault(tmp_path: Path) -> None:
    """It was there when the run was checked."""
    with pytest.raises(CaseFailure) as caught:
        await WalkPlayer(AudioFormat.G711_ULAW).speak(_trial(tmp_path / "gone.wav"))
    assert (caught.value.stage, caught.value.error_type) == ("prepare", "recording_unreadable")
