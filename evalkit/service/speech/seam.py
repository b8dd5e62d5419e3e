"""What the service wants of a speech engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from evalkit.audio.g711 import Pcm
from evalkit.errors import EvalkitError

_MOST_SHOWN = 60


@dataclass(frozen=True)
class SpeechAudio:
    """Synthesised audio at the engine's own rate."""

    pcm: Pcm
    rate_hz: int


class UnspeakableText(EvalkitError):
    """A text that the engine has no sound for."""

    def __init__(self, text: str) -> None:
        shown = text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"
        super().__init__(f"{shown!r} cannot be spoken: it holds no letter of the Latin alphabet and no digit")


class SpeechEngine(Protocol):
    """A speech synthesiser."""

    @property
    def name(self) -> str:
        """The engine's name."""
        ...

    @property
    def speakers(self) -> tuple[str, ...]:
        """The names it answers to."""
        ...

    @property
    def min_speed(self) -> float:
        """The slowest speed that every speaker can do; 1 is the speaker's own."""
        ...

    @property
    def max_speed(self) -> float:
        """The fastest speed that every speaker can do."""
        ...

    @property
    def workers(self) -> int:
        """How many threads may synthesise at once without changing a byte of the result."""
        ...

    def warm(self) -> None:
        """Load what is needed; raises :class:`evalkit.errors.UserError` when something is missing."""
        ...

    def synthesise(self, text: str, speaker: str, speed: float) -> SpeechAudio:
        """Return the audio of `text`; the same arguments give the same bytes.

        Raises :class:`UnspeakableText` for one that has no sound.
        """
        ...
