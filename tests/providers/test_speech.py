"""The speech role: what is asked, what is understood, and that nothing is paid for twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.audio.wav import write_pcm16
from evalkit.errors import CaseFailure
from evalkit.providers.cache import ContentCache
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint
from evalkit.providers.speech import Speech, SpeechSynthesiser, VoiceChoice, decode_speech

if TYPE_CHECKING:
    from conftest import FakeEndpoint

CANARY = "sk-canary-0123456789abcdef"
CHOICE = VoiceChoice("tts", "marin")
TONE = (np.sin(np.arange(2400) / 10) * 8000).astype(np.int16)


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    instance = Clients({"TEST_KEY": CANARY}, timeout_s=5)
    yield instance
    await instance.aclose()


def synthesiser(
    clients: Clients, server: FakeEndpoint, directory: Path, choice: VoiceChoice = CHOICE, **endpoint: Any
) -> SpeechSynthesiser:
    where = ProviderEndpoint(
        **{"name": "compatible", "base_url": server.base_url, "api_key_env": "TEST_KEY", **endpoint}
    )
    return SpeechSynthesiser(clients, where, choice, ContentCache(directory))


def read_all(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


async def test_text_becomes_samples(server: FakeEndpoint, clients: Clients, tmp_path: Path) -> None:
    """The request carries model, voice and text; the answer is 24 kHz int16, byte for byte."""
    server.say_audio(TONE.tobytes())
    speech = await synthesiser(clients, server, tmp_path).synthesise("Where is order 007?")
    assert server.asked[0].path == "/v1/audio/speech"
    assert server.asked[0].json == {
        "input": "Where is order 007?", "model": "tts", "voice": "marin", "response_format": "pcm",
    }  # fmt: skip
    assert np.array_equal(speech.pcm, TONE)
    assert speech.pcm.dtype == np.int16
    assert (speech.sample_rate_hz, speech.cached, speech.characters) == (24_000, False, 19)
    assert speech.duration_ms == 100.0


async def test_speed_and_instructions_are_sent_when_set(server: FakeEndpoint, clients: Clients, tmp_path: Path) -> None:
    """Options are only sent where they say something, since many endpoints know neither."""
    server.say_audio(TONE.tobytes())
    choice = VoiceChoice("tts", "marin", 1.5, "Sound tired.")
    await synthesiser(clients, server, tmp_path, choice).synthesise("hi")
    assert (server.asked[0].json["speed"], server.asked[0].json["instructions"]) == (1.5, "Sound tired.")


async def test_a_second_run_synthesises_nothing(server: FakeEndpoint, clients: Clients, tmp_path: Path) -> None:
    """The same text in the same voice comes from the cache, also at another port of the embedded provider."""
    server.say_audio(TONE.tobytes())
    first = synthesiser(clients, server, tmp_path, identity="local:hibari")
    assert not (await first.synthesise("hi")).cached
    later = synthesiser(clients, server, tmp_path, identity="local:hibari", base_url="http://127.0.0.1:9/v1")
    again = await later.synthesise("hi")
    assert again.cached
    assert np.array_equal(again.pcm, TONE)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"choice": VoiceChoice("tts-2", "marin")},
        {"choice": VoiceChoice("tts", "cedar")},
        {"choice": VoiceChoice("tts", "marin", 1.1)},
        {"choice": VoiceChoice("tts", "marin", 1.0, "whisper")},
        {"identity": "elsewhere"},
    ],
)
async def test_whatever_changes_the_sound_is_synthesised_anew(
    server: FakeEndpoint, clients: Clients, tmp_path: Path, other: dict[str, Any]
) -> None:
    """Model, voice, speed, instructions and endpoint are all part of what is cached."""
    server.say_audio(TONE.tobytes())
    await synthesiser(clients, server, tmp_path).synthesise("hi")
    assert not (await synthesiser(clients, server, tmp_path, **other).synthesise("hi")).cached
    assert len(server.asked) == 2


async def test_two_who_ask_at_once_share_one_request(server: FakeEndpoint, clients: Clients, tmp_path: Path) -> None:
    """Concurrent cases with the same text synthesise once."""
    server.say_audio(TONE.tobytes())
    voice = synthesiser(clients, server, tmp_path)
    spoken = await asyncio.gather(*(voice.synthesise("hi") for _ in range(8)))
    assert len(server.asked) == 1
    assert all(np.array_equal(speech.pcm, TONE) for speech in spoken)


async def test_no_key_in_the_cache(server: FakeEndpoint, clients: Clients, tmp_path: Path) -> None:
    """The cache holds sound, and no key."""
    server.say_audio(TONE.tobytes())
    await synthesiser(clients, server, tmp_path).synthesise("hi")
    stored = read_all(tmp_path)
    assert len(stored) == 1
    for path, content in stored.items():
        assert CANARY.encode() not in content
        assert CANARY not in path


async def test_a_failure_is_of_the_speech_stage(server: FakeEndpoint, clients: Clients, tmp_path: Path) -> None:
    """A rate limit while speaking is reported as such and leaves no entry; afterwards it works."""
    voice = synthesiser(clients, server, tmp_path)
    server.say_json({"error": {"message": "slow down"}}, 429, **{"Retry-After": "3"})
    with pytest.raises(CaseFailure) as caught:
        await voice.synthesise("hi")
    assert (caught.value.stage, caught.value.error_type, caught.value.retry_after_s) == ("speech", "rate_limited", 3.0)
    server.say_audio(TONE.tobytes())
    assert not (await voice.synthesise("hi")).cached


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 48_000])
async def test_a_wav_answer_is_understood(server: FakeEndpoint, clients: Clients, tmp_path: Path, rate_hz: int) -> None:
    """A server that answers with a WAV file is heard at the file's own rate."""
    write_pcm16(tmp_path / "answer.wav", np.resize(TONE, rate_hz // 10), rate_hz)
    server.say_audio((tmp_path / "answer.wav").read_bytes(), "audio/wav")
    speech = await synthesiser(clients, server, tmp_path / "cache").synthesise("hi")
    assert speech.duration_ms == pytest.approx(100.0, abs=0.1)
    assert speech.sample_rate_hz == 24_000


@pytest.mark.parametrize(
    ("body", "media_type", "said"),
    [
        (b"", "audio/pcm", "no audio"),
        (b"\0\0\0", "audio/pcm", "3 bytes"),
        (b'{"ok": true}', "application/json", "application/json"),
        (b"<html>", "text/html; charset=utf-8", "text/html"),
        (b"ID3\x04xxxx", "application/octet-stream", "ID3"),
        (b"\xff\xfbxx", "audio/mpeg", "audio/mpeg"),
        (b"RIFFxxxxWAVE", "audio/wav", "cannot be read"),
    ],
)
def test_what_is_no_speech_is_not_played(body: bytes, media_type: str, said: str) -> None:
    """Anything but PCM16 is a failure that names what came."""
    with pytest.raises(CaseFailure, match=said) as caught:
        decode_speech(body, {"content-type": media_type})
    assert caught.value.error_type == "audio_decode"


def test_samples_that_look_like_text_are_samples() -> None:
    """Raw PCM may begin with any byte, such as that of a brace."""
    assert decode_speech(b"{}<>", {"content-type": "audio/pcm"}).tobytes() == b"{}<>"


def test_a_stereo_or_mulaw_wav_is_refused(tmp_path: Path) -> None:
    """A WAV answer must be mono PCM16; the message says what it was."""
    from evalkit.audio.wav import write_stereo, write_wav

    write_stereo(tmp_path / "s.wav", TONE, TONE, 24_000)
    write_wav(tmp_path / "u.wav", b"\xff" * 80, AudioFormat.G711_ULAW)
    for name, said in (("s.wav", "2 channel"), ("u.wav", "mu-law")):
        with pytest.raises(CaseFailure, match=said):
            decode_speech((tmp_path / name).read_bytes(), {})


def test_speech_knows_its_duration() -> None:
    """Duration follows from samples and rate."""
    assert Speech(np.zeros(12_000, np.int16), 24_000, cached=True, characters=1).duration_ms == 500.0
