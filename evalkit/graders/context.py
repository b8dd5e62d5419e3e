"""The interface of graders: their type, the context they get, and the services they may call.

A grader is a coroutine ``grade(context) -> Verdict`` inside a :class:`GraderType`. It sees a stored record and nothing
else; what costs money or needs a network (hearing audio, asking a judge) comes in as a callable in
:class:`GraderServices`, which the command that grades fills in. To add a family, write a module with a `GRADERS` tuple
and name it among the entry points ``evalkit.graders`` of ``pyproject.toml`` (then reinstall, so that it is seen).
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from evalkit.records.grade import GraderSpec, Verdict
from evalkit.records.json import Json, JsonObject
from evalkit.records.record import CaseRecord, Turn, Usage


@dataclass(frozen=True)
class HeardText:
    """The words heard in a sound file. `cost_usd`: 0 when it was known already, None when the price is unknown."""

    text: str
    cost_usd: float | None = 0.0


Transcribe: TypeAlias = Callable[[str], Awaitable[HeardText]]
"""Artifact path, relative to the run directory -> the words heard in it."""


@dataclass(frozen=True)
class JudgeAnswer:
    """What a judge's model answered to one question.

    Attributes:
        text: The answer as it came.
        parsed: The JSON in it, when it keeps to the schema; else None.
        problem: Why `parsed` is None, else empty.
        refused: Whether the model declined; asking again is then of no use.
        model: The model that says it answered.
        cost_usd: What this answer cost now: 0 when it was known already, None when the price is unknown.
        usage: The tokens it took now.

    """

    text: str
    parsed: Json
    problem: str
    refused: bool
    model: str
    cost_usd: float | None
    usage: Usage = field(default_factory=Usage)


class Judge(Protocol):
    """A model that judges."""

    @property
    def model(self) -> str:
        """The model that is asked."""
        ...

    @property
    def votes(self) -> int:
        """How many verdicts are asked for, 1 or more."""
        ...

    async def ask(self, instructions: str, text: str, schema: JsonObject, *, vote: int) -> JudgeAnswer:
        """Return the answer to `text` under `instructions`, as JSON of `schema`; `vote` counts from 1.

        Raises:
            CaseFailure: No answer came: the judge could not be reached, or was too slow.

        """
        ...


@dataclass(frozen=True)
class GraderServices:
    """The services of graders. None: not available in this run, and graders that need it do not grade."""

    transcribe: Transcribe | None = None
    judge: Judge | None = None


@dataclass(frozen=True)
class GraderContext:
    """One question to a grader: this record, or this turn of it, by this spec. `turn` None means the whole trace.

    `heard_usd` collects what listening cost on the way.
    """

    record: CaseRecord
    turn: Turn | None
    spec: GraderSpec
    services: GraderServices = field(default_factory=GraderServices)
    heard_usd: list[float | None] = field(default_factory=list)

    async def listen(self, artifact: str) -> str:
        """Return the words heard in a sound file. Raises LookupError without a transcription; CaseFailure."""
        if self.services.transcribe is None:
            raise LookupError("no transcription service")
        heard = await self.services.transcribe(artifact)
        self.heard_usd.append(heard.cost_usd)
        return heard.text

    @property
    def costs_usd(self) -> dict[str, float | None]:
        """Role -> dollars of what was asked so far beside a judge; None where a price is unknown."""
        known = [usd for usd in self.heard_usd if usd is not None]
        cost_usd = math.fsum(known) if len(known) == len(self.heard_usd) else None
        return {"transcription": cost_usd} if self.heard_usd else {}

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns the question is about."""
        return self.record.turns if self.turn is None else (self.turn,)

    @property
    def assistant_text(self) -> str:
        """What the system under test said in these turns, a line for each turn in which it said something."""
        return "\n".join(turn.assistant_text for turn in self.turns if turn.assistant_text)

    @property
    def includes_last_turn(self) -> bool:
        """Whether nothing of the record comes after the turns in question."""
        return self.turn is None or self.turn.turn_index == self.record.turns[-1].turn_index

    def option(self, name: str, default: Json = None) -> Any:
        """Return an option of the spec."""
        return self.spec.options.get(name, default)


@dataclass(frozen=True)
class GraderType:
    """A kind of grader.

    Attributes:
        name: What a config or a simulation file calls it.
        version: Changes whenever the same record might get another grade.
        grade: The grader; its docstring says when it gives 1, 0 and None.
        options: JSON Schema of each option.
        required: Options that must be given.
        one_required: Options of which at least one must be given; empty when there is no such choice.
        needs: Services it cannot do without. Types without needs are free and run first.
        fails_on_silence: Whether a system that said nothing at all gets 0 without being looked at further.
        inapplicable: Says why a case cannot be graded by it, whatever the answer was; None when it can.
        reads: What of a record it goes by that a line may not show (:mod:`evalkit.records.not_shown`); a record that
            lacks any of it has no grade, with the reason.

    """

    name: str
    version: str
    grade: Callable[[GraderContext], Awaitable[Verdict]]
    options: Mapping[str, JsonObject] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    one_required: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()
    fails_on_silence: bool = True
    inapplicable: Callable[[GraderContext], str | None] = lambda _: None
    reads: frozenset[str] = frozenset()

    @property
    def summary(self) -> str:
        """What it checks, in one line."""
        return (self.grade.__doc__ or "").strip().partition("\n")[0]
