"""What the embedded provider offers, told without starting it."""

from __future__ import annotations


def offered_models() -> frozenset[str]:
    """Return the name of every model. Raises ImportError where the `local` extra is not installed."""
    from evalkit.service import echo
    from evalkit.service.agent.models import MODELS
    from evalkit.service.caller.models import CALLERS
    from evalkit.service.judge.judge import JUDGES
    from evalkit.service.service_state import SPEECH_MODEL, TRANSCRIPTION_MODEL

    return frozenset({*MODELS, *CALLERS, *JUDGES, echo.NAME, SPEECH_MODEL, TRANSCRIPTION_MODEL})
