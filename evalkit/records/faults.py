"""What each kind of failure means: whose fault it is, whether it is retried, and whether to send fewer requests.

One table, :data:`POLICIES`, says it for every kind that is the peer's or the line's trouble wherever it appears; a kind
that is not in it is blamed by the stage it happened at and never tried again, since failures of the system under test
are results. Stages are the mode's: it may add its own, each with the fault it means. ``docs/failures.md`` shows both
tables; tests hold them equal to these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from evalkit.errors import CaseFailure, printable


class Fault(StrEnum):
    """The closed set of faults. `infrastructure`, `simulator`, `judge`, `tool_mock` and `data` never score as 0."""

    ASSISTANT = "assistant"
    SIMULATOR = "simulator"
    JUDGE = "judge"
    TOOL_MOCK = "tool_mock"
    INFRASTRUCTURE = "infrastructure"
    DATA = "data"


class Stage(StrEnum):
    """Where a case was when it failed, in the shipped modes. A mode may have stages of its own: see `decide_fault`."""

    PREPARE = "prepare"
    SPEECH = "speech"
    CONNECT = "connect"
    SESSION_UPDATE = "session_update"
    STREAM_AUDIO = "stream_audio"
    RESPONSE_TIMEOUT = "response_timeout"
    RESPONSE_ERROR = "response_error"
    RESPONSE_STATUS = "response_status"
    RESPONSE_MISSING_DONE = "response_missing_done"
    RESPONSE_EMPTY = "response_empty"
    TURN_TIMEOUT = "turn_timeout"
    TOOL_ROUNDS = "tool_rounds"
    RECOGNITION = "recognition"
    TOOL_HOST = "tool_host"
    SIMULATOR_TURN = "simulator_turn"
    CASE_TIMEOUT = "case_timeout"
    GRADING = "grading"
    INTERNAL = "internal"


@dataclass(frozen=True)
class Failure:
    """The evidence of a bad end: where, what kind, and the words a person needs.

    `stage` is a :class:`Stage` or one of the mode's own. `retry_after_s` is what the peer asked us to wait before
    trying again, when it did. Peers have a say in kind and message, so both are made printable.
    """

    stage: str
    error_type: str
    message: str
    retry_after_s: float | None = None

    def __post_init__(self) -> None:
        """Make it printable."""
        object.__setattr__(self, "error_type", printable(self.error_type))
        object.__setattr__(self, "message", printable(self.message))

    @classmethod
    def of(cls, failure: CaseFailure) -> Failure:
        """Return what a case-trial's record keeps of the exception that ended it."""
        return cls(failure.stage, failure.error_type, failure.message, failure.retry_after_s)


@dataclass(frozen=True)
class Policy:
    """What a kind of failure means, in whichever role it happens.

    Attributes:
        meaning: What happened, for a person.
        attempts_factor: Tries in all, as a multiple of ``limits.max_attempts``; 0: it is not tried again.
        first_wait_s: The wait before the second try, in seconds; each further one is twice as long, up to a minute. The
            peer's own ``Retry-After`` counts instead where it gave one.
        is_pressure: The peer asks for fewer requests: fewer cases are then run at once.
        fault: Whose fault it is when no try is left.

    """

    meaning: str
    attempts_factor: int
    first_wait_s: float = 0.0
    is_pressure: bool = False
    fault: Fault = Fault.INFRASTRUCTURE


POLICIES: Mapping[str, Policy] = {
    "connection_refused": Policy("nothing listens at the address", 1, 0.5),
    "connection_failed": Policy("the address cannot be reached", 1, 0.5),
    "connect_timeout": Policy("the handshake took too long", 1, 0.5),
    "connection_closed": Policy("the connection ended, or its other end fell silent", 1, 0.5),
    "session_expired": Policy("the server's limit on a session's age was reached", 1),
    "session_timeout": Policy("the server did not take the session's settings in time", 1, 0.5),
    "server_error": Policy("the server reported an error of its own, 5xx included", 1, 1.0, is_pressure=True),
    "internal_error": Policy("the server reported an error of its own", 1, 1.0),
    "request_timeout": Policy("an HTTP request was not answered in time", 1, 1.0),
    "rate_limited": Policy("HTTP 429", 3, 2.0, is_pressure=True),
    "rate_limit_exceeded": Policy("an error event about the rate", 3, 2.0, is_pressure=True),
    "session_limit_reached": Policy("the server holds no more sessions at once", 3, 2.0, is_pressure=True),
    "invalid_event": Policy("a message that is not an event of the protocol", 1, 0.5),
    "invalid_response": Policy("an HTTP answer that cannot be read", 1, 0.5),
    "audio_decode": Policy("audio that cannot be decoded", 1, 0.5),
    "frame_too_large": Policy("a message beyond the limit", 0),
    "answer_too_large": Policy("an HTTP answer beyond the limit", 0),
    "handshake_rejected": Policy("the server refused the handshake, 4xx included", 0),
    "turn_detection_kept": Policy("the server takes turns by itself although it was asked not to", 0),
    "output_modality_refused": Policy("the server speaks although it was asked to write", 0),
    "input_not_taken": Policy("nothing shows that the server took what was said", 0),
    "turn_detection_refused": Policy("the server does not detect turns as it was asked to", 0),
    "authentication_failed": Policy("the key was refused, or there was none", 0),
    "insufficient_quota": Policy("the account has no credit left", 0),
    "not_found": Policy("HTTP 404: no such model, or nobody who serves it", 0),
    "model_not_found": Policy("the provider has no model of that name", 0),
    "invalid_request": Policy("HTTP 400: the provider does not take the request as it is", 0),
    "unsupported_parameter": Policy("the model does not take a setting", 0),
    "unsupported_value": Policy("the model does not take the value of a setting", 0),
    "input_flagged": Policy("the provider's moderation refused the input", 0),
    "replay_mismatch": Policy("the stored run has no answer to this", 0),
}

_BY_STAGE: Mapping[str, Fault] = {
    Stage.PREPARE: Fault.DATA,
    Stage.SPEECH: Fault.INFRASTRUCTURE,
    Stage.CONNECT: Fault.INFRASTRUCTURE,
    Stage.SESSION_UPDATE: Fault.INFRASTRUCTURE,
    Stage.STREAM_AUDIO: Fault.INFRASTRUCTURE,
    Stage.RESPONSE_TIMEOUT: Fault.ASSISTANT,
    Stage.RESPONSE_ERROR: Fault.ASSISTANT,
    Stage.RESPONSE_STATUS: Fault.ASSISTANT,
    Stage.RESPONSE_MISSING_DONE: Fault.INFRASTRUCTURE,
    Stage.RESPONSE_EMPTY: Fault.ASSISTANT,
    Stage.TURN_TIMEOUT: Fault.ASSISTANT,
    Stage.TOOL_ROUNDS: Fault.ASSISTANT,
    Stage.RECOGNITION: Fault.INFRASTRUCTURE,
    Stage.TOOL_HOST: Fault.TOOL_MOCK,
    Stage.SIMULATOR_TURN: Fault.SIMULATOR,
    Stage.CASE_TIMEOUT: Fault.INFRASTRUCTURE,
    Stage.GRADING: Fault.JUDGE,
    Stage.INTERNAL: Fault.INFRASTRUCTURE,
}


def decide_fault(failure: Failure, stages: Mapping[str, Fault] = MappingProxyType({})) -> Fault:
    """Return whose fault `failure` is: what :data:`POLICIES` says of its kind, at any stage, else the stage's own.

    `stages` are the stages that a mode adds or sees otherwise, with their faults. An unknown stage is
    infrastructure: nothing is held against the assistant for a reason that is not understood.
    """
    policy = POLICIES.get(failure.error_type)
    if policy:
        return policy.fault
    return stages.get(failure.stage) or _BY_STAGE.get(failure.stage, Fault.INFRASTRUCTURE)
