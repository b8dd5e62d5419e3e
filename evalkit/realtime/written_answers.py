"""Whether a server answers in text, as a session in writing asks it to (``output_modalities: ["text"]``). No I/O.

A server without that modality may say so by an error; one that says nothing and speaks gives itself away by its
``session.updated``, at the protocol's key or at the one of before general availability, or by the sound of an answer.
"""

from __future__ import annotations

from evalkit.realtime.events import ServerEvent

OUTPUT_MODALITY_REFUSED = "output_modality_refused"
"""The kind of failure that a server which speaks where it is to write is refused with."""

_SPOKEN = frozenset({"response.output_audio.delta", "response.audio.delta"})
_REMEDY = (
    "expected output_modalities ['text'], as session.update asked; this server, or its model, has no text modality: "
    "take input=voice"
)


def find_spoken(event: ServerEvent) -> str | None:
    """Return, in a sentence for the user, how `event` shows that the server does not write; None: it does not show."""
    if event.type in _SPOKEN:
        return f"the server answers in sound: it sent {event.type}; {_REMEDY}"
    if event.type != "session.updated":
        return None
    session = event.payload.get("session")
    keys = ("output_modalities", "modalities")
    told = next((session[key] for key in keys if session.get(key)), None) if isinstance(session, dict) else None
    if not isinstance(told, list) or "text" in told:
        return None
    return f"the server answers in {', '.join(map(str, told))}: so says its session.updated; {_REMEDY}"
