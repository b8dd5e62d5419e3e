"""A link to an agent: what every transport can do, and what it tells when it is the user's turn again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from evalkit.errors import CaseFailure
from evalkit.modes.terminal.case import Reaction
from evalkit.records.faults import Stage
from evalkit.records.record import ToolCall
from evalkit.sandbox.session import Overuse


class StopKind(StrEnum):
    """Why the agent stopped."""

    READY = "ready"
    """It waits for a prompt."""
    APPROVAL = "approval"
    """It asks whether it may."""
    WORKING = "working"
    """It works, and has worked for as long as the user waits before he steps in."""
    EXITED = "exited"
    """Its process has ended."""
    SILENT_TIMEOUT = "silent_timeout"
    """It gave no sign of life for too long."""
    BUSY_TIMEOUT = "busy_timeout"
    """It worked for too long."""
    FLOOD = "flood"
    """It wrote more than it may."""
    OVERUSE = "overuse"
    """It took more memory, or more room for files, than it may."""
    PROTOCOL = "protocol"
    """It answered what its own protocol does not allow."""


@dataclass(frozen=True)
class AgentStop:
    """What an agent did until it was the user's turn.

    Attributes:
        kind: Why it stopped.
        signal: The first sign that said so: ``acp``, ``title``, ``progress``, ``blocked_read``, ``quiet``, ``exit``,
            ``timeout``.
        signals: Every sign that was seen, with its time in milliseconds since the user's action.
        text: What it said since the user's action.
        screen: What a person sees now; the same as `text` where there is no screen.
        first_output_ms: From the user's action to its first sign of life; None: there was none.
        elapsed_ms: From the user's action to the stop.
        exit_code: Of its process, where it ended; 128 + n: by signal n.
        overuse: What it took too much of.
        tools: The calls of its tools that the transport shows.
        echoed: Whether what was typed was shown at once; None: nothing was typed, or nothing can be said.
        detail: What else a person should know, for example what it wrote to stderr.

    """

    kind: StopKind
    signal: str
    signals: Mapping[str, float] = field(default_factory=dict)
    text: str = ""
    screen: str = ""
    first_output_ms: float | None = None
    elapsed_ms: float = 0.0
    exit_code: int | None = None
    overuse: Overuse | None = None
    tools: tuple[ToolCall, ...] = ()
    echoed: bool | None = None
    detail: str = ""


class AgentLink(ABC):
    """A session with an agent over one transport. Every method that waits returns at the agent's next stop."""

    @abstractmethod
    async def start(self) -> AgentStop:
        """Start the agent and wait until it takes a prompt. Raises SandboxError where no box can be made."""

    @abstractmethod
    async def act(self, reaction: Reaction) -> AgentStop:
        """Do what the user does, and wait. Raises CaseFailure for what this transport has no form for."""

    @abstractmethod
    async def close(self) -> None:
        """End every process of the session."""

    working_after_s: float | None = None
    """How long the user waits before he steps in while the agent works; None: he waits until it has done."""
    starts_each_turn: bool = False
    """Whether each prompt goes to a process of its own."""
    _invalid: int = 0
    _until_s: float = float("inf")

    def limit(self, until_s: float) -> None:
        """Give up every wait at `until_s` of the event loop's time."""
        self._until_s = until_s

    def count_invalid(self) -> int:
        """Return how many sequences of the agent's output were not what its form allows."""
        return self._invalid

    def recording(self) -> bytes:
        """Return what a person would have seen, as asciicast v2; empty where there is no screen."""
        return b""


def cannot(transport: str, reaction: Reaction) -> CaseFailure:
    """Return the failure of a case that asks for what a transport has no form for."""
    shown = f"{reaction.action} {reaction.payload!r}" if reaction.payload else str(reaction.action)
    return CaseFailure(
        Stage.PREPARE,
        "unsupported_action",
        f"agent.transport={transport} has no form for the action {shown}; name other transports in the case",
    )
