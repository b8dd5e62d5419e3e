"""The responses of a session in which the server begins them by itself: told apart by their ids. No I/O.

Nobody asks for these responses, so the first sign of one opens it: ``response.created``, or any event that carries a
piece of it, for servers that leave that out. What carries no id belongs to the response that was opened last and is not
done. A response is done with its ``response.done``, and more than one may be under way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from evalkit.realtime.events import ServerEvent
from evalkit.realtime.results import ResponseResult
from evalkit.realtime.turns import ResponseCollector, response_id_of
from evalkit.records.record import ToolCall


@dataclass
class LoggedResponse:
    """One response.

    Attributes:
        number: Counts from 1; what a response without an id is known by.
        response_id: Empty where the server names none.
        turn_index: The turn in which it began.
        began_at_ms: When it began, in milliseconds since the case began.
        received_bytes: How much sound it has brought, be it dropped later.
        first_sound_at_ms: When the first of that came; None: none has.
        last_sound_at_ms: When the last of it came.
        is_handled: Whether its tool calls have been taken to be answered.
        taken_back: The ids of calls that the server took back by themselves: they did not happen.
        done_at_ms: When it was done; None: it is not.

    """

    number: int
    response_id: str
    turn_index: int
    began_at_ms: float
    collector: ResponseCollector = field(repr=False)
    received_bytes: int = 0
    first_sound_at_ms: float | None = None
    last_sound_at_ms: float | None = None
    is_handled: bool = False
    taken_back: set[str] = field(default_factory=set)
    done_at_ms: float | None = None
    _result: ResponseResult | None = field(default=None, repr=False)

    @property
    def playout_id(self) -> str:
        """What tells its sound apart from that of others."""
        return self.response_id or f"#{self.number}"

    @property
    def is_done(self) -> bool:
        """Whether it came to its end, good or bad."""
        return self.done_at_ms is not None

    @property
    def is_cut_off(self) -> bool:
        """Whether it brought more than it may, and nothing of it is taken any more."""
        return self.collector.refused

    @property
    def result(self) -> ResponseResult:
        """All that is known of it by now; its times count from when it began."""
        if not self.is_done:
            return self.collector.result()
        if self._result is None:
            self._result = self.collector.result()
        return self._result

    @property
    def was_interrupted(self) -> bool:
        """Whether the server ended it because it heard the caller."""
        return self.is_done and self.result.status == "cancelled"

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tool calls that it has made: none before it is done, and none that a cancellation took back."""
        made = self.result.tool_calls if self.is_done and self.result.status == "completed" else ()
        return tuple(call for call in made if call.call_id not in self.taken_back) if self.taken_back else made


@dataclass(frozen=True, slots=True)
class ArrivedSound:
    """The sound of one event.

    Attributes:
        response: The response that it belongs to.
        item_id: Of the item; empty where the event names none.
        content_index: Of the content part.
        offset: Where it begins in the sound of the response, in bytes.
        data: The bytes.
        is_new: Whether it came for the first time.

    """

    response: LoggedResponse
    item_id: str
    content_index: int
    offset: int
    data: bytes
    is_new: bool


class ResponseLog:
    """The responses of one session, in the order in which they began. Feed it every event; it picks its own."""

    def __init__(self) -> None:
        self._all: list[LoggedResponse] = []
        self._by_id: dict[str, LoggedResponse] = {}

    @property
    def responses(self) -> tuple[LoggedResponse, ...]:
        """All of them."""
        return tuple(self._all)

    @property
    def last(self) -> LoggedResponse | None:
        """The one that began last."""
        return self._all[-1] if self._all else None

    @property
    def under_way(self) -> list[LoggedResponse]:
        """Those that are not done."""
        return [each for each in self._all if not each.is_done]

    def feed(
        self, event: ServerEvent, at_ms: float, *, turn_index: int, served_model: str | None = None
    ) -> ArrivedSound | None:
        """Take one event that came at `at_ms`, during turn `turn_index`; return the sound that it brought, if any."""
        if not event.type.startswith("response."):
            return None
        response = self._response_of(event, at_ms, turn_index, served_model)
        if response is None:
            return None
        piece = response.collector.feed(event, at_ms)
        if response.collector.done and response.done_at_ms is None:
            response.done_at_ms = at_ms
        if piece is None:
            return None
        item_id, content_index = event.payload.get("item_id"), event.payload.get("content_index")
        is_new = piece.offset == response.received_bytes
        response.received_bytes = max(response.received_bytes, piece.offset + len(piece.data))
        if is_new:
            response.last_sound_at_ms = at_ms
            if response.first_sound_at_ms is None:
                response.first_sound_at_ms = at_ms
        return ArrivedSound(
            response,
            item_id if isinstance(item_id, str) else "",
            content_index if isinstance(content_index, int) else 0,
            piece.offset,
            piece.data,
            is_new,
        )

    def _response_of(
        self, event: ServerEvent, at_ms: float, turn_index: int, served_model: str | None
    ) -> LoggedResponse | None:
        response_id = response_id_of(event)
        known = self._by_id.get(response_id)
        if known is not None:
            return known
        if not response_id and event.type != "response.created":
            known = next((each for each in reversed(self._all) if not each.is_done), None)
        if known is None and _opens(event):
            collector = ResponseCollector("", at_ms, served_model=served_model)
            known = LoggedResponse(len(self._all) + 1, response_id, turn_index, at_ms, collector)
            self._all.append(known)
            if response_id:
                self._by_id[response_id] = known
        return known


_OPENING = frozenset({"response.created", "response.output_item.added", "response.output_item.done", "response.done"})


def _opens(event: ServerEvent) -> bool:
    """Whether an event is a sign of a response that nothing was known of."""
    return event.type in _OPENING or event.type.endswith(".delta")
