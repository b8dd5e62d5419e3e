"""Can a text be said aloud? Checked for everything that a voice is to speak, before anything is called."""

from __future__ import annotations

from evalkit.datasets.files import clip


def find_speech_problem(text: str) -> str | None:
    """Return why no voice could say `text`, or None. A letter or a digit of any script is enough."""
    if any(char.isalnum() for char in text):
        return None
    return f"is {clip(text)}, which no voice can say; expected words, or leave the case out"
