"""One call of an agent to a model: what is known of it while it is under way, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evalkit.gateway.answers import AnswerReader, TokenCount, reader_for, whole_text
from evalkit.gateway.event_stream import EventStream
from evalkit.gateway.protocols import Operation
from evalkit.gateway.provider_errors import ProviderError, error_in_answer
from evalkit.gateway.requests import ModelRequest

BUDGET = "budget"
GAVE_UP = "gave_up"
SESSION_CLOSED = "session_closed"
REQUEST_TOO_LARGE = "request_too_large"
UNREADABLE_REQUEST = "unreadable_request"
REPLAY_MISMATCH = "replay_mismatch"
NOT_THE_PROVIDERS = frozenset({"", BUDGET, GAVE_UP, SESSION_CLOSED, REQUEST_TOO_LARGE, UNREADABLE_REQUEST})
"""What a call may end with that is no error of the provider, nor of the way to it."""

_NEVER_REACHED = ("connection_refused", "connection_failed", "connect_timeout")

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""No model's answer is that long: one that goes on is cut."""

PriceOf = Callable[[str, TokenCount], float | None]
"""What a number of tokens costs with a model, in USD; None where that is not known."""


@dataclass(frozen=True)
class ModelCall:
    """One call that has ended, however it did.

    Attributes:
        index: Its place among the session's calls in the order of starting, from 0.
        protocol: ``chat``, ``responses``, ``messages`` or ``gemini``.
        operation: ``generate``, ``count_tokens`` or ``list_models``.
        path: What was asked for, behind the session's prefix.
        model: The model that was asked for; empty where the request names none.
        answered_model: The model that says it answered; empty where none does.
        status: The HTTP status that the agent was given; 0: none, because it gave up before.
        error_type: What went wrong, a kind of :data:`evalkit.records.faults.POLICIES`, ``redirected``, the provider's
            own word, or one of :data:`NOT_THE_PROVIDERS`; empty: nothing.
        message: What went wrong, for a person, without any key.
        retry_after_s: What the provider asked to wait, in seconds; None: it did not.
        started_s: When it began, in seconds after the session was opened.
        first_byte_ms: How long the first byte of the answer took; None: none came.
        duration_ms: How long it took in all.
        input_tokens: What was read, from a cache or not; None where unknown, here and below.
        output_tokens: What was written, reasoning included.
        cached_tokens: How many of the input tokens came from a cache.
        cost_usd: What it cost in USD; 0.0 where the provider refused or was never asked, None where it was cut.
        tools_called: The names of the tools that the model called, in order.
        finish: Why the model ended, in the provider's word; empty: it did not say.
        streamed: Whether the answer was a stream of events.
        bytes_in: The size of the request's body.
        bytes_out: The size of the answer's body, as the agent was given it.
        cut: Whether the answer ended before its end, whoever ended it.

    """

    index: int
    protocol: str
    operation: str
    path: str
    model: str
    answered_model: str
    status: int
    error_type: str
    message: str
    retry_after_s: float | None
    started_s: float
    first_byte_ms: float | None
    duration_ms: float
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cost_usd: float | None
    tools_called: tuple[str, ...]
    finish: str
    streamed: bool
    bytes_in: int
    bytes_out: int
    cut: bool

    @property
    def is_provider_error(self) -> bool:
        """Whether the provider failed, or the way to it, or the stored session that plays it."""
        return self.error_type not in NOT_THE_PROVIDERS


class OpenCall:
    """A call that is under way: takes the answer as the agent is given it, and says at the end what it was.

    Args:
        index: Its place among the session's calls.
        request: What the agent asks.
        started_s: When it began, in seconds on the session's clock.

    Attributes:
        status: The HTTP status of the answer; 0: there is none yet.
        streamed: Whether the answer is a stream of events.
        headers: The answer's headers, as the agent is given them.
        bytes_out: How much of the answer's body came.
        first_byte_s: When its first byte came, in seconds on the session's clock.
        was_sent: Whether the provider was asked, so that it may cost something.
        was_refused: Whether the provider answered that it does nothing, which costs nothing.

    """

    def __init__(self, index: int, request: ModelRequest, started_s: float) -> None:
        self.index = index
        self.request = request
        self.started_s = started_s
        self.status = 0
        self.streamed = False
        self.headers: tuple[tuple[str, str], ...] = ()
        self.bytes_out = 0
        self.first_byte_s: float | None = None
        self.was_sent = False
        self.was_refused = False
        self._reader: AnswerReader = reader_for(request.kind.protocol)
        self._events = EventStream()
        self._body: list[bytes] = []

    @property
    def body(self) -> bytes:
        """The answer's body, as far as it came."""
        return b"".join(self._body)

    @property
    def is_complete(self) -> bool:
        """Whether a streamed answer has said that it is at its end."""
        return self.streamed and self._reader.is_complete

    def begin_answer(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Note how the answer begins; `headers` have names in lower case."""
        self.status = status
        self.headers = tuple(headers)
        kind = dict(headers).get("content-type", "").partition(";")[0].strip().lower()
        looks_streamed = self.request.wants_stream and kind not in ("application/json", "text/html")
        self.streamed = status < 300 and (kind == "text/event-stream" or looks_streamed)

    def take(self, chunk: bytes, now_s: float) -> None:
        """Take a piece of the answer's body."""
        if self.first_byte_s is None:
            self.first_byte_s = now_s
        self.bytes_out += len(chunk)
        self._body.append(chunk)
        if self.streamed:
            for event in self._events.feed(chunk):
                self._reader.take_event(event)

    def read_rest(self) -> None:
        """Read what can be read only now that the body is whole."""
        if self.streamed:
            for event in self._events.finish():
                self._reader.take_event(event)
        elif self.status < 300 and self._body:
            self._reader.take_text(self.body)

    def find_problem(self, has_key: bool) -> tuple[ProviderError | None, bool]:
        """Return what is wrong with an answer that came with a good status, and whether it ended too soon."""
        reader = self._reader
        if reader.error is not None:
            return error_in_answer(reader.error, has_key=has_key), False
        if self.request.kind.operation is not Operation.GENERATE:
            return None, False
        ended_early = self.streamed and not reader.is_complete
        if not reader.has_begun and not (ended_early and reader.unreadable == 0):
            return ProviderError("invalid_response", "the provider's answer is not one of its protocol"), False
        if ended_early:
            return ProviderError("connection_closed", "the provider ended the stream before its end"), True
        if reader.unreadable:
            return ProviderError("invalid_response", "a part of the provider's answer cannot be read"), False
        return None, False

    def ended(
        self, span_s: tuple[float, float], price: PriceOf, error: ProviderError | None, *, cut: bool
    ) -> ModelCall:
        """Return what is kept of it.

        Args:
            span_s: When the session was opened and when the call ended, in seconds on the session's clock.
            price: What tokens cost.
            error: What went wrong; None: nothing.
            cut: Whether the answer ended before its end.

        """
        opened_s, now_s = span_s
        kind, reader = self.request.kind, self._reader
        first = None if self.first_byte_s is None else (self.first_byte_s - self.started_s) * 1000
        return ModelCall(
            index=self.index,
            protocol=str(kind.protocol),
            operation=str(kind.operation),
            path=self.request.path,
            model=self.request.model,
            answered_model=whole_text(reader.model),
            status=self.status,
            error_type=error.kind if error else "",
            message=error.message if error else "",
            retry_after_s=error.retry_after_s if error else None,
            started_s=self.started_s - opened_s,
            first_byte_ms=first,
            duration_ms=(now_s - self.started_s) * 1000,
            input_tokens=reader.tokens.input_tokens,
            output_tokens=reader.tokens.output_tokens,
            cached_tokens=reader.tokens.cached_tokens,
            cost_usd=None if cut and self.was_sent else self._cost_usd(price, error),
            tools_called=tuple(map(whole_text, reader.tools_called)),
            finish=whole_text(reader.finish),
            streamed=self.streamed,
            bytes_in=len(self.request.body),
            bytes_out=self.bytes_out,
            cut=cut,
        )

    def _cost_usd(self, price: PriceOf, error: ProviderError | None) -> float | None:
        tokens = self._reader.tokens
        is_free = self.request.kind.operation is not Operation.GENERATE or not self.was_sent
        if is_free or self.was_refused or (error is not None and error.kind in _NEVER_REACHED):
            return 0.0
        if tokens.reported_cost_usd is not None:
            return tokens.reported_cost_usd
        if tokens.input_tokens is None or tokens.output_tokens is None:
            return None
        for model in (self._reader.model, self.request.model):
            cost = price(model, tokens) if model else None
            if cost is not None:
                return cost
        return None
