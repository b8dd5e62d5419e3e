"""From the end of an utterance to the end of the answer: responses, and the tools' answers between them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from evalkit.errors import CaseFailure
from evalkit.records.faults import Failure, Stage
from evalkit.records.record import ToolCall, ToolOutput

if TYPE_CHECKING:
    from evalkit.realtime.session import RealtimeSession
    from evalkit.settings.types import LimitSettings

AnswerTools = Callable[[Sequence[ToolCall]], Awaitable[list[ToolOutput]]]
"""Answers all calls of one response, in their order, an output each."""


async def respond_with_tools(
    session: RealtimeSession, answer_tools: AnswerTools | None, limits: LimitSettings, outputs: list[ToolOutput]
) -> Failure | None:
    """Ask for responses until one calls no tool; return what the last one failed with, if it did.

    Args:
        session: The assistant's.
        answer_tools: None: calls are not answered, and the first response is the last.
        limits: How long to wait, and how often.
        outputs: Gets every answer that was given, as it is given.

    Raises:
        CaseFailure: A response or a turn that did not end in time, or an assistant that calls tools for ever.

    """
    return await within_turn(_respond(session, answer_tools, limits, outputs), limits)


async def within_turn(doing: Awaitable[Failure | None], limits: LimitSettings) -> Failure | None:
    """Return what `doing` returns. Raises CaseFailure where that takes longer than a turn may."""
    try:
        async with asyncio.timeout(limits.turn_timeout_s) as deadline:
            return await doing
    except TimeoutError:
        if not deadline.expired():
            raise
        limit = f"not done within limits.turn_timeout_s ({limits.turn_timeout_s:g} s)"
        raise CaseFailure(Stage.TURN_TIMEOUT, "timeout", limit) from None


def too_many_rounds(limits: LimitSettings) -> CaseFailure:
    """Return the failure of an assistant that calls tools for ever."""
    return CaseFailure(
        Stage.TOOL_ROUNDS, "too_many_tool_rounds", f"still calling tools after {limits.max_tool_rounds} rounds"
    )


async def _respond(
    session: RealtimeSession, answer_tools: AnswerTools | None, limits: LimitSettings, outputs: list[ToolOutput]
) -> Failure | None:
    for _ in range(limits.max_tool_rounds + 1):
        response = await session.respond(timeout_s=limits.response_timeout_s)
        if response.failure is not None or answer_tools is None or not response.tool_calls:
            return response.failure
        answers = await answer_tools(response.tool_calls)
        outputs += answers
        await session.answer_tools(answers)
    raise too_many_rounds(limits)
