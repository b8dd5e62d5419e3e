"""What of a session's audio is being transcribed, and the input transcription events that follow.

Every audio part of a user's item is heard once, as soon as it is there: at commit, or when an item with audio is
created. Where the session asked for input transcription, its events go out when the text is known, which may be
before, during or after the response, as in the public API.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from evalkit.service.events_out import Event, Events, Ids
from evalkit.service.items import ContentPart, ConversationItem, ConversationItems
from evalkit.service.token_usage import transcription_usage
from evalkit.service.turns.words_alone import words_alone
from evalkit.service.work import Recognise, SessionStep

_WORDS_PER_DELTA = 3


@dataclass(frozen=True)
class _Listening:
    item: ConversationItem
    index: int
    transcription_model: str | None

    @property
    def part(self) -> ContentPart:
        return self.item.parts[self.index]


class Hearing:
    """The audio of a session on its way to text.

    Args:
        ids: Where ids come from.
        items: The conversation; transcription events are only about items that are still in it.
        hears_nothing: Hear nothing: audio counts as heard without a word, and a transcription that was asked for fails.

    """

    def __init__(self, ids: Ids, items: ConversationItems, *, hears_nothing: bool) -> None:
        self._ids = ids
        self._events = Events(ids)
        self._items = items
        self._hears_nothing = hears_nothing
        self._busy: dict[str, _Listening] = {}

    def listen(
        self, item: ConversationItem, transcription_model: str | None, step: SessionStep, *, trims: bool = False
    ) -> None:
        """Start hearing what is unheard in `item`.

        Args:
            item: The item.
            transcription_model: A model's name asks for transcription events.
            step: Where events and work go.
            trims: Hear it without the silence around it: where the turn was cut is to make no difference.

        """
        already = {(id(busy.item), busy.index) for busy in self._busy.values()}
        for index, part in enumerate(item.parts):
            if part.kind != "input_audio" or part.heard is not None or (id(item), index) in already:
                continue
            listening = _Listening(item, index, transcription_model)
            if self._hears_nothing:
                part.heard = ""
                self._send_failure(listening, "this model hears nothing", step)
                continue
            if not part.audio_bytes:
                self._take(listening, "", step)
                continue
            ticket = self._ids.new("hear")
            self._busy[ticket] = listening
            rate_hz = part.audio_format.sample_rate_hz
            pcm = part.audio_format.from_wire(part.audio)
            step.work.append(Recognise(ticket, words_alone(pcm, rate_hz) if trims else pcm, rate_hz))

    def heard(self, ticket: str, text: str, step: SessionStep) -> ConversationItem:
        """Take the text of what `ticket` stands for, and return its item."""
        listening = self._busy.pop(ticket)
        self._take(listening, text, step)
        return listening.item

    def _take(self, listening: _Listening, text: str, step: SessionStep) -> None:
        listening.part.heard = text
        if listening.transcription_model is None:
            return
        listening.part.text = text
        if not self._is_current(listening):
            return
        words = re.findall(r"\s*\S+\s*", text)
        for start in range(0, len(words), _WORDS_PER_DELTA):
            delta = "".join(words[start : start + _WORDS_PER_DELTA])
            step.events.append(self._event("delta", listening, delta=delta))
        usage = transcription_usage(listening.transcription_model, listening.part.duration_ms, text)
        step.events.append(self._event("completed", listening, transcript=text, usage=usage))

    def not_heard(self, ticket: str, message: str, step: SessionStep) -> ConversationItem:
        """Take it that `ticket` could not be heard, and return the item that stays unheard."""
        listening = self._busy.pop(ticket)
        self._send_failure(listening, message, step)
        return listening.item

    def _send_failure(self, listening: _Listening, message: str, step: SessionStep) -> None:
        if listening.transcription_model is not None and self._is_current(listening):
            error = {"type": "server_error", "code": "transcription_failed", "message": message, "param": None}
            step.events.append(self._event("failed", listening, error=error))

    def _is_current(self, listening: _Listening) -> bool:
        return self._items.find(listening.item.id) is listening.item

    def _event(self, what: str, listening: _Listening, **fields: Any) -> Event:
        event_type = f"conversation.item.input_audio_transcription.{what}"
        return self._events.make(event_type, item_id=listening.item.id, content_index=listening.index, **fields)
