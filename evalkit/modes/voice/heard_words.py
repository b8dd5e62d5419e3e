"""What the assistant's own recogniser took the caller's words for, where the server tells it.

Whether an agent misunderstood or was misheard shows only beside these words. They are asked for by
``session.audio.input.transcription``; the embedded provider and Gemini Live tell them of themselves, others for the
price of a transcription. A server that takes the turns cuts speech into items of its own; what it heard in a turn is
all of them (Gemini Live tells that too, and is not asked by a name). An application behind a telephone line hears by
itself and tells nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkit.modes.voice.settings import VoiceSettings
    from evalkit.realtime.events import SessionSpec
    from evalkit.realtime.session import RealtimeSession

_LATEST_S = 5.0


def recogniser_of(settings: VoiceSettings) -> str | None:
    """Return the model that is to tell what was heard; None: nobody is asked."""
    assistant = settings.assistant
    if settings.calls_application:
        return None
    if settings.calls_gemini:
        return None if settings.turn_detection.is_duplex else assistant.model
    embedded = assistant.provider.models.transcription if assistant.provider.name == "local" else None
    return assistant.transcription_model or embedded


async def what_was_heard(session: RealtimeSession, spec: SessionSpec) -> str | None:
    """Return what was made of the last utterance, waiting a little where the answer came first; None: nothing told."""
    return None if spec.transcription_model is None else await session.heard(timeout_s=_LATEST_S)
