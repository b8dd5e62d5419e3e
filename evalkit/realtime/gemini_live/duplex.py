"""A session of Gemini Live in full duplex: the server detects activity, and decides itself when it is its turn.

It does not report that it hears the caller, or stops hearing him: that he cut in shows in ``interrupted``, at which
playing stops. What was heard of an answer, it is not told; the protocol has no word for that. Answers of tools are sent
at once, and what takes them up comes by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalkit.errors import CaseFailure
from evalkit.realtime.duplex import DuplexSession
from evalkit.realtime.events import ServerEvent
from evalkit.realtime.gemini_live.link import GeminiLink
from evalkit.realtime.gemini_live.replies import CALLS_CANCELLED, INTERRUPTED
from evalkit.records.faults import Stage
from evalkit.records.json import JsonObject
from evalkit.records.record import ToolOutput


class GeminiCall(GeminiLink, DuplexSession):
    """A call with one server; see :class:`~evalkit.realtime.duplex.DuplexSession`."""

    def __init__(self, url: str, headers: Mapping[str, str], **options: Any) -> None:
        super().__init__(url, headers, **options)
        self._interrupted_at_ms: list[float] = []
        self._cancelled: list[str] = []

    def begin_turn(self, turn_index: int) -> None:
        """Begin turn `turn_index` (from 1): words that still come of what was said before belong to nothing."""
        self._replies.drop_words()
        super().begin_turn(turn_index)

    async def answer_tools(self, outputs: Sequence[ToolOutput]) -> None:
        """Give the tools' answers, but for those to calls that the server took back meanwhile; do not wait for it."""
        wanted = [output for output in outputs if not self._requests.is_cancelled(output.call_id)]
        if not wanted:
            return
        self._expected, self._expected_since_ms = True, self._timeline.now_ms()
        for output in wanted:
            await self._send(self._events.function_call_output(output.call_id, output.output), Stage.STREAM_AUDIO)
        await self._send(self._events.create_response(), Stage.STREAM_AUDIO)

    def describe_peer(self) -> JsonObject:
        """Return what the server said of the call's turns, in seconds since the case began, and what it took back."""
        return {
            "server": {
                "interrupted_s": [round(at_ms / 1000, 4) for at_ms in self._interrupted_at_ms],
                "cancelled_calls": list(self._cancelled),
            }
        }

    def heard_between(self, from_ms: float, until_ms: float) -> str | None:
        """Return what the server took the caller's words for, by when it told; None: it did not tell."""
        return self._replies.heard_between(from_ms, until_ms) or None

    def _take(self, event: ServerEvent, at_ms: float) -> None:
        if event.type == INTERRUPTED:
            self._interrupted_at_ms.append(at_ms)
            self._stop_playing(at_ms)
            self._news.set()
        elif event.type == CALLS_CANCELLED:
            self._take_back(self._requests.cancel(event.payload["ids"]))
        else:
            super()._take(event, at_ms)

    def _take_back(self, call_ids: list[str]) -> None:
        """Take it that calls did not happen: those that nobody has begun to answer are not answered at all."""
        self._cancelled += call_ids
        for response in self._log.responses:
            response.taken_back.update(call_ids)
        waiting = [tuple(call for call in calls if call.call_id not in call_ids) for calls in self._to_answer]
        self._to_answer.clear()
        self._to_answer.extend(calls for calls in waiting if calls)
        self._news.set()

    def _describe_delay(self, timeout_s: float) -> CaseFailure:
        if not (self._log.under_way or self._expected or self._owed):
            message = f"the server answered nothing to what was said within {timeout_s:g} s"
            return CaseFailure(Stage.RESPONSE_TIMEOUT, "timeout", message)
        delay = super()._describe_delay(timeout_s)
        return CaseFailure(delay.stage, delay.error_type, delay.message.replace("response.done", "turnComplete"))
