"""What a case of mode=terminal is: what the user asks, how it reacts, and what must hold afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from evalkit.records.grade import GraderSpec
from evalkit.records.json import JsonObject


class Transport(StrEnum):
    """How an agent is talked to."""

    HEADLESS = "headless"
    PTY = "pty"
    ACP = "acp"


class ReactorTrigger(StrEnum):
    """What a reactor looks at."""

    APPROVAL = "approval"
    CONTAINS = "contains"
    REGEX = "regex"
    SCREEN = "screen"
    LLM = "llm"
    WORKING = "working"


class UserAction(StrEnum):
    """What the simulated user can do."""

    SAY = "say"
    APPROVE = "approve"
    DENY = "deny"
    CHOOSE = "choose"
    PRESS = "press"
    PASTE = "paste"
    RESIZE = "resize"
    WAIT = "wait"
    RESUME = "resume"
    END = "end"
    FAIL = "fail"


ENDS_SESSION = frozenset({UserAction.END, UserAction.FAIL})
INTERRUPT = "interrupt"
"""A key of no keyboard: whatever stops the agent at work, as its profile says."""
PROMPTS = frozenset({UserAction.SAY, UserAction.PASTE, UserAction.RESUME})
"""Actions that ask the agent for something: a case's turns are counted by these."""


@dataclass(frozen=True)
class Reaction:
    """What the user does, and with what words, key, size or seconds."""

    action: UserAction
    payload: str = ""


@dataclass(frozen=True)
class Reactor:
    """A rule: when the agent shows this, the user does that.

    Attributes:
        reactor_id: Unique in its case; stands in every record of a turn.
        trigger: What is looked at; None: always (the default action).
        pattern: What is looked for: words, a regular expression, or a condition in words for a model.
        reaction: What the user does then.
        limit: How often it may fire; None: no limit.
        required: A session in which it never fired did not go as the case planned.
        after_s: How long the agent must have worked, for the trigger ``working``.

    """

    reactor_id: str
    trigger: ReactorTrigger | None
    pattern: str
    reaction: Reaction
    limit: int | None = None
    required: bool = False
    after_s: float | None = None


@dataclass(frozen=True)
class TerminalCase:
    """One session, complete: nothing of it has to be read again.

    Attributes:
        case_id: Names the case.
        path: Its file.
        title: What it is about.
        category: Which kind of ability it asks for.
        initial_prompt: What the user says first.
        setup: Path below the workspace to content, before the agent starts.
        persona: The user's character and goal, played by a model where no reactor matches; empty: nobody plays it.
        reactors: In order; the first that matches wins.
        default: What the user does where none does, and no persona plays on.
        max_turns: How many turns the session may take.
        transports: Over which it can be held.
        checks: What must hold afterwards.
        graders: Further graders of its own.
        setup_paths: Files that `setup` came from, for provenance.
        solution: What a right agent does at each prompt, for the demo agent that proves the case.

    """

    case_id: str
    path: Path
    title: str
    category: str
    initial_prompt: str
    setup: Mapping[str, bytes]
    persona: str
    reactors: tuple[Reactor, ...]
    default: Reactor
    max_turns: int
    transports: tuple[Transport, ...]
    checks: tuple[GraderSpec, ...]
    graders: tuple[GraderSpec, ...] = ()
    setup_paths: tuple[Path, ...] = ()
    solution: tuple[JsonObject, ...] = ()


def asks_model(case: TerminalCase) -> bool:
    """Whether a model plays its user, or answers one of its conditions."""
    return bool(case.persona) or any(reactor.trigger is ReactorTrigger.LLM for reactor in case.reactors)
