"""A recogniser behind an OpenAI-compatible ``/audio/transcriptions``."""

from __future__ import annotations

import io
from dataclasses import dataclass

import soundfile

from evalkit.audio.g711 import Pcm
from evalkit.errors import EvalkitError
from evalkit.service.endpoint import RemoteEndpoint


@dataclass(frozen=True)
class RemoteTranscription:
    """The recogniser at `endpoint`."""

    endpoint: RemoteEndpoint
    name: str = "openai"
    workers: int = 4

    def warm(self) -> None:
        """Do nothing: a remote engine is paid for, and warm."""

    def recognise(self, pcm: Pcm, rate_hz: int) -> str:
        """Return the words the endpoint recognised."""
        file = io.BytesIO()
        soundfile.write(file, pcm, rate_hz, format="WAV", subtype="PCM_16")
        form = {"model": self.endpoint.model, "response_format": "json", "temperature": "0"}
        answer = self.endpoint.post(
            "/audio/transcriptions", data=form, files={"file": ("audio.wav", file.getvalue(), "audio/wav")}
        )
        try:
            return str(answer.json()["text"]).strip()
        except (ValueError, KeyError, TypeError) as error:
            raise EvalkitError(f"{self.endpoint.base_url}: the answer holds no text: {answer.text[:200]}") from error
