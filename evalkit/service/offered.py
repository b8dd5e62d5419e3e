"""What the embedded provider offers, told without starting it."""

from __future__ import annotations


def offered_models() -> frozenset[str]:
    """Return the name of every model. Raises ImportError where the `local` extra is not installed."""
    from evalkit.service import echo
    from evalkit.service.brain.rules.agent.models import MODELS
    from evalkit.service.brain.rules.caller.models import CALLERS
    from evalkit.service.brain.rules.judge.judge import JUDGES
    from evalkit.service.service_state import SPEECH_MODELS, TRANSCRIPTION_MODELS

    return frozenset({*MODELS, *CALLERS, *JUDGES, echo.NAME, *SPEECH_MODELS, *TRANSCRIPTION_MODELS})
