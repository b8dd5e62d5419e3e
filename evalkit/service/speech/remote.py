"""A voice behind an OpenAI-compatible ``/audio/speech``.

It gets the text as written: a hosted voice spells ids itself.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import soundfile

from evalkit.errors import EvalkitError
from evalkit.service.endpoint import RemoteEndpoint
from evalkit.service.speech.seam import SpeechAudio
from evalkit.service.speech.speakers import SPEAKERS


@dataclass(frozen=True)
class RemoteSpeech:
    """The voice at `endpoint`; speakers and speeds are those of the public API."""

    endpoint: RemoteEndpoint
    name: str = "openai"
    speakers: tuple[str, ...] = tuple(SPEAKERS)
    min_speed: float = 0.25
    max_speed: float = 4.0
    workers: int = 4

    def warm(self) -> None:
        """Do nothing: a remote engine is paid for, and warm."""

    def synthesise(self, text: str, speaker: str, speed: float) -> SpeechAudio:
        """Return the audio of `text` at the rate the endpoint sends."""
        body = {"model": self.endpoint.model, "voice": speaker, "input": text, "speed": speed, "response_format": "wav"}
        answer = self.endpoint.post("/audio/speech", json=body)
        try:
            samples, rate_hz = soundfile.read(io.BytesIO(answer.content), dtype="int16", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise EvalkitError(f"{self.endpoint.base_url}: the answer is not a WAV file: {error}") from error
        return SpeechAudio(np.ascontiguousarray(samples[:, 0]), int(rate_hz))
