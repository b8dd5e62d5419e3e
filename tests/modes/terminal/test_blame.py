"""Whose fault a session was: the whole table."""

from __future__ import annotations

import itertools

import pytest
from terminal_sessions import make_stop

from evalkit.modes.terminal.blame import STAGES, ProviderTrouble, SessionEnding, find_failure
from evalkit.modes.terminal.link import AgentStop, StopKind
from evalkit.records.faults import Failure, Fault, decide_fault
from evalkit.sandbox.session import Overuse

TROUBLE = ProviderTrouble("http_429", "the provider said 429", 3.0)
GOES_ON = {StopKind.READY, StopKind.APPROVAL, StopKind.WORKING}


def blame(ending: SessionEnding) -> tuple[str, str, Fault] | None:
    """Return stage, kind and fault of a failure."""
    found = find_failure(ending)
    if found is None:
        return None
    failure = Failure.of(found)
    return failure.stage, failure.error_type, decide_fault(failure, STAGES)


@pytest.mark.parametrize(
    ("stop", "stage", "error_type"),
    [
        (make_stop(StopKind.EXITED, exit_code=0), "agent_exit", "ended"),
        (make_stop(StopKind.EXITED, exit_code=1), "agent_exit", "ended"),
        (make_stop(StopKind.EXITED, exit_code=127), "agent_exit", "ended"),
        (make_stop(StopKind.EXITED, exit_code=137), "agent_exit", "crashed"),
        (make_stop(StopKind.EXITED, exit_code=None), "agent_exit", "crashed"),
        (make_stop(StopKind.SILENT_TIMEOUT), "agent_timeout", "silent"),
        (make_stop(StopKind.BUSY_TIMEOUT), "agent_timeout", "busy"),
        (make_stop(StopKind.FLOOD), "agent_limit", "output"),
        (make_stop(StopKind.OVERUSE, overuse=Overuse.MEMORY), "agent_limit", "memory"),
        (make_stop(StopKind.OVERUSE, overuse=Overuse.FOLDERS), "agent_limit", "folders"),
        (make_stop(StopKind.PROTOCOL), "agent_protocol", "protocol"),
    ],
)
def test_a_session_that_stops_is_the_agent_s_fault(stop: AgentStop, stage: str, error_type: str) -> None:
    """Each with a stage and a kind of its own."""
    assert blame(SessionEnding(stop)) == (stage, error_type, Fault.ASSISTANT)


@pytest.mark.parametrize("kind", sorted(GOES_ON))
def test_a_session_that_the_user_ended_is_nobody_s_fault(kind: StopKind) -> None:
    """Unless the user had more to do, gave up, or was asked without end."""
    stop = make_stop(kind)
    assert blame(SessionEnding(stop)) is None
    assert blame(SessionEnding(stop, wanted_more=True)) == ("out_of_turns", "out_of_turns", Fault.ASSISTANT)
    assert blame(SessionEnding(stop, given_up="no tests")) == ("case_failed", "given_up", Fault.ASSISTANT)
    assert blame(SessionEnding(stop, too_many_approvals=True)) == ("agent_limit", "approvals", Fault.ASSISTANT)


@pytest.mark.parametrize(
    ("code", "stage", "fault"),
    [
        (126, "sandbox", Fault.INFRASTRUCTURE), (127, "sandbox", Fault.INFRASTRUCTURE),
        (0, "agent_start", Fault.ASSISTANT), (1, "agent_start", Fault.ASSISTANT),
        (137, "agent_start", Fault.ASSISTANT), (None, "agent_start", Fault.ASSISTANT),
    ],
)  # fmt: skip
def test_what_could_not_be_started_is_no_fault_of_the_agent(code: int | None, stage: str, fault: Fault) -> None:
    """126 and 127 say that nothing ran; any other end was the program's own."""
    found = blame(SessionEnding(make_stop(StopKind.EXITED, exit_code=code), started=False))
    assert found is not None
    assert (found[0], found[2]) == (stage, fault)


@pytest.mark.parametrize("kind", sorted(set(StopKind) - {StopKind.READY}))
def test_every_stop_before_the_first_prompt_has_a_stage(kind: StopKind) -> None:
    """Also a question, such as whether the folder may be trusted."""
    found = blame(SessionEnding(make_stop(kind, "Do you trust this folder?"), started=False))
    assert found is not None
    assert (found[0], found[2]) == ("agent_start", Fault.ASSISTANT)


def test_trouble_of_the_provider_wins() -> None:
    """Whatever the agent made of it: that it failed its agent is no failure of the agent."""
    for kind, started, more in itertools.product(StopKind, (True, False), (True, False)):
        ending = SessionEnding(make_stop(kind), started=started, wanted_more=more, trouble=TROUBLE)
        assert blame(ending) == ("model_provider", "http_429", Fault.INFRASTRUCTURE)
    failure = find_failure(SessionEnding(make_stop(), trouble=TROUBLE))
    assert failure is not None
    assert failure.retry_after_s == 3.0


def test_a_message_shows_the_end_of_what_was_said() -> None:
    """On one line, and not all of it."""
    failure = find_failure(SessionEnding(make_stop(StopKind.EXITED, "x" * 500 + "\n  the end", exit_code=3)))
    assert failure is not None
    assert str(failure).endswith("the end'")
    assert "exit code 3" in str(failure)
    assert len(str(failure)) < 400
    silent = find_failure(SessionEnding(make_stop(StopKind.EXITED, exit_code=139, detail="boom")))
    assert "signal 11" in str(silent)
    assert "boom" in str(silent)
