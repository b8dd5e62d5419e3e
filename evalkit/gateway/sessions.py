"""One session of an agent at the gateway: what it may spend, what it asked, and what came of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from evalkit.clock import Clock
from evalkit.gateway.call_log import CallLog
from evalkit.gateway.calls import SESSION_CLOSED, ModelCall, OpenCall, PriceOf
from evalkit.gateway.key_filter import KeyFilter
from evalkit.gateway.protocols import Operation
from evalkit.gateway.provider_errors import ProviderError
from evalkit.gateway.replay import Replay, ReplayPosition
from evalkit.gateway.requests import ModelRequest


class GatewaySession:
    """What one agent asked of its model. Made by :meth:`evalkit.gateway.gateway.Gateway.open_session`.

    Attributes:
        session_id: The name that stands in the paths of its requests.
        opened_s: When it was opened, in seconds on the gateway's clock; calls count from there.
        budget_usd: No call begins once as much was spent; calls under way end. None: no limit. What a call costs
            whose price is unknown cannot count.
        max_calls: How many answers may be asked for; None: no limit.
        other_paths: What was asked for that is not let through, ``METHOD path``, and how often.
        replay: What plays the provider; None: the provider does.

    """

    def __init__(
        self,
        session_id: str,
        *,
        clock: Clock,
        price: PriceOf,
        key_filter: KeyFilter,
        budget_usd: float | None = None,
        max_calls: int | None = None,
        log_path: Path | None = None,
        replay: Replay | None = None,
    ) -> None:
        self.session_id = session_id
        self.opened_s = clock.now()
        self.budget_usd = budget_usd
        self.max_calls = max_calls
        self.other_paths: Counter[str] = Counter()
        self.replay: ReplayPosition | None = None if replay is None else replay.begin()
        self._clock = clock
        self._price = price
        self._log = CallLog(log_path, key_filter)
        self._open: dict[int, OpenCall] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ended: dict[int, ModelCall] = {}
        self._begun = 0
        self._answers_asked_for = 0
        self._is_closed = False

    @property
    def calls(self) -> list[ModelCall]:
        """The calls that asked for an answer and have ended, in the order of starting; also those that failed."""
        return [call for call in self.all_calls if call.operation == Operation.GENERATE]

    @property
    def all_calls(self) -> list[ModelCall]:
        """The same, and those that only counted tokens or listed models."""
        return [call for _, call in sorted(self._ended.items())]

    @property
    def open_requests(self) -> int:
        """How many calls are under way."""
        return len(self._open)

    @property
    def longest_open_s(self) -> float:
        """How long the oldest call that is under way has taken so far; 0.0 where there is none."""
        now_s = self._clock.now()
        return max((now_s - call.started_s for call in self._open.values()), default=0.0)

    @property
    def provider_errors(self) -> list[ModelCall]:
        """The calls, of whatever kind, that the provider failed, or the way to it."""
        return [call for call in self.all_calls if call.is_provider_error]

    @property
    def tokens_in(self) -> int:
        """All tokens that were read, as far as they are known."""
        return sum(call.input_tokens or 0 for call in self.calls)

    @property
    def tokens_out(self) -> int:
        """All tokens that were written, as far as they are known."""
        return sum(call.output_tokens or 0 for call in self.calls)

    @property
    def cached_tokens(self) -> int:
        """All tokens that came from a cache, as far as they are known."""
        return sum(call.cached_tokens or 0 for call in self.calls)

    @property
    def cost_usd(self) -> float | None:
        """What all calls cost; None where the cost of any is unknown."""
        costs = [call.cost_usd for call in self._ended.values()]
        return None if any(cost is None for cost in costs) else sum(cost or 0.0 for cost in costs)

    @property
    def known_cost_usd(self) -> float:
        """What those calls cost whose cost is known; the budget is held against this."""
        return sum(call.cost_usd or 0.0 for call in self._ended.values())

    def close(self) -> None:
        """End what is under way as ``session_closed``, and take no more. Raises StorageError for a log that failed."""
        if self._is_closed:
            return
        self._is_closed = True
        tasks = list(self._tasks.values())
        for _, call in sorted(self._open.items()):
            self.end(call, ProviderError(SESSION_CLOSED, "the session ended before the call"), cut=True)
        for task in tasks:
            task.cancel()
        self._log.close()

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more."""
        return self._is_closed

    def begin(self, request: ModelRequest) -> OpenCall:
        """Return a call that begins now."""
        call = OpenCall(self._begun, request, self._clock.now())
        self._begun += 1
        self._open[call.index] = call
        return call

    def attach(self, call: OpenCall, task: asyncio.Task[None]) -> None:
        """Let `task` be cancelled when the session is closed before `call` has ended."""
        if call.index not in self._open:
            task.cancel()
            return
        self._tasks[call.index] = task

    def find_limit(self, request: ModelRequest) -> str | None:
        """Count a call that asks for an answer, or return which limit forbids it."""
        if request.kind.operation is not Operation.GENERATE:
            return None
        if self.max_calls is not None and self._answers_asked_for >= self.max_calls:
            return f"max_calls: this session's limit of {self.max_calls} model calls is used up"
        if self.budget_usd is not None and self.known_cost_usd >= self.budget_usd:
            return f"budget_usd: this session's budget of {self.budget_usd:g} USD is used up"
        self._answers_asked_for += 1
        return None

    def end(self, call: OpenCall, error: ProviderError | None = None, *, cut: bool = False) -> None:
        """Note that `call` has ended; what was noted first stays."""
        if self._open.pop(call.index, None) is None:
            return
        self._tasks.pop(call.index, None)
        kept = call.ended((self.opened_s, self._clock.now()), self._price, error, cut=cut)
        self._ended[call.index] = kept
        self._log.add(kept, call)
