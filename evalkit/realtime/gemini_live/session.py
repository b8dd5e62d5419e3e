"""A session of Gemini Live in which the client takes the turns: it says when an utterance begins and ends.

The server's own detection is switched off (``automaticActivityDetection.disabled``). The end of an utterance asks for
its answer, and so do the answers of tools. The protocol has no receipt for what was said, so none is required.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

from evalkit.errors import CaseFailure
from evalkit.realtime.events import ServerEvent
from evalkit.realtime.gemini_live.link import GeminiLink
from evalkit.realtime.gemini_live.replies import CALLS_CANCELLED
from evalkit.realtime.link import ServerLinkOptions
from evalkit.realtime.pacer import Pacing
from evalkit.realtime.peer_link import Trouble
from evalkit.realtime.results import ResponseResult, TurnResult
from evalkit.realtime.session import RealtimeSession
from evalkit.realtime.turn_taking import TURN_DETECTION_KEPT
from evalkit.records.faults import Stage
from evalkit.records.json import Json

_UNASKED = (
    "the server takes turns by itself: it began an answer that nobody had asked for; expected it to wait for "
    "activityEnd, as setup asked (automaticActivityDetection.disabled); or talk to it in full duplex: "
    "turn_detection=server_vad"
)


class GeminiSession(GeminiLink, RealtimeSession):
    """A session with one server; see :class:`~evalkit.realtime.session.RealtimeSession`."""

    def __init__(self, url: str, headers: Mapping[str, str], **options: Unpack[ServerLinkOptions]) -> None:
        super().__init__(url, headers, **options)
        self._cancelled: set[str] = set()
        self._early: list[dict[str, Any]] = []
        self._has_called = False

    async def send_audio(self, wire: bytes, *, chunk_ms: float, real_time: bool) -> Pacing:
        """Send one utterance, PCM16 of 16 kHz; its end is said when it is to be answered."""
        self._replies.begin_utterance(self._utterances + 1)
        return await super().send_audio(wire, chunk_ms=chunk_ms, real_time=real_time)

    async def respond(self, *, timeout_s: float, **options: Json) -> ResponseResult:
        """Wait for the answer to what was said, or to tools' answers."""
        try:
            return await super().respond(timeout_s=timeout_s, **options)
        except CaseFailure as failure:
            message = failure.message.replace("response.done", "turnComplete")
            raise CaseFailure(failure.stage, failure.error_type, message) from failure

    def turn_result(self) -> TurnResult:
        """Return what the assistant did since the turn began, without the calls that it took back."""
        return TurnResult(tuple(self._without_cancelled(each) for each in super().turn_result().responses))

    async def _send(self, event: dict[str, Any], stage: Stage, *, at_ms: float | None = None) -> None:
        await super()._send(event, stage, at_ms=at_ms)
        if event["type"] == "response.create":
            early, self._early, self._has_called = self._early, [], False
            for place, message in enumerate(early):
                if self._collector is not None and self._collector.done:  # by calls, which are to be answered first
                    self._early = early[place:]
                    break
                self._read_message(message, self._timeline.now_ms())

    def _take_message(self, message: dict[str, Any], at_ms: float) -> None:
        """Take a message; what the model says or calls behind a call, before that is answered, is of the next answer.

        So it is kept until that is asked for, and the end of the turn that stands in it ends nothing.
        """
        is_open = self._collector is not None and not self._collector.done
        if is_open or not self._has_called or not message.keys() & {"serverContent", "toolCall"}:
            super()._take_message(message, at_ms)
            return
        self._record_message(message, at_ms)
        content = message.get("serverContent")
        if isinstance(content, dict) and content.get("turnComplete") is True:
            self._replies.pass_over_end()
            kept = {key: value for key, value in content.items() if key not in ("turnComplete", "generationComplete")}
            message = {**message, "serverContent": kept}
        self._early.append(message)

    def _take(self, event: ServerEvent, at_ms: float) -> None:
        if event.type == CALLS_CANCELLED:
            self._cancelled.update(self._requests.cancel(event.payload["ids"]))
            return
        self._has_called = self._has_called or event.type == "response.output_item.done"
        if event.type == "response.created" and (self._collector is None or self._collector.done):
            self._note(Trouble(Stage.SESSION_UPDATE, TURN_DETECTION_KEPT, _UNASKED))
        super()._take(event, at_ms)

    def _require_receipt(self, answer: ResponseResult) -> None:
        """Require none."""

    def _without_cancelled(self, response: ResponseResult) -> ResponseResult:
        kept = tuple(call for call in response.tool_calls if call.call_id not in self._cancelled)
        return replace(response, tool_calls=kept)
