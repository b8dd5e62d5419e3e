"""How the embedded provider counts tokens. Plausible and exact to repeat, not any vendor's tokenizer.

=================================== =====================================================
what                                tokens
=================================== =====================================================
text                                one per four UTF-8 bytes, rounded up, per piece of text
audio of a user                     one per started 100 ms
audio of an assistant               one per started 50 ms
a tool call                         its name and its arguments, as text
a tool                              its JSON, as text
=================================== =====================================================

The input of a response is everything the model was shown: instructions, tools and all items before it, each at what it
cost when it was made. Nothing counts as cached.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

BYTES_PER_TOKEN = 4
USER_MS_PER_TOKEN = 100
ASSISTANT_MS_PER_TOKEN = 50


@dataclass(frozen=True)
class Tokens:
    """Tokens of text and of audio; they add up."""

    text: int = 0
    audio: int = 0

    @property
    def total(self) -> int:
        """Both together."""
        return self.text + self.audio

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.text + other.text, self.audio + other.audio)


def text_tokens(text: str) -> Tokens:
    """Return what `text` costs."""
    return Tokens(text=-(-len(text.encode()) // BYTES_PER_TOKEN))


def user_audio_tokens(duration_ms: float) -> Tokens:
    """Return what `duration_ms` of a user's audio costs."""
    return Tokens(audio=_started(duration_ms, USER_MS_PER_TOKEN))


def assistant_audio_tokens(duration_ms: float) -> Tokens:
    """Return what `duration_ms` of an assistant's audio costs."""
    return Tokens(audio=_started(duration_ms, ASSISTANT_MS_PER_TOKEN))


def summed(parts: Iterable[Tokens]) -> Tokens:
    """Return the sum of `parts`."""
    return sum(parts, Tokens())


def realtime_usage(input_tokens: Tokens, output_tokens: Tokens) -> dict[str, Any]:
    """Return the `usage` of a realtime response."""
    return {
        "total_tokens": input_tokens.total + output_tokens.total,
        "input_tokens": input_tokens.total,
        "output_tokens": output_tokens.total,
        "input_token_details": {
            "text_tokens": input_tokens.text,
            "audio_tokens": input_tokens.audio,
            "image_tokens": 0,
            "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": output_tokens.text, "audio_tokens": output_tokens.audio},
    }


def reported_usage(
    input_tokens: int | None, cached_tokens: int | None, output_tokens: int | None
) -> dict[str, Any] | None:
    """Return the `usage` of a realtime response as the model's own endpoint counted it, all of it text.

    None where it did not count both what went in and what came out. Audio was made here, and costs no tokens there.
    """
    if input_tokens is None or output_tokens is None:
        return None
    usage = realtime_usage(Tokens(text=input_tokens), Tokens(text=output_tokens))
    cached = cached_tokens or 0
    usage["input_token_details"] |= {
        "cached_tokens": cached,
        "cached_tokens_details": {"text_tokens": cached, "audio_tokens": 0, "image_tokens": 0},
    }
    return usage


def transcription_usage(model: str, duration_ms: float, text: str) -> dict[str, Any]:
    """Return the `usage` of a transcription: by duration for ``whisper-1``, by tokens for any other model."""
    if model == "whisper-1":
        return {"type": "duration", "seconds": round(duration_ms / 1000, 3)}
    heard, written = user_audio_tokens(duration_ms), text_tokens(text)
    return {
        "type": "tokens",
        "total_tokens": heard.total + written.total,
        "input_tokens": heard.total,
        "output_tokens": written.total,
        "input_token_details": {"text_tokens": 0, "audio_tokens": heard.audio},
    }


def _started(duration_ms: float, unit_ms: int) -> int:
    return -int(-round(duration_ms, 6) // unit_ms)
