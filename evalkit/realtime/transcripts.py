"""What the server understood of the audio we sent: transcripts of our own utterances, matched by item id. No I/O.

Transcription runs beside the assistant and may come before, during or long after the response; a committed utterance is
known by the item id in ``input_audio_buffer.committed``, in the order of our commits. Where the server takes the turns
it commits when it thinks fit: there an utterance is known by when it was told of first.
"""

from __future__ import annotations

from evalkit.realtime.events import ServerEvent
from evalkit.records.record import join_words


class InputTranscripts:
    """Collects the server's transcripts of committed audio. Feed it all events; it picks its own."""

    def __init__(self) -> None:
        self._committed: list[str] = []
        self._settled: dict[str, str | None] = {}
        self._told_at_ms: dict[str, float] = {}

    def feed(self, event: ServerEvent, at_ms: float = 0.0) -> bool:
        """Take one event that came at `at_ms` since the case began; return whether it settled a transcript."""
        item_id = event.payload.get("item_id")
        if not isinstance(item_id, str):
            return False
        if event.type == "input_audio_buffer.committed":
            if item_id not in self._committed:
                self._committed.append(item_id)
            self._told_at_ms.setdefault(item_id, at_ms)
            return item_id in self._settled
        if event.type == "conversation.item.input_audio_transcription.completed":
            transcript = event.payload.get("transcript")
            self._settled[item_id] = transcript if isinstance(transcript, str) else None
            self._told_at_ms.setdefault(item_id, at_ms)
            return True
        if event.type == "conversation.item.input_audio_transcription.failed":
            self._settled.setdefault(item_id, None)
            return True
        return False

    def is_settled(self, utterance: int) -> bool:
        """Whether the transcript of the `utterance`-th commit (from 1) has come, or will never come."""
        return utterance <= len(self._committed) and self._committed[utterance - 1] in self._settled

    def of(self, utterance: int) -> str | None:
        """Return the transcript of the `utterance`-th commit (from 1); None when there is none."""
        return self._settled.get(self._committed[utterance - 1]) if utterance <= len(self._committed) else None

    @property
    def are_settled(self) -> bool:
        """Whether there is nothing that was committed and whose transcript may still come."""
        return self._settled.keys() >= set(self._committed)

    def between(self, from_ms: float, until_ms: float) -> str | None:
        """Return the transcripts of what was told of first in a time (ms since the case began); None: there is none."""
        told = [item_id for item_id, at_ms in self._told_at_ms.items() if from_ms <= at_ms < until_ms]
        known = [text for item_id in told if (text := self._settled.get(item_id)) is not None]
        return join_words(known) if known else None
