"""Transcription: a WAV file goes out, words come back, and the same audio is heard once."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from evalkit.audio.riff import build_wav
from evalkit.audio.wav import write_pcm16
from evalkit.errors import CaseFailure
from evalkit.providers.cache import ContentCache
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint
from evalkit.providers.transcription import Transcriber
from evalkit.records.faults import Stage

if TYPE_CHECKING:
    from conftest import FakeEndpoint


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    instance = Clients({}, timeout_s=5)
    yield instance
    await instance.aclose()


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    write_pcm16(path, np.arange(500, dtype=np.int16), 24_000)
    return path


@pytest.fixture
def copy(wav: Path) -> Path:
    return Path(shutil.copy(wav, wav.with_name("b.wav")))


def transcriber(clients: Clients, server: FakeEndpoint, directory: Path, model: str = "ears") -> Transcriber:
    return Transcriber(
        clients, ProviderEndpoint("compatible", server.base_url), model, ContentCache(directory / "cache")
    )


async def test_words_come_back(server: FakeEndpoint, clients: Clients, tmp_path: Path, wav: Path) -> None:
    """The file travels unchanged with the model's name, and the text is returned as it came."""
    server.say_json({"text": " Hello, café. "})
    heard = await transcriber(clients, server, tmp_path).transcribe(wav)
    assert (heard.text, heard.model, heard.cached) == (" Hello, café. ", "ears", False)
    request = server.asked[0]
    assert request.path == "/v1/audio/transcriptions"
    assert np.arange(500, dtype=np.int16).tobytes() in request.body
    assert b"ears" in request.body


async def test_the_same_audio_is_heard_once(
    server: FakeEndpoint, clients: Clients, tmp_path: Path, wav: Path, copy: Path
) -> None:
    """Audio is known by its content, whatever the file is called; another model listens itself."""
    server.say_json({"text": "hi"})
    await transcriber(clients, server, tmp_path).transcribe(wav)
    assert (await transcriber(clients, server, tmp_path).transcribe(copy)).cached
    assert not (await transcriber(clients, server, tmp_path, "other").transcribe(copy)).cached
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"garbage", "application/json"),
        (b"{}", "application/json"),
        (b'{"text": 7}', "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"plain words", "text/plain"),
        (b"", "application/json"),
    ],
)
async def test_garbage_is_no_transcript(
    server: FakeEndpoint, clients: Clients, tmp_path: Path, wav: Path, body: bytes, media_type: str
) -> None:
    """An answer without a text is a failure, never an empty transcript."""
    server.say(200, body, media_type)
    with pytest.raises(CaseFailure) as caught:
        await transcriber(clients, server, tmp_path).transcribe(wav)
    assert (caught.value.stage, caught.value.error_type) == (Stage.GRADING, "invalid_response")


async def test_silence_is_an_empty_text(server: FakeEndpoint, clients: Clients, tmp_path: Path, wav: Path) -> None:
    """An endpoint that heard nothing and says so is believed, also from the cache."""
    server.say_json({"text": ""})
    assert (await transcriber(clients, server, tmp_path).transcribe(wav)).text == ""
    assert (await transcriber(clients, server, tmp_path).transcribe(wav)).cached


async def test_a_missing_file_is_a_failure(server: FakeEndpoint, clients: Clients, tmp_path: Path) -> None:
    """A WAV that is gone fails the grading of its case only."""
    with pytest.raises(CaseFailure, match=r"gone\.wav"):
        await transcriber(clients, server, tmp_path).transcribe(tmp_path / "gone.wav")


@pytest.mark.parametrize(("tag", "bits", "rate_hz"), [(1, 16, 24_000), (7, 8, 8_000)])
async def test_how_long_the_audio_plays(
    server: FakeEndpoint, clients: Clients, tmp_path: Path, tag: int, bits: int, rate_hz: int
) -> None:
    """What is billed by the minute: half a second of PCM16 and of mu-law; a file that is no WAV does not say."""
    server.say_json({"text": "hi"})
    path = tmp_path / "half.wav"
    sound = bytes(rate_hz // 2 * bits // 8)
    path.write_bytes(build_wav(sound, codec_tag=tag, channels=1, sample_rate_hz=rate_hz, sample_bytes=bits // 8))
    assert (await transcriber(clients, server, tmp_path).transcribe(path)).duration_ms == 500
    path.write_bytes(b"no sound")
    assert (await transcriber(clients, server, tmp_path).transcribe(path)).duration_ms is None


def _files_with(folder: Path, text: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


async def test_a_key_in_a_transcript_is_taken_out(server: FakeEndpoint, tmp_path: Path, wav: Path) -> None:
    """A server that quotes the key as what it heard does not bring it into the cache or a grade."""
    key = "sk-canary-0123456789abcdef"
    clients = Clients({"TEST_KEY": key}, timeout_s=5)
    endpoint = ProviderEndpoint("compatible", server.base_url, "TEST_KEY")
    server.say_json({"text": f"it is {key}"})
    heard = await Transcriber(clients, endpoint, "ears", ContentCache(tmp_path / "cache")).transcribe(wav)
    assert heard.text == "it is [TEST_KEY]"
    assert not _files_with(tmp_path, key)
    await clients.aclose()
