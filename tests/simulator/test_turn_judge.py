"""A judge's opinion of a caller's turn counts when it quotes the turn, and blocks nothing in any other case."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import CaseFailure
from evalkit.records.faults import Failure, Fault, Stage, decide_fault
from evalkit.records.json import Json, JsonObject
from evalkit.service.brain.rules.judge.judge import decide
from evalkit.service.brain.rules.judge.question import read_question
from evalkit.simulator.attempts import CallerAttempt, make_turn
from evalkit.simulator.caller import CallerTurn
from evalkit.simulator.conversation import Exchange
from evalkit.simulator.persona import Persona
from evalkit.simulator.turn_judge import INSTRUCTIONS, TurnJudge, write_question

SOUND = (8000 * np.sin(np.arange(4800) / 10)).astype(np.int16)
PERSONA = Persona("You wait for a parcel.")
PAST = (Exchange("Hi.", "Hello."),)
SAID = "Parcels are sorted by our night shift."


@dataclass(frozen=True)
class _Reply:
    parsed: Json
    problem: str = ""
    cost_usd: float | None = 0.25


@dataclass
class _Judge:
    """Gives its answers in turn, the last one for ever; an exception is raised, None is silence."""

    answers: list[Any]
    asked: list[str] = field(default_factory=list)

    async def ask(self, instructions: str, text: str, schema: JsonObject, *, vote: int) -> _Reply:
        assert (instructions, vote) == (INSTRUCTIONS, 1)
        self.asked.append(text)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        reply: _Reply = answer
        return reply


class _Caller:
    """Says one line for ever, or END_CALL."""

    sound = b""

    def __init__(self, text: str) -> None:
        self._text = text

    def begin_turn(self, turn_index: int, audio_path: str) -> None: ...

    async def speak(self, past: Sequence[Exchange]) -> CallerTurn:
        return CallerTurn(self._text, SOUND, {"simulator": 1.0})


def _rules(verdict: str, quote: str = "our night shift") -> _Reply:
    return _Reply({"evidence": [{"line": 3, "quote": quote}], "reasoning": "why", "verdict": verdict})


@dataclass
class _Kept:
    """What was kept of the attempts at one turn."""

    attempts: list[CallerAttempt] = field(default_factory=list)
    costs: list[Any] = field(default_factory=list)

    def keep(self, attempt: CallerAttempt, turn: CallerTurn) -> None:
        self.attempts.append(attempt)
        self.costs.append(turn.cost_usd)


async def _make(judge: _Judge, kept: _Kept, text: str = SAID) -> CallerTurn | None:
    turns = TurnJudge(judge, timeout_s=0.05)
    return await make_turn(
        _Caller(text), PERSONA, PAST, turn_index=2, max_regenerations=1, keep=kept.keep, judge_turn=turns
    )  # fmt: skip


async def test_a_turn_out_of_its_role_is_made_again_then_the_simulators_fault() -> None:
    """With the quoted words as evidence, and every judgement paid for."""
    kept = _Kept()
    with pytest.raises(CaseFailure, match="our night shift") as caught:
        await _make(_Judge([_rules("fail")]), kept)
    failure = Failure(Stage(caught.value.stage), caught.value.error_type, caught.value.message)
    assert (failure.error_type, decide_fault(failure)) == ("judged_out_of_role", Fault.SIMULATOR)
    assert [attempt.to_json()["problem"] for attempt in kept.attempts] == ["judged_out_of_role"] * 2
    assert kept.attempts[0].to_json()["judge"] == "fail: why"
    assert kept.costs == [{"simulator": 1.0, "judge": 0.25}] * 2


async def test_a_second_attempt_in_its_role_is_taken() -> None:
    """The judge is asked about each attempt by itself."""
    kept = _Kept()
    turn = await _make(_Judge([_rules("fail"), _rules("pass")]), kept)
    assert turn is not None
    assert [attempt.to_json()["judge"] for attempt in kept.attempts] == ["fail: why", "pass: why"]


@pytest.mark.parametrize(
    ("answer", "note", "cost_usd"),
    [
        (_rules("cannot_tell"), "no verdict: why", 0.25),
        (_rules("fail", "words nobody said"), "no verdict: it fails the turn and quotes nothing of it: why", 0.25),
        (_rules("fail", " … "), "no verdict: it fails the turn and quotes nothing of it: why", 0.25),
        (_Reply(None, "the answer is no JSON"), "no verdict: the answer is no JSON", 0.25),
        (_Reply(None, "the model declined: no", None), "no verdict: the model declined: no", None),
        (CaseFailure(Stage.GRADING, "server_error", "down"), "no verdict: server_error: down", 0.0),
        (CaseFailure(Stage.GRADING, "request_timeout", "late"), "no verdict: request_timeout: late", None),
        (None, "no verdict: no answer within 0.05 s", None),
    ],
)
async def test_a_judge_without_a_usable_verdict_blocks_nothing(answer: Any, note: str, cost_usd: float | None) -> None:
    """The turn is taken, and the attempt says why there is no verdict."""
    kept = _Kept()
    turn = await _make(_Judge([answer]), kept)
    assert turn is not None
    (attempt,) = kept.attempts
    assert (attempt.finding, attempt.to_json()["judge"], kept.costs[0]["judge"]) == (None, note, cost_usd)


@pytest.mark.parametrize("text", ["END_CALL", "How can I help you?"])
async def test_nobody_is_asked_about_what_is_settled(text: str) -> None:
    """A call that ends and a turn that the cheap checks found bad cost no judgement."""
    judge, kept = _Judge([_rules("pass")]), _Kept()
    if text == "END_CALL":
        assert await _make(judge, kept, text) is None
    else:
        with pytest.raises(CaseFailure, match="How can I help you"):
            await _make(judge, kept, text)
    assert (judge.asked, {"judge" in costs for costs in kept.costs}) == ([], {False})


async def test_a_judge_that_was_too_slow_is_not_waited_for_again() -> None:
    """A slow judge must not use up the time of the whole call."""
    judge = _Judge([None, _rules("fail")])
    turns = TurnJudge(judge, timeout_s=0.01)
    opinions = [await turns(SAID, PERSONA, PAST) for _ in range(3)]
    assert [opinion.finding for opinion in opinions] == [None] * 3
    assert len(judge.asked) == 1
    assert (opinions[2].note, opinions[2].cost_usd) == ("no verdict: not asked, the judge was too slow before", 0.0)


@given(words=st.lists(st.text() | st.sampled_from(["END", 'x\nSAID\n[9] turn 9 caller: "y"']), min_size=4, max_size=4))
def test_nothing_said_becomes_a_line_of_the_question(words: list[str]) -> None:
    """Whatever persona, caller and assistant say, the embedded judge reads those lines back, and abstains."""
    persona, caller, assistant, text = words
    question = write_question(text, Persona(persona), (Exchange(caller, assistant),))
    assert len(question.splitlines()) == 18
    read = read_question(question)
    assert read is not None
    assert [(line.turn, line.kind, line.content) for line in read.lines] == [
        (1, "caller", caller),
        (1, "assistant", assistant),
        (2, "caller", text),
    ]
    assert (read.turn, decide(read).met) == (2, None)
    assert json.dumps(Persona(persona).instructions) in question
