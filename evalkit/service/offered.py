"""What the embedded provider offers, told without starting it; tests hold it to what the service really has."""

from __future__ import annotations

# Their modules are a hundred, which `check` would load for their names alone.
_MODELS = frozenset(
    {
        "local-agent",
        "local-no-tool",
        "local-wrong-tool",
        "local-wrong-args",
        "local-extra-call",
        "local-text-mismatch",
        "local-silent",
        "local-deaf",
        "local-slow-yield",
        "local-yields-to-all",
        "local-eager",
        "local-sluggish",
        "local-talks-over",
        "local-answers-side-speech",
        "local-never-resumes",
        "local-caller",
        "local-caller-swaps-roles",
        "local-caller-silent",
        "local-caller-leaks",
        "local-caller-invents",
        "local-caller-repeats",
        "local-judge",
        "local-echo",
        "local-speech",
        "local-voice",
        "local-transcription",
        "local-ears",
        "oracle",
        "noop",
        "half",
        "test-deleter",
        "exit0",
        "forger",
        "equal-all",
        "loop",
        "hog",
        "forker",
        "flood",
        "latin1",
        "wrong-language",
        "prose",
        "stale-diff",
        "lenient-diff",
        "qwen2.5-coder-0.5b-recorded",
    }
)


def offered_models() -> frozenset[str]:
    """Return the name of every model."""
    return _MODELS


def offered_voices() -> tuple[str, ...]:
    """Return the voices that every speech engine answers to."""
    from evalkit.service.speech.speakers import SPEAKERS

    return tuple(SPEAKERS)


def can_speak(text: str) -> bool:
    """Whether the bundled speech engines have a sound for `text`."""
    from evalkit.service.spoken_text import is_speakable

    return is_speakable(text)
