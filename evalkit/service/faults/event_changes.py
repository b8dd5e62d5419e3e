"""Faults that change events as they pass: copies, wrong ids, broken audio, other orders. No I/O."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from evalkit.service.events_out import Event
from evalkit.service.faults.actions import Action, SendEvent, Wait
from evalkit.service.faults.plan import FaultRule

_PIECES = 8
_FIXED = frozenset({"response.created", "response.done"})


class EventChange:
    """Changes events by a function of each; counts those that it changed."""

    def __init__(self, change: Callable[[Event], list[Action]]) -> None:
        self._change = change
        self.committed_count = 0

    def take(self, event: Event) -> list[Action]:
        """Return what becomes of `event`."""
        actions = self._change(event)
        self.committed_count += actions != [SendEvent(event)]
        return actions


class EventReordering:
    """Lets neighbouring events of one response change places where their types differ."""

    def __init__(self) -> None:
        self._held: Event | None = None
        self.committed_count = 0

    def take(self, event: Event) -> list[Action]:
        """Return what becomes of `event` and of the one before it."""
        held, self._held = self._held, None
        is_movable = event["type"].startswith("response.") and event["type"] not in _FIXED
        if held is None:
            if not is_movable:
                return [SendEvent(event)]
            self._held = event
            return []
        if not is_movable:
            return [SendEvent(held), SendEvent(event)]
        if held["type"] == event["type"]:
            self._held = event
            return [SendEvent(held)]
        self.committed_count += 1
        return [SendEvent(event), SendEvent(held)]


def change_of(rule: FaultRule) -> Callable[[Event], list[Action]]:
    """Return how a rule changes an event."""
    match rule.fault:
        case "duplicated_events":
            return lambda event: [SendEvent(event), SendEvent(event)]
        case "unknown_events":
            return lambda event: [SendEvent(_unknown(event)), SendEvent(event)]
        case "limits_spent":
            return lambda event: [SendEvent(_spent(event, rule.get("reset_s")))]
        case "broken_audio":
            return lambda event: [SendEvent(_with_broken_audio(event, rule.get("how")))]
        case "wrong_ids":
            return lambda event: [SendEvent(_with_other_id(event, rule.get("field")))]
        case "slow_drip":
            return lambda event: _dripping(event, rule.get("delay_ms") / 1000)
        case other:
            raise ValueError(f"{other} changes no events")


def _unknown(event: Event) -> Event:
    known: Event = {name: event[name] for name in ("response_id", "item_id") if name in event}
    return {"type": "response.hologram.delta", "event_id": f"{event['event_id']}_new", **known, "delta": "aG9sbw=="}


def _spent(event: Event, reset_s: float) -> Event:
    if event["type"] != "rate_limits.updated":
        return event
    return {
        **event,
        "rate_limits": [{**row, "remaining": 0, "reset_seconds": reset_s} for row in event["rate_limits"]],
    }


def _with_broken_audio(event: Event, how: str) -> Event:
    if event["type"] != "response.output_audio.delta":
        return event
    return {**event, "delta": event["delta"][:-3] if how == "truncated" else "no base64: ***"}


def _with_other_id(event: Event, name: str) -> Event:
    """Return `event` with another id wherever it carries one; a response and its items keep their own."""
    if not event["type"].startswith("response."):
        return event
    changed = {**event, name: f"{event[name]}_other"} if isinstance(event.get(name), str) else event
    if name == "call_id":
        for holder in ("item", "response"):
            if isinstance(changed.get(holder), dict):
                changed = {**changed, holder: _with_other_call(changed[holder])}
    return changed


def _with_other_call(told: Any) -> Any:
    if isinstance(told.get("output"), list):
        return {**told, "output": [_with_other_call(item) for item in told["output"]]}
    return {**told, "call_id": f"{told['call_id']}_other"} if told.get("call_id") else told


def _dripping(event: Event, delay_s: float) -> list[Action]:
    if not event["type"].endswith(".delta"):
        return [SendEvent(event)]
    if event["type"] != "response.output_audio.delta":
        return [Wait(delay_s), SendEvent(event)]
    audio = base64.b64decode(event["delta"])
    size = max(2, -(-len(audio) // _PIECES) // 2 * 2)
    pieces = [audio[start : start + size] for start in range(0, len(audio), size)]
    actions: list[Action] = []
    for number, piece in enumerate(pieces):
        part = {**event, "event_id": f"{event['event_id']}_{number}", "delta": base64.b64encode(piece).decode()}
        actions += [Wait(delay_s), SendEvent(part)]
    return actions
