"""Whose fault a session was that did not end well: one function, from evidence that the agent cannot write.

An exit code and the words of an agent prove nothing: agents end with 0 when their provider refused them. What counts is
how the session stopped, as seen from outside its box, and what the gateway counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evalkit.errors import CaseFailure
from evalkit.modes.terminal.link import AgentStop, StopKind
from evalkit.records.faults import Fault, Stage

START_STAGE = "agent_start"
EXIT_STAGE = "agent_exit"
TIMEOUT_STAGE = "agent_timeout"
LIMIT_STAGE = "agent_limit"
PROTOCOL_STAGE = "agent_protocol"
TURNS_STAGE = "out_of_turns"
REFUSED_STAGE = "case_failed"
PROVIDER_STAGE = "model_provider"
SANDBOX_STAGE = "sandbox"

STAGES: Mapping[str, Fault] = {
    START_STAGE: Fault.ASSISTANT,
    EXIT_STAGE: Fault.ASSISTANT,
    TIMEOUT_STAGE: Fault.ASSISTANT,
    LIMIT_STAGE: Fault.ASSISTANT,
    PROTOCOL_STAGE: Fault.ASSISTANT,
    TURNS_STAGE: Fault.ASSISTANT,
    REFUSED_STAGE: Fault.ASSISTANT,
    PROVIDER_STAGE: Fault.INFRASTRUCTURE,
    SANDBOX_STAGE: Fault.INFRASTRUCTURE,
    Stage.CASE_TIMEOUT: Fault.ASSISTANT,
}

_NOT_STARTED = (126, 127)
_ENDED = "ended"
_TIMEOUTS = {
    StopKind.SILENT_TIMEOUT: ("silent", "gave no sign of life"),
    StopKind.BUSY_TIMEOUT: ("busy", "was still at work"),
}


@dataclass(frozen=True)
class ProviderTrouble:
    """What the gateway counted that the provider did wrong, and that no later answer made good.

    Attributes:
        error_type: The kind of the last failure.
        message: What a person should know, without any key.
        retry_after_s: What the provider asked to wait.

    """

    error_type: str
    message: str
    retry_after_s: float | None = None


@dataclass(frozen=True)
class SessionEnding:
    """How a session stopped.

    Attributes:
        stop: The last stop.
        started: Whether the agent ever took a prompt.
        wanted_more: The user had more to do, and no turn was left.
        too_many_approvals: The agent asked more often than it may.
        given_up: Why the case says that the agent failed; empty: it does not.
        trouble: Of the provider; None: none that matters.

    """

    stop: AgentStop
    started: bool = True
    wanted_more: bool = False
    too_many_approvals: bool = False
    given_up: str = ""
    trouble: ProviderTrouble | None = None


def find_failure(ending: SessionEnding) -> CaseFailure | None:
    """Return what ended the session before its time, with the stage that says whose fault it is; None: all is well."""
    if ending.trouble is not None:
        trouble = ending.trouble
        return CaseFailure(PROVIDER_STAGE, trouble.error_type, trouble.message, retry_after_s=trouble.retry_after_s)
    stop = ending.stop
    found = _blame_stop(stop) if ending.started else _blame_start(stop)
    if found is not None:
        return found
    if ending.too_many_approvals:
        return CaseFailure(LIMIT_STAGE, "approvals", f"it asked for approval again and again: {_shown(stop.text)}")
    if ending.given_up:
        return CaseFailure(REFUSED_STAGE, "given_up", f"the user gave up: {ending.given_up}")
    if ending.wanted_more:
        return CaseFailure(TURNS_STAGE, TURNS_STAGE, "the session had used all its turns, and the user was not done")
    return None


def was_not_started(stop: AgentStop) -> bool:
    """Whether a process ended as one does that could not be started: with 126 or 127, and without a word of its own."""
    return stop.kind is StopKind.EXITED and stop.exit_code in _NOT_STARTED and not stop.screen.strip()


def _blame_start(stop: AgentStop) -> CaseFailure:
    said = _shown(stop.text or stop.detail)
    if stop.exit_code in _NOT_STARTED:
        message = f"the agent could not be started here (exit code {stop.exit_code}): {said}"
        return CaseFailure(SANDBOX_STAGE, "not_started", message)
    if stop.kind is StopKind.EXITED:
        return CaseFailure(START_STAGE, _ENDED, f"it ended before it took a prompt ({_code(stop)}): {said}")
    found = _blame_stop(stop)
    if found is None:
        return CaseFailure(START_STAGE, str(stop.kind), f"it asked something before it took a prompt: {said}")
    return CaseFailure(START_STAGE, found.error_type, f"it took no prompt: {found.message}")


def _blame_stop(stop: AgentStop) -> CaseFailure | None:
    said = _shown(stop.text or stop.detail)
    after = f"after {stop.elapsed_ms / 1000:.1f} s"
    if stop.kind in (StopKind.READY, StopKind.APPROVAL, StopKind.WORKING):
        return None
    if stop.kind is StopKind.EXITED:
        code = stop.exit_code
        kind = "crashed" if code is None or code > 128 else _ENDED
        return CaseFailure(EXIT_STAGE, kind, f"it ended in the middle of the session ({_code(stop)}): {said}")
    if stop.kind in _TIMEOUTS:
        error_type, was = _TIMEOUTS[stop.kind]
        return CaseFailure(TIMEOUT_STAGE, error_type, f"it {was} {after}; it showed {said}")
    if stop.kind is StopKind.FLOOD:
        return CaseFailure(
            LIMIT_STAGE, "output", f"it wrote more than mode.output_limit_mb in one turn; it ends {said}"
        )
    if stop.kind is StopKind.OVERUSE:
        return CaseFailure(LIMIT_STAGE, str(stop.overuse or "overuse"), f"it took more {stop.overuse} than it may")
    return CaseFailure(PROTOCOL_STAGE, "protocol", f"it broke its protocol: {stop.detail}")


def _code(stop: AgentStop) -> str:
    if stop.exit_code is None:
        return "without an exit code"
    return f"signal {stop.exit_code - 128}" if stop.exit_code > 128 else f"exit code {stop.exit_code}"


def _shown(text: str) -> str:
    said = " ".join(text.split())
    return repr(said[-200:]) if said else "nothing"
