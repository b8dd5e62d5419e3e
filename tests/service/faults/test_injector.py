"""An injector does to a session's events what its rules say, in their order, and counts what it did."""

from __future__ import annotations

from typing import Any

from evalkit.service.faults.actions import Action, CloseSocket, SendEvent, SendRaw, StopSending
from evalkit.service.faults.injector import Injector
from evalkit.service.faults.plan import parse_plan

SESSION = [
    {"type": "session.created", "event_id": "e1"},
    {"type": "response.created", "event_id": "e2", "response": {"id": "r1", "status": "in_progress"}},
    {"type": "response.output_text.delta", "event_id": "e3", "response_id": "r1", "delta": "Hello"},
    {"type": "response.done", "event_id": "e4", "response": {"id": "r1", "status": "completed", "output": []}},
]


def play(plan: str, events: list[dict[str, Any]] | None = None) -> tuple[list[Action], Injector]:
    """Return all that becomes of the events under a plan, and the injector."""
    injector = Injector(parse_plan(plan).rules)
    return [action for event in events or SESSION for action in injector.take(event)], injector


def test_nothing_follows_an_end() -> None:
    """After a hang-up there is neither word nor second hang-up."""
    actions, injector = play("close@response_created+stall@response_done")
    assert actions == [SendEvent(SESSION[0]), SendEvent(SESSION[1]), CloseSocket(1011, "internal error")]
    assert injector.committed() == ["close"]
    assert injector.committed() == []


def test_rules_act_one_after_the_other() -> None:
    """What the first rule says passes through the second."""
    actions, injector = play("unknown_events+duplicated_events")
    said = [action.event["type"] for action in actions if isinstance(action, SendEvent)]
    assert said[:4] == ["response.hologram.delta"] * 2 + ["session.created"] * 2
    assert injector.committed() == ["unknown_events", "duplicated_events"]


def test_a_fault_that_found_no_occasion_is_not_counted() -> None:
    """The counters say what was done, not what was planned."""
    actions, injector = play("close@committed")
    assert actions == [SendEvent(event) for event in SESSION]
    assert injector.committed() == []


def test_a_stall_is_silence() -> None:
    """From its point on nothing is said."""
    assert play("stall@session_created")[0] == [StopSending()]
    assert play("stall@response_done")[0] == [*(SendEvent(event) for event in SESSION), StopSending()]


def test_raw_frames_pass_other_rules_by() -> None:
    """A frame that is no event cannot be changed like one."""
    actions, _injector = play("malformed_json@session_created+duplicated_events")
    assert isinstance(actions[0], SendRaw)
    assert actions[1:3] == [SendEvent(SESSION[1])] * 2
