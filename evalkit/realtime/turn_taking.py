"""Whether a server leaves turns to us, as every session asks it to (``turn_detection: null``). No I/O.

We say when an utterance ends (``input_audio_buffer.commit``) and when to answer (``response.create``). A server that
keeps a turn detection of its own does both by itself, and then nobody can tell which response answers what. It gives
itself away by one of these:

- its ``session.updated`` still names a detection, at the protocol's path or at the one of before general availability;
- it reports what only a detection finds: ``input_audio_buffer.speech_started``, ``…speech_stopped``,
  ``…timeout_triggered``;
- it commits an utterance that we did not, begins a response that we did not ask for, or says that one is under way.
"""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.realtime.events import ServerEvent, server_error

TURN_DETECTION_KEPT = "turn_detection_kept"
"""The kind of failure that a server which keeps its own turn detection is refused with."""

TURN_DETECTION_REFUSED = "turn_detection_refused"
"""The kind of failure that a server which does not take the turns it was asked to take is refused with."""

_DETECTED = frozenset(
    {
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.timeout_triggered",
    }
)
_REMEDY = (
    "expected turn_detection null, as session.update asked, so that it answers when it is asked to and not before; "
    "switch the server's own voice activity detection off, use a server that leaves turns to the client, or talk "
    "to it in full duplex: turn_detection=server_vad; where a proxy answers by itself what it has had transcribed, "
    "leave assistant.transcription_model out"
)


class TurnTaking:
    """Holds what one server does against what it was asked for. One object per connection; feed it every event.

    `in_writing`: no sound is sent, so that a turn detection which the server keeps has nothing to detect.
    """

    def __init__(self, *, in_writing: bool = False) -> None:
        self._in_writing = in_writing
        self._commits = self._requests = 0
        self._committed: set[str] = set()
        self._responses: set[str] = set()

    def note_commit(self) -> None:
        """Take it that we ended an utterance."""
        self._commits += 1

    def note_request(self) -> None:
        """Take it that we asked for a response."""
        self._requests += 1

    def find_breach(self, event: ServerEvent) -> str | None:
        """Return, in a sentence for the user, how `event` shows that the server takes turns by itself; None: not."""
        found = self._find(event)
        return None if found is None else f"the server keeps its own turn detection: {found}; {_REMEDY}"

    def _find(self, event: ServerEvent) -> str | None:
        kind = event.type
        if kind == "session.updated":
            kept = None if self._in_writing else detection_of(event.payload.get("session"))
            return None if kept is None else f"its session.updated says {kept!r}"
        if kind in _DETECTED:
            return f"it sent {kind}"
        if kind == "input_audio_buffer.committed":
            is_ours = _is_within(self._committed, event.payload.get("item_id"), self._commits)
            return None if is_ours else "it committed an utterance that nobody had ended"
        if kind in ("response.created", "response.done"):
            response = event.payload.get("response")
            told = response.get("id") if isinstance(response, Mapping) else None
            return None if _is_within(self._responses, told, self._requests) else f"it sent {kind} unasked"
        if kind == "error":
            code = server_error(event.payload.get("error")).error_type
            if code == "conversation_already_has_active_response":
                return "it says that a response is under way which nobody asked for"
        return None


def _is_within(known: set[str], told: object, allowed: int) -> bool:
    """Whether `told` is one of the `allowed` ids, the first to appear; without an id, any may be meant."""
    if not isinstance(told, str) or not told:
        return allowed > 0
    if told not in known and len(known) < allowed:
        known.add(told)
    return told in known


def detection_of(session: object) -> str | None:
    """Return the turn detection that a session's settings name, None for none; wherever the protocol has had it."""
    if not isinstance(session, Mapping):
        return None
    audio = session.get("audio")
    audio_input = audio.get("input") if isinstance(audio, Mapping) else None
    for holder in (audio_input, session):
        detection = holder.get("turn_detection") if isinstance(holder, Mapping) else None
        kind = detection.get("type") if isinstance(detection, Mapping) else None
        if isinstance(kind, str) and kind not in ("", "none"):
            return kind
    return None


def find_detection_refusal(asked_for: str, session: object) -> str | None:
    """Return, in a sentence for the user, how a session's settings show another detection than was asked for.

    What such a server did would be measured as another's. None: it detects as it was asked to, or says nothing of it.
    """
    told = detection_of(session)
    if told == asked_for or (told is None and not _mentions_detection(session)):
        return None
    does = "leaves turns to the client" if told is None else f"detects turns by {told!r}"
    message = f"the server was asked for turn detection {asked_for!r}, and its session.updated says it {does}"
    return f"{message}; expected turn_detection={'none' if told is None else told}"


def _mentions_detection(session: object) -> bool:
    """Whether a session's settings say anything of turn detection, be it null."""
    if not isinstance(session, Mapping):
        return False
    audio = session.get("audio")
    audio_input = audio.get("input") if isinstance(audio, Mapping) else None
    return any(isinstance(holder, Mapping) and "turn_detection" in holder for holder in (audio_input, session))
