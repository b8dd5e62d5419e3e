"""One turn in writing: a text into a fresh Realtime session, the assistant's first turn out, as a record.

connect → session.update → conversation.item.create → response.create → (answer tools →)* → record

Whatever goes wrong on the way becomes a failure in the record, beside all that had been read by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from evalkit.clock import Clock
from evalkit.modes.attempt import Evidence, make_attempt
from evalkit.modes.voice.tool_rounds import AnswerTools, respond_with_tools
from evalkit.modes.voice.transcript import order_steps
from evalkit.modes.voice.turn_measures import find_misbehaviour
from evalkit.realtime.events import SessionSpec
from evalkit.realtime.introduction import Introduction
from evalkit.realtime.rate_limits import OnRateLimits
from evalkit.realtime.results import TurnResult
from evalkit.realtime.session import RealtimeSession
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Trace
from evalkit.records.case import CaseTrial
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord, ToolOutput, Turn, Usage
from evalkit.settings.types import LimitSettings
from evalkit.store.event_log import open_event_log
from evalkit.store.run_directory import RunDirectory

_CONFIGURE_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class WrittenTurnSetup:
    """What all cases of a run share.

    Attributes:
        session: How the assistant is configured: in writing.
        url: The realtime address, model and all.
        headers: Of the handshake; they hold the key and are never shown.
        assistant_model: What its tokens are priced by.
        fingerprint: The settings that decide the records, as each of them stores them.
        price: Tokens and model -> dollars, or None when the price is unknown.
        new_tools: Makes the tools of one conversation; None: calls are not answered and end the turn.
        on_rate_limits: Called with the server's rate limits whenever it sends them.

    """

    session: SessionSpec
    url: str
    headers: Mapping[str, str] = field(repr=False)
    assistant_model: str
    limits: LimitSettings
    run: RunDirectory
    clock: Clock
    fingerprint: JsonObject
    price: Callable[[Usage, str], float | None]
    new_tools: Callable[[CaseTrial], AnswerTools] | None = None
    on_rate_limits: OnRateLimits = lambda _: None


@dataclass
class _TurnSoFar:
    """The data of the turn so far; `sent`: whether the assistant was told anything."""

    sent: bool = False
    result: TurnResult = field(default_factory=lambda: TurnResult(()))
    outputs: list[ToolOutput] = field(default_factory=list)


async def run_written_turn(setup: WrittenTurnSetup, trial: CaseTrial, attempt: int) -> CaseRecord:
    """Make one attempt at `trial` and return its record. A case's failure is not raised."""
    text = str(trial.case.inputs["user_text"])
    turn = _TurnSoFar()

    async def hold(evidence: Evidence) -> None:
        await _converse(setup, trial, attempt, text, turn, evidence)

    def conclude(evidence: Evidence) -> None:
        evidence.failure = evidence.failure or find_misbehaviour(turn.result)
        evidence.served_model = turn.result.served_model or evidence.served_model
        if turn.result.responses:
            evidence.cost_usd["assistant"] = setup.price(turn.result.usage, setup.assistant_model)
        if turn.sent:
            evidence.turns.append(_make_turn(text, turn))

    limit_s = setup.limits.case_timeout_s
    return await make_attempt(trial, setup.fingerprint, hold, conclude, clock=setup.clock, timeout_s=limit_s)


async def _converse(
    setup: WrittenTurnSetup, trial: CaseTrial, attempt: int, text: str, turn: _TurnSoFar, evidence: Evidence
) -> None:
    async with open_event_log(setup.run.events_path(trial.key)) as log:
        evidence.artifacts["event_log_path"] = setup.run.relative(setup.run.events_path(trial.key))
        introduction = Introduction(trial.key, attempt, trial.seed)
        session = RealtimeSession(
            setup.url,
            {**setup.headers, **introduction.headers(setup.url, "assistant")},
            source="assistant",
            trace=Trace(log.write, elide_audio=True),
            timeline=Timeline.begin(setup.clock),
            on_rate_limits=setup.on_rate_limits,
        )
        try:
            async with session:
                await session.configure(setup.session, timeout_s=_CONFIGURE_TIMEOUT_S)
                session.begin_turn(1)
                turn.sent = True
                await session.add_user_text(text)
                answer_tools = setup.new_tools(trial) if setup.new_tools else None
                evidence.failure = await respond_with_tools(session, answer_tools, setup.limits, turn.outputs)
        finally:
            turn.result = session.turn_result()
            evidence.served_model = session.served_model or ""


def _make_turn(text: str, turn: _TurnSoFar) -> Turn:
    return Turn(
        turn_index=1,
        user_text=text,
        steps=order_steps(turn.result, turn.outputs),
        latencies=turn.result.latencies,
        labels=turn.result.labels,
        usage=turn.result.usage,
        status=turn.result.status,
    )
