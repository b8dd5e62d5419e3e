"""One turn of the caller, made again until the checks accept it, with a record of every attempt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from evalkit.errors import CaseFailure
from evalkit.records.faults import Stage
from evalkit.records.json import JsonObject
from evalkit.simulator.caller import CALLER_FORMAT, Caller, CallerTurn
from evalkit.simulator.checks import CallerFinding, find_problem, find_text_problem
from evalkit.simulator.conversation import Exchange
from evalkit.simulator.persona import Persona, ends_call
from evalkit.simulator.turn_judge import JudgeTurn, Opinion


@dataclass(frozen=True)
class CallerAttempt:
    """One attempt at a turn of the caller.

    Attributes:
        turn_index: The turn, counted from 1.
        number: Of the attempt, counted from 1.
        text: What the caller said.
        duration_ms: How long it plays.
        finding: What is wrong with it; None: it was good, or it ended the call.
        opinion: What a judge said to it; None: none was asked.

    """

    turn_index: int
    number: int
    text: str
    duration_ms: float
    finding: CallerFinding | None
    opinion: Opinion | None = None

    def to_json(self) -> JsonObject:
        """Return it as a record keeps it."""
        return {
            "turn_index": self.turn_index,
            "attempt": self.number,
            "text": self.text,
            "audio_ms": round(self.duration_ms, 3),
            "problem": str(self.finding.problem) if self.finding else "",
            "detail": self.finding.detail if self.finding else "",
            "judge": self.opinion.note if self.opinion else "",
        }


async def make_turn(
    caller: Caller,
    persona: Persona,
    past: Sequence[Exchange],
    *,
    turn_index: int,
    max_regenerations: int,
    keep: Callable[[CallerAttempt, CallerTurn], None],
    judge_turn: JudgeTurn | None = None,
) -> CallerTurn | None:
    """Return the caller's next turn, or None when it ends the call.

    Args:
        caller: The caller; its turn has begun.
        persona: Its instructions.
        past: The call so far.
        turn_index: Of the turn, counted from 1.
        max_regenerations: How often a bad turn is made again.
        keep: Called with every attempt, good and bad, as it is made; the turn's cost has the judge's in it.
        judge_turn: Asked about a turn that the cheap checks find nothing wrong with.

    Raises:
        CaseFailure: At ``simulator_turn``, with the problem as its type, when no attempt was good.

    """
    finding: CallerFinding | None = None
    for number in range(1, max_regenerations + 2):
        turn = await caller.speak(past)
        over = ends_call(turn.text)
        finding = None if over else _find_problem(turn, persona, past)
        opinion = None
        if judge_turn is not None and finding is None and not over:
            opinion = await judge_turn(turn.text, persona, past)
            finding, turn = opinion.finding, replace(turn, cost_usd={**turn.cost_usd, "judge": opinion.cost_usd})
        keep(CallerAttempt(turn_index, number, turn.text, turn.duration_ms, finding, opinion), turn)
        if over:
            return None
        if finding is None:
            return turn
    problem, detail = (finding.problem, finding.detail) if finding else ("", "")
    attempts = f"{max_regenerations + 1} attempt{'s' if max_regenerations else ''}"
    raise CaseFailure(Stage.SIMULATOR_TURN, str(problem), f"turn {turn_index} of the caller: {detail}; {attempts}")


def _find_problem(turn: CallerTurn, persona: Persona, past: Sequence[Exchange]) -> CallerFinding | None:
    if turn.is_written:
        return find_text_problem(turn.text, persona, past)
    return find_problem(turn.text, turn.pcm, CALLER_FORMAT.sample_rate_hz, persona, past)
