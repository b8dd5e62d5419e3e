"""Stands between a session and its writer: events go in, actions come out, spoilt by the rules that hit the session.

Rules act one after the other, in the plan's order: what one sends passes through the next. After an action that ends
the talking nothing follows. No I/O: :mod:`evalkit.service.line` and the writer do what is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Protocol

from evalkit.service.events_out import Event
from evalkit.service.faults.actions import ENDING, Action, SendEvent
from evalkit.service.faults.event_changes import EventChange, EventReordering, change_of
from evalkit.service.faults.moments import Moment
from evalkit.service.faults.plan import FaultRule
from evalkit.service.faults.point_faults import POINT_ACTIONS, PointFault, ResponseEnding

_KEEPS_EVENT = frozenset({"big_frame"})


class _Behaviour(Protocol):
    committed_count: int

    def take(self, event: Event) -> list[Action]: ...


class Injector:
    """The rules that hit one session, at work.

    Args:
        rules: Those rules.

    """

    def __init__(self, rules: Sequence[FaultRule]) -> None:
        self._names = [rule.fault for rule in rules]
        self._behaviours = [_behaviour(rule) for rule in rules]
        self._told: set[int] = set()
        self._is_over = False

    def take(self, event: Event) -> Iterator[Action]:
        """Yield what is to be done in place of sending `event`."""
        if self._is_over:
            return
        for action in self._pass_on(event, 0):
            self._is_over = isinstance(action, ENDING)
            yield action
            if self._is_over:
                return

    def committed(self) -> list[str]:
        """Return the names of the faults that were committed for the first time since the last call."""
        news = {number for number, behaviour in enumerate(self._behaviours) if behaviour.committed_count} - self._told
        self._told |= news
        return [self._names[number] for number in sorted(news)]

    def _pass_on(self, event: Event, stage: int) -> Iterator[Action]:
        if stage == len(self._behaviours):
            yield SendEvent(event)
            return
        for action in self._behaviours[stage].take(event):
            if isinstance(action, SendEvent):
                yield from self._pass_on(action.event, stage + 1)
            else:
                yield action


def _behaviour(rule: FaultRule) -> _Behaviour:
    if rule.fault == "response_ends":
        return ResponseEnding(Moment("mid_response", rule.get("nth")), rule.get("status"), rule.get("code"))
    if rule.fault == "reordered_events":
        return EventReordering()
    if rule.fault in POINT_ACTIONS:
        moment = Moment(rule.get("at"), rule.get("nth"))
        return PointFault(moment, partial(POINT_ACTIONS[rule.fault], rule), keeps_event=rule.fault in _KEEPS_EVENT)
    return EventChange(change_of(rule))
