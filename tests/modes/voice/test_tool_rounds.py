"""Responses and tool answers in turn, until the assistant is done or the limit is reached."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import CaseFailure
from evalkit.modes.voice.tool_rounds import respond_with_tools
from evalkit.records.faults import Failure, Stage
from evalkit.records.record import ToolCall, ToolOutput


class _Session:
    """Calls so many tools in each response; the last one may fail."""

    def __init__(self, rounds: Sequence[int], failure: Failure | None = None) -> None:
        self.rounds, self.failure, self.log = list(rounds), failure, list[str]()

    async def respond(self, *, timeout_s: float) -> Any:
        self.log.append("respond")
        count = self.rounds.pop(0) if self.rounds else 0
        calls = tuple(ToolCall("t", {}, "{}", f"c{len(self.log)}_{n}") for n in range(count))
        return SimpleNamespace(tool_calls=calls, failure=None if calls else self.failure)

    async def answer_tools(self, outputs: Sequence[ToolOutput]) -> None:
        self.log += [output.call_id for output in outputs]


async def _answer(calls: Sequence[ToolCall]) -> list[ToolOutput]:
    return [ToolOutput(call.call_id, call.name, call.arguments, None) for call in calls]


def _limits(rounds: int, turn_timeout_s: float | None = None) -> Any:
    return SimpleNamespace(max_tool_rounds=rounds, response_timeout_s=1, turn_timeout_s=turn_timeout_s)


@given(rounds=st.lists(st.integers(1, 3), max_size=5), limit=st.integers(0, 6))
async def test_every_call_is_answered_once_before_the_next_response(rounds: list[int], limit: int) -> None:
    """And more rounds than allowed are the assistant's failure, with all answers kept."""
    session, outputs = _Session(rounds), list[ToolOutput]()
    held = respond_with_tools(session, _answer, _limits(limit), outputs)  # type: ignore[arg-type]
    if len(rounds) > limit:
        with pytest.raises(CaseFailure) as caught:
            await held
        assert caught.value.stage is Stage.TOOL_ROUNDS
    else:
        assert await held is None
    answered = rounds[: limit + 1]
    assert len(outputs) == sum(answered)
    ids = [output.call_id for output in outputs]
    assert [entry for entry in session.log if entry != "respond"] == ids
    assert len(set(ids)) == len(ids)
    assert session.log.count("respond") == min(len(rounds), limit) + 1


async def test_without_answers_the_first_response_is_the_last() -> None:
    """A crawl's turn ends with it, calls and all."""
    session = _Session([2, 1])
    assert await respond_with_tools(session, None, _limits(3), []) is None  # type: ignore[arg-type]
    assert session.log == ["respond"]


async def test_a_failed_response_ends_the_turn() -> None:
    """And is returned, not raised: it has its own words."""
    failure = Failure(Stage.RESPONSE_STATUS, "response_incomplete", "cut off")
    session = _Session([1], failure)
    assert await respond_with_tools(session, _answer, _limits(3), []) is failure  # type: ignore[arg-type]


async def test_a_turn_that_takes_too_long_is_the_assistants_failure() -> None:
    """However quick each response is; what had been answered by then is kept."""

    async def answer_slowly(calls: Sequence[ToolCall]) -> list[ToolOutput]:
        await asyncio.sleep(0.03)
        return await _answer(calls)

    session, outputs = _Session([1] * 50), list[ToolOutput]()
    with pytest.raises(CaseFailure, match="turn_timeout_s") as caught:
        await respond_with_tools(session, answer_slowly, _limits(60, 0.1), outputs)  # type: ignore[arg-type]
    assert caught.value.stage is Stage.TURN_TIMEOUT
    assert 1 <= len(outputs) <= 4
