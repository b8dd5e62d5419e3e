"""What the service wants of a transcription engine."""

from __future__ import annotations

from typing import Protocol

from evalkit.audio.g711 import Pcm


class TranscriptionEngine(Protocol):
    """A speech recogniser."""

    @property
    def name(self) -> str:
        """The engine's name."""
        ...

    @property
    def workers(self) -> int:
        """How many threads may recognise at once without changing a word of the result."""
        ...

    def warm(self) -> None:
        """Load what is needed; raises :class:`evalkit.errors.UserError` when something is missing."""
        ...

    def recognise(self, pcm: Pcm, rate_hz: int) -> str:
        """Return the words in `pcm`; the same audio gives the same text, and noise gives none."""
        ...
