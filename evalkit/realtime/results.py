"""What came of a response, and of a turn made of several: frozen values, and the arithmetic between them.

A turn is all the assistant does until it has answered: one response, or one per round of tool calls. Its latencies
count from its first ``response.create``, over the whole turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from evalkit.records.faults import Failure, Stage
from evalkit.records.record import ToolCall, Usage, join_words

_OWN_FIELD = "native"
"""How a model is told of tools where nothing is to be said of it: of a turn's responses, another way counts."""


@dataclass(frozen=True)
class ResponseResult:
    """All that is known of one response. Times count from the moment its ``response.create`` was sent.

    Attributes:
        response_id: Empty when the server never acknowledged it.
        created_at_ms: When ``response.create`` was sent, in milliseconds since the case began.
        status: The server's word (``completed``, ``failed``, ``cancelled``, ``incomplete``), or ``in_progress`` when
            it was cut off.
        status_reason: Why it is not ``completed``, as the server says; else empty.
        error_type: What makes the response useless, or None.
        transcript: The words of the audio, as the server tells them.
        text: Written answers.
        audio: Bytes in the session's output format, in the order they arrived.
        served_model: The model that says it answered.
        tool_mode: How the server's own model is told of tools, where the server tells that of it; else empty.

    """

    response_id: str
    created_at_ms: float
    status: str
    status_reason: str
    error_type: str | None
    error_message: str
    transcript: str
    text: str
    audio: bytes
    tool_calls: tuple[ToolCall, ...]
    usage: Usage
    served_model: str | None
    first_audio_ms: float | None
    first_text_ms: float | None
    done_ms: float | None
    tool_mode: str = ""

    @property
    def failure(self) -> Failure | None:
        """What went wrong with a response that came to its end, or None. A response without an end is the caller's."""
        if self.error_type is not None:
            stage = Stage.RESPONSE_STATUS if self.status == "failed" else Stage.RESPONSE_ERROR
            return Failure(stage, self.error_type, self.error_message)
        if self.done_ms is not None and self.status != "completed":
            reason = f" ({self.status_reason})" if self.status_reason else ""
            return Failure(
                Stage.RESPONSE_STATUS, f"response_{self.status}", f"the response ended as {self.status}{reason}"
            )
        return None


@dataclass(frozen=True)
class TurnResult:
    """The responses of one turn taken together; times count from its first ``response.create``."""

    responses: tuple[ResponseResult, ...]

    @cached_property
    def assistant_text(self) -> str:
        """All words of the turn, spoken or written, in order."""
        return join_words(words for response in self.responses for words in (response.transcript, response.text))

    @cached_property
    def audio(self) -> bytes:
        """All audio of the turn, in order."""
        return b"".join(response.audio for response in self.responses)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """All tool calls of the turn, in order."""
        return tuple(call for response in self.responses for call in response.tool_calls)

    @property
    def usage(self) -> Usage:
        """Tokens of all responses, summed."""
        return sum((response.usage for response in self.responses), Usage())

    @property
    def status(self) -> str:
        """How the last response ended; ``in_progress`` before there is one."""
        return self.responses[-1].status if self.responses else "in_progress"

    @property
    def served_model(self) -> str | None:
        """The model that answered last."""
        return next((response.served_model for response in reversed(self.responses) if response.served_model), None)

    @property
    def labels(self) -> dict[str, str]:
        """What the server told of how it made the answers, by the names that it has in a record."""
        told = [response.tool_mode for response in self.responses if response.tool_mode]
        return {"tool_mode": next((mode for mode in told if mode != _OWN_FIELD), _OWN_FIELD)} if told else {}

    @property
    def first_audio_ms(self) -> float | None:
        """When the first audio came."""
        return self._first(lambda response: response.first_audio_ms)

    @property
    def first_text_ms(self) -> float | None:
        """When the first word of a transcript or text came."""
        return self._first(lambda response: response.first_text_ms)

    @property
    def done_ms(self) -> float | None:
        """When the last response was done; None when it never was."""
        last = self.responses[-1] if self.responses else None
        if last is None or last.done_ms is None:
            return None
        return last.created_at_ms - self.responses[0].created_at_ms + last.done_ms

    @property
    def latencies(self) -> dict[str, float]:
        """The latencies that are known, by the names they have in a record."""
        named = {
            "latency_first_audio_ms": self.first_audio_ms,
            "latency_first_text_ms": self.first_text_ms,
            "latency_response_done_ms": self.done_ms,
        }
        return {name: value for name, value in named.items() if value is not None}

    def _first(self, time_of: Callable[[ResponseResult], float | None]) -> float | None:
        known = [(response.created_at_ms, time_of(response)) for response in self.responses]
        return min(
            (created - self.responses[0].created_at_ms + at for created, at in known if at is not None), default=None
        )
