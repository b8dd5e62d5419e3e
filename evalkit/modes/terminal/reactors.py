"""Which reactor fires: the first whose trigger fits what the agent shows, and that has not fired too often.

A pattern cannot hold up the run: matching has a limit of time, and looks at the last 8 KB only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce

from evalkit.errors import CaseFailure
from evalkit.modes.terminal.case import Reactor, ReactorTrigger
from evalkit.modes.terminal.link import AgentStop, StopKind
from evalkit.modes.terminal.screen_link import without_echo
from evalkit.records.faults import Stage
from evalkit.records.patterns import LIMIT_S, matches

LOOKED_AT = 8192
_CLOCKS_MS = 100

Decide = Callable[[str, str], Awaitable[bool]]
"""A condition in words, and what the agent said -> whether it holds. Raises CaseFailure where nobody could tell."""


@dataclass
class Reactors:
    """The reactors of one session, and how often each has fired.

    Attributes:
        reactors: In order.
        decide: Who answers conditions in words.

    """

    reactors: Sequence[Reactor]
    decide: Decide
    fired: Counter[str] = field(default_factory=Counter)

    @property
    def working_after_s(self) -> float | None:
        """How long the user waits before he steps in; None: no reactor that is left steps in."""
        left = [
            reactor.after_s
            for reactor in self.reactors
            if reactor.after_s is not None and not self._is_used_up(reactor)
        ]
        return min(left, default=None)

    async def find(self, stop: AgentStop, said: Sequence[str] = ()) -> Reactor | None:
        """Return the reactor that fires, and count it; None: no one does.

        What the user `said` so far is no part of a question for approval, though it stands on the screen beside it:
        who asks for two files and refuses the second names both.

        Raises CaseFailure (data) for a pattern that takes too long, and for a condition that nobody could answer.
        """
        for reactor in self.reactors:
            if not self._is_used_up(reactor) and await self._fits(reactor, stop, said):
                self.fired[reactor.reactor_id] += 1
                return reactor
        return None

    def _is_used_up(self, reactor: Reactor) -> bool:
        return reactor.limit is not None and self.fired[reactor.reactor_id] >= reactor.limit

    async def _fits(self, reactor: Reactor, stop: AgentStop, said: Sequence[str]) -> bool:
        if reactor.trigger is ReactorTrigger.WORKING or stop.kind is StopKind.WORKING:
            return reactor.trigger is ReactorTrigger.WORKING and _has_worked(reactor, stop)
        if reactor.trigger is ReactorTrigger.APPROVAL:
            return stop.kind is StopKind.APPROVAL and _search(
                reactor, f"{stop.text}\n{reduce(without_echo, said, stop.screen)}"
            )
        if reactor.trigger is ReactorTrigger.CONTAINS:
            return reactor.pattern.casefold() in stop.text[-LOOKED_AT:].casefold()
        if reactor.trigger is ReactorTrigger.REGEX:
            return _search(reactor, stop.text)
        if reactor.trigger is ReactorTrigger.SCREEN:
            return _search(reactor, stop.screen)
        return await self.decide(reactor.pattern, stop.text[-LOOKED_AT:])


def _has_worked(reactor: Reactor, stop: AgentStop) -> bool:
    """Whether the agent works, and has done so for as long as the reactor waits; two clocks may differ a little."""
    return stop.kind is StopKind.WORKING and stop.elapsed_ms >= (reactor.after_s or 0) * 1000 - _CLOCKS_MS


def _search(reactor: Reactor, text: str) -> bool:
    try:
        return not reactor.pattern or matches(reactor.pattern, text[-LOOKED_AT:])
    except TimeoutError:
        message = f"reactor {reactor.reactor_id!r}: its pattern takes more than {LIMIT_S:g} s; write a simpler one"
        raise CaseFailure(Stage.PREPARE, "slow_pattern", message) from None
