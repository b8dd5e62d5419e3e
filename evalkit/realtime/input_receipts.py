"""Whether a server shows that it took what was said to it: an answer to nothing is no answer. No I/O.

A server commits an utterance when it is asked to and says so, before it answers. One that reads the sound in another
format than it agreed to, or has a turn detection of its own that heard nobody, answers an empty conversation all the
same, and says nothing of an utterance. Any of these shows that it has it:

- ``input_audio_buffer.committed``;
- an item of the user's that holds audio (``conversation.item.added``, ``…created``, ``…done``);
- its transcript, whole or in part;
- audio among the tokens that it counted for the response.
"""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.realtime.events import ServerEvent
from evalkit.records.record import Usage

INPUT_NOT_TAKEN = "input_not_taken"
"""The kind of failure that a server which shows no sign of having taken what was said is refused with."""

_ITEM_EVENTS = frozenset({"conversation.item.added", "conversation.item.created", "conversation.item.done"})
_TRANSCRIPT_EVENTS = "conversation.item.input_audio_transcription."


class InputReceipts:
    """Looks for signs that the utterance that was committed last was taken. Feed it every event."""

    def __init__(self) -> None:
        self._is_awaited = False

    def note_commit(self) -> None:
        """Take it that we ended an utterance: from now on there is to be a sign of it."""
        self._is_awaited = True

    def feed(self, event: ServerEvent) -> None:
        """Take one event."""
        is_commit = event.type == "input_audio_buffer.committed"
        is_transcript = event.type.startswith(_TRANSCRIPT_EVENTS)
        if is_commit or is_transcript or (event.type in _ITEM_EVENTS and _is_said(event.payload.get("item"))):
            self._is_awaited = False

    def is_missing(self, usage: Usage) -> bool:
        """Whether nothing shows, at the end of a response that counted `usage`, that the utterance was taken."""
        return self._is_awaited and not usage.input_audio_tokens


def _is_said(item: object) -> bool:
    """Whether a conversation's item is something that the user said aloud."""
    if not isinstance(item, Mapping) or item.get("role") != "user":
        return False
    content = item.get("content")
    parts = content if isinstance(content, list) else []
    return any(isinstance(part, Mapping) and part.get("type") == "input_audio" for part in parts)
