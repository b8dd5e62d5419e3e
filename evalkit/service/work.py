"""What a session asks its driver to do: the slow things, each answered by a call back into the session."""

from __future__ import annotations

from dataclasses import dataclass, field

from evalkit.audio.g711 import Pcm
from evalkit.service.brain.conversation import Conversation
from evalkit.service.events_out import Event
from evalkit.service.turns.silero import VoiceStream


@dataclass(frozen=True)
class Recognise:
    """Hear a user's audio; answered by ``Session.heard`` or ``Session.not_heard``."""

    ticket: str
    pcm: Pcm
    rate_hz: int


@dataclass(frozen=True)
class Think:
    """Ask the model; answered by ``Session.told`` for each sentence, then ``Session.thought``, or ``Session.failed``.

    When the response has ended (:attr:`SessionStep.ended`) nobody wants the rest.
    """

    response_id: str
    conversation: Conversation


@dataclass(frozen=True)
class Speak:
    """Give the reply, or one sentence of it, a voice; answered by ``Session.spoken`` or ``Session.failed``."""

    response_id: str
    text: str
    voice: str
    speed: float
    sentence: int | None = None


@dataclass(frozen=True)
class FindVoice:
    """Find out whether somebody speaks in the next frames of a stream; answered by ``Session.judged``."""

    ticket: str
    stream: VoiceStream
    pcm: Pcm


@dataclass(frozen=True)
class LetTimePass:
    """Let time pass; answered by ``Session.waited``."""

    ticket: str
    duration_s: float


Work = Recognise | Think | Speak | FindVoice | LetTimePass


@dataclass
class SessionStep:
    """What follows from one input.

    Attributes:
        events: To send, in order.
        work: To start.
        ended: The ids of responses that have ended: what is done for them is of no use any more.

    """

    events: list[Event] = field(default_factory=list)
    work: list[Work] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
