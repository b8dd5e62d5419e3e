"""What a session asks its driver to do: the slow things, each answered by a call back into the session."""

from __future__ import annotations

from dataclasses import dataclass, field

from evalkit.audio.g711 import Pcm
from evalkit.service.brain.conversation import Conversation
from evalkit.service.events_out import Event


@dataclass(frozen=True)
class Recognise:
    """Hear a user's audio; answered by ``Session.heard`` or ``Session.not_heard``."""

    ticket: str
    pcm: Pcm
    rate_hz: int


@dataclass(frozen=True)
class Think:
    """Ask the model; answered by ``Session.thought`` or ``Session.failed``."""

    response_id: str
    conversation: Conversation


@dataclass(frozen=True)
class Speak:
    """Give the reply a voice; answered by ``Session.spoken`` or ``Session.failed``."""

    response_id: str
    text: str
    voice: str
    speed: float


Work = Recognise | Think | Speak


@dataclass
class SessionStep:
    """What follows from one input: events to send, in order, and work to start."""

    events: list[Event] = field(default_factory=list)
    work: list[Work] = field(default_factory=list)
