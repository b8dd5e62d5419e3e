"""Speech to text through ``/audio/transcriptions``; the same audio is heard once per model."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from evalkit.audio.riff import RiffError, parse_wav
from evalkit.errors import CaseFailure
from evalkit.providers.cache import ContentCache
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint, request_url
from evalkit.providers.prices import Prices
from evalkit.providers.text_model import as_mapping
from evalkit.records.faults import Stage
from evalkit.records.json import Json

_CACHE_VERSION = 1


@dataclass(frozen=True)
class Transcription:
    """What a model heard.

    Attributes:
        text: The words.
        model: The model that was asked.
        cached: It was known already, so it cost nothing this time.
        duration_ms: How long the audio plays: what providers bill; None where the file does not say.

    """

    text: str
    model: str
    cached: bool
    duration_ms: float | None = None


class Transcriber:
    """Hears WAV files with one model of one endpoint.

    Args:
        clients: The clients of this event loop.
        endpoint: The service that is asked.
        model: The transcription model.
        cache: Where answers are kept.
        stage: The stage of a failed request.

    """

    def __init__(
        self,
        clients: Clients,
        endpoint: ProviderEndpoint,
        model: str,
        cache: ContentCache,
        *,
        stage: str = Stage.GRADING,
    ) -> None:
        self._clients = clients
        self._endpoint = endpoint
        self._model = model
        self._cache = cache
        self._stage = stage

    async def transcribe(self, path: Path) -> Transcription:
        """Return the words in the WAV file `path`. Raises CaseFailure; nothing is retried here."""
        return await self.hear(await asyncio.to_thread(self._read, path))

    async def hear(self, audio: bytes) -> Transcription:
        """Return the words in `audio`, a whole WAV file. Raises CaseFailure; nothing is retried here."""
        asked: dict[str, Json] = {
            "transcription": _CACHE_VERSION,
            "endpoint": self._endpoint.cache_identity,
            "model": self._model,
            "audio_sha256": sha256(audio).hexdigest(),
        }
        payload, cached = await self._cache.get_or_make(asked, lambda: self._request(audio))
        return Transcription(payload.decode(), self._model, cached, _duration_ms(audio))

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise CaseFailure(self._stage, "missing_file", f"{path}: cannot be read ({error.strerror})") from error

    async def _request(self, audio: bytes) -> bytes:
        url = request_url(self._endpoint, "/audio/transcriptions", self._model)
        form = {"model": self._model, "response_format": "json"}
        files = {"file": ("audio.wav", audio, "audio/wav")}
        async with self._clients.ask(self._stage, self._endpoint, url, data=form, files=files) as answer:
            text = as_mapping(json.loads(await answer.aread())).get("text")
        if not isinstance(text, str):
            message = f"{self._endpoint.name} answered a transcription without a text"
            raise CaseFailure(self._stage, "invalid_response", message)
        return self._clients.redacted(self._endpoint, text).encode()


def listening_cost_usd(heard: Transcription, prices: Prices) -> float | None:
    """Return what one transcription cost; None where a price or the length is not known."""
    if heard.cached:
        return 0.0
    if heard.duration_ms is None:
        return None
    return prices.audio_cost_usd(heard.model, heard.duration_ms)


def _duration_ms(audio: bytes) -> float | None:
    try:
        chunks = parse_wav(audio)
    except RiffError:
        return None
    return len(chunks.payload) / chunks.block_bytes / chunks.sample_rate_hz * 1000 if chunks.block_bytes else None
