"""Who is asked what was heard, and what becomes of the answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from evalkit.modes.voice.heard_words import recogniser_of, what_was_heard
from evalkit.realtime.events import SessionSpec


def settings(provider: str, model: str | None, **called: bool) -> Any:
    """Return the part of a run's settings that counts, of a run in full duplex."""
    place = SimpleNamespace(name=provider, models=SimpleNamespace(transcription="its-own"))
    assistant = SimpleNamespace(provider=place, transcription_model=model, model="the-model")
    turns = SimpleNamespace(is_duplex=called.pop("is_duplex", True))
    kinds = {"calls_application": False, "calls_gemini": False, **called}
    return SimpleNamespace(assistant=assistant, turn_detection=turns, **kinds)


@pytest.mark.parametrize(
    ("provider", "model", "asked"),
    [("local", None, "its-own"), ("local", "named", "named"), ("openai", None, None), ("openai", "named", "named")],
)
def test_who_is_asked(provider: str, model: str | None, asked: str | None) -> None:
    """The embedded recogniser of itself, another for its price only where it is named; no application is asked."""
    assert recogniser_of(settings(provider, model)) == asked
    assert recogniser_of(settings(provider, model, calls_application=True)) is None
    assert recogniser_of(settings(provider, model, calls_gemini=True)) is None
    assert recogniser_of(settings(provider, model, calls_gemini=True, is_duplex=False)) == "the-model"


class _Session:
    """A session whose server heard something."""

    async def heard(self, *, timeout_s: float) -> str | None:
        """Return it."""
        return "Mario" if timeout_s else None


@pytest.mark.parametrize(("model", "heard"), [("named", "Mario"), (None, None)])
async def test_what_was_heard(model: str | None, heard: str | None) -> None:
    """Nobody waits for what was not asked for."""
    session: Any = _Session()
    assert await what_was_heard(session, SessionSpec("", transcription_model=model)) == heard
