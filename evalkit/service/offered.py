"""What the embedded provider offers, told without starting it."""

from __future__ import annotations


def offered_models() -> frozenset[str]:
    """Return the name of every model. Raises ImportError where the `local` extra is not installed."""
    from evalkit.service import echo
    from evalkit.service.brain.rules.brain import RULE_MODELS
    from evalkit.service.service_state import SPEECH_MODELS, TRANSCRIPTION_MODELS

    return frozenset({*RULE_MODELS, echo.NAME, *SPEECH_MODELS, *TRANSCRIPTION_MODELS})


def offered_voices() -> tuple[str, ...]:
    """Return the voices that every speech engine answers to."""
    from evalkit.service.speech.speakers import SPEAKERS

    return tuple(SPEAKERS)


def can_speak(text: str) -> bool:
    """Whether the bundled speech engines have a sound for `text`."""
    from evalkit.service.spoken_text import is_speakable

    return is_speakable(text)
