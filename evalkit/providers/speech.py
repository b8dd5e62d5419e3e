"""The speech role: text in, 24 kHz PCM16 out, through ``/audio/speech``; nothing is synthesised twice.

Asked for raw ``pcm``, which the protocol defines as 24 kHz, 16 bit, mono. A server that answers with a WAV file all the
same is understood; one that answers with something else is told apart from speech, not played as noise.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evalkit.audio.formats import AudioFormat
from evalkit.audio.g711 import Pcm
from evalkit.audio.resample import resample
from evalkit.audio.riff import PCM, RiffError, parse_wav
from evalkit.errors import CaseFailure
from evalkit.providers.cache import ContentCache
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint, request_url
from evalkit.records.faults import Stage
from evalkit.records.json import Json

SPEECH_RATE_HZ = AudioFormat.PCM16.sample_rate_hz

_CACHE_VERSION = 1
_OTHER_FILES = (b"ID3", b"OggS", b"fLaC")
_OTHER_MEDIA = re.compile(r"^text/|json|html|xml|mpeg|mp3|ogg|opus|aac|flac")


@dataclass(frozen=True)
class VoiceChoice:
    """How a text is to be spoken. `speed` 1.0 is the voice's own; `instructions` are for models that follow some."""

    model: str
    voice: str
    speed: float = 1.0
    instructions: str | None = None


@dataclass(frozen=True, eq=False)
class Speech:
    """A spoken text.

    Attributes:
        pcm: Mono int16 samples.
        sample_rate_hz: Always 24000.
        cached: It was there already, so it cost nothing this time.
        characters: Length of the text: what many providers bill.

    """

    pcm: Pcm
    sample_rate_hz: int
    cached: bool
    characters: int

    @property
    def duration_ms(self) -> float:
        """How long it plays, in milliseconds."""
        return self.pcm.size / self.sample_rate_hz * 1000.0


class SpeechSynthesiser:
    """Speaks texts with one voice of one endpoint."""

    def __init__(self, clients: Clients, endpoint: ProviderEndpoint, choice: VoiceChoice, cache: ContentCache) -> None:
        self._clients = clients
        self._endpoint = endpoint
        self._choice = choice
        self._cache = cache

    async def synthesise(self, text: str) -> Speech:
        """Return `text` spoken. Raises CaseFailure (stage ``speech``); nothing is retried here."""
        choice = self._choice
        asked: dict[str, Json] = {
            "speech": _CACHE_VERSION,
            "endpoint": self._endpoint.cache_identity,
            "model": choice.model,
            "voice": choice.voice,
            "speed": choice.speed,
            "instructions": choice.instructions,
            "text": text,
        }
        payload, cached = await self._cache.get_or_make(asked, lambda: self._request(text))
        return Speech(AudioFormat.PCM16.from_wire(payload), SPEECH_RATE_HZ, cached, len(text))

    async def _request(self, text: str) -> bytes:
        choice, endpoint = self._choice, self._endpoint
        body: dict[str, Json] = {"input": text, "model": choice.model, "voice": choice.voice, "response_format": "pcm"}
        if choice.speed != 1.0:
            body["speed"] = choice.speed
        if choice.instructions is not None:
            body["instructions"] = choice.instructions
        url, sound = request_url(endpoint, "/audio/speech", choice.model), {"Accept": "application/octet-stream"}
        async with self._clients.ask(Stage.SPEECH, endpoint, url, json=body, headers=sound) as answer:
            spoken = await answer.aread()
        return AudioFormat.PCM16.to_wire(await asyncio.to_thread(decode_speech, spoken, answer.headers))


def decode_speech(body: bytes, headers: Mapping[str, str]) -> Pcm:
    """Return the samples of an answer of ``/audio/speech`` at 24 kHz. Raises CaseFailure for anything but speech."""
    if body[:4] in (b"RIFF", b"RF64"):
        return _decode_wav(body)
    media_type = headers.get("content-type", "")
    if _OTHER_MEDIA.search(media_type) or body.startswith(_OTHER_FILES):
        raise _undecodable(
            f"was asked for raw PCM16 and answered with {media_type or 'an unnamed type'}, which begins {body[:12]!r}"
        )
    if not body:
        raise _undecodable("answered with no audio at all")
    if len(body) % 2:
        raise _undecodable(f"answered with {len(body)} bytes, which is not a whole number of 16-bit samples")
    return AudioFormat.PCM16.from_wire(body)


def _decode_wav(body: bytes) -> Pcm:
    try:
        chunks = parse_wav(body)
    except RiffError as error:
        raise _undecodable(f"answered with a WAV file that cannot be read: {error}") from None
    if chunks.codec_tag != PCM or chunks.bits != 16 or chunks.channels != 1 or not chunks.payload:
        raise _undecodable(
            f"answered with a WAV file of {chunks.codec_name}, {chunks.bits} bits, {chunks.channels} channel(s), "
            f"{len(chunks.payload)} bytes; expected some mono PCM16"
        )
    pcm = AudioFormat.PCM16.from_wire(chunks.payload)
    return np.asarray(resample(pcm, chunks.sample_rate_hz, SPEECH_RATE_HZ), dtype=np.int16)


def _undecodable(problem: str) -> CaseFailure:
    return CaseFailure(Stage.SPEECH, "audio_decode", f"the speech endpoint {problem}")
