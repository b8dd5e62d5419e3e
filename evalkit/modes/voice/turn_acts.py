"""What a caller does in one turn of a call in full duplex beside what he says in it, done when its moment comes.

An act has a moment when what it comes after has happened and its delay is over. During an answer it is done only while
at least :data:`MIN_LEFT_MS` of it are still to be heard: whoever stops then has been stopped, and was not at its end. A
server sends sound faster than it is heard, so that much of an answer is known early; until it is known, the act waits,
and where it never is, the act is left out. Of an application that sends sound as it is heard, as many do over a
telephone line, nobody knows how much is left: there an act is done at its moment while something is heard, and an
answer that ended by itself meanwhile counts as no stop. What was done is kept at once, with its place on the uplink's
sample clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evalkit.realtime.live_call import LiveCall
from evalkit.realtime.uplink import PlacedClip
from evalkit.simulator.behaviour import ActTrigger, BehaviourAct, PlannedAct

MIN_LEFT_MS = 3000.0
"""So much of an answer must still be to come for a caller to do something during it."""

LEAD_MS = 100.0
"""So long before its moment an act is put on the uplink, so that it begins at the sample it was planned for."""

PATIENCE_MS = 4000.0
"""A caller who interrupted and hears nothing goes on after so long a silence."""

_CALL_ENDED = "the call ended first"
_NO_EVENT = {
    ActTrigger.ASSISTANT_SPEAKS: "the assistant was not heard",
    ActTrigger.GREETING: "the assistant did not greet",
    ActTrigger.TOOL_CALLED: "no tool was called",
    ActTrigger.ASSISTANT_FINISHED: _CALL_ENDED,
    ActTrigger.ACT_ANSWERED: "what it follows was left out, or the call ended first",
}


@dataclass(frozen=True)
class PreparedAct:
    """An act with its sound.

    Attributes:
        plan: What is to be done.
        clean_wire: Its sound before the line.
        wire: The same as the assistant is sent it.
        follow_up: What is said when the assistant has dealt with it.

    """

    plan: PlannedAct
    clean_wire: bytes
    wire: bytes
    follow_up: PreparedAct | None = None


@dataclass(frozen=True)
class DoneAct:
    """An act that was carried out.

    Attributes:
        turn_index: Its turn.
        plan: What was planned.
        clean_wire: Its sound before the line.
        trigger_ms: When that happened which it comes after, on the call's clock.
        waited_ms: How long it waited beyond its moment until enough of the answer had come.
        clip: Where it lies on the uplink.

    """

    turn_index: int
    plan: PlannedAct
    clean_wire: bytes
    trigger_ms: float
    waited_ms: float
    clip: PlacedClip


@dataclass(frozen=True)
class OmittedAct:
    """An act that was planned and not carried out, and why."""

    turn_index: int
    plan: PlannedAct
    reason: str


class TurnActs:
    """The acts of one turn.

    Args:
        session: The assistant's.
        turn_index: The turn.
        prepared: The acts.
        keep: Gets each act as it is done.

    """

    def __init__(
        self,
        session: LiveCall,
        turn_index: int,
        prepared: Sequence[PreparedAct],
        keep: Callable[[DoneAct], None],
    ) -> None:
        self._session, self._turn_index, self._keep = session, turn_index, keep
        self._waiting = list(prepared)
        self._left_too_little: set[int] = set()
        self._tool_called_ms: float | None = None

    def look(self) -> bool:
        """Do what is due; return whether something will be that has its moment only when the assistant has finished."""
        session = self._session
        goes_on = False
        for act in tuple(self._waiting):
            now_ms, clips = session.now_ms, session.uplink.clips
            if session.speech.is_speaking or (clips and clips[-1].end_ms > now_ms):
                return goes_on
            trigger_ms = self._trigger_ms(act.plan)
            if trigger_ms is None:
                continue
            at_ms = max(now_ms, trigger_ms + act.plan.delay_ms)
            if at_ms - now_ms > LEAD_MS:
                goes_on = goes_on or act.plan.after in (ActTrigger.TOOL_CALLED, ActTrigger.ASSISTANT_FINISHED)
            elif self._has_room(act.plan, at_ms):
                self._do(act, trigger_ms, at_ms)
            else:
                self._left_too_little.add(id(act))
        return goes_on

    def tools_called(self) -> None:
        """Take it that the assistant has called tools; what comes after that is done while they are at work."""
        if self._tool_called_ms is not None:
            return
        called_ms = self._tool_called_ms = self._session.now_ms
        for act in tuple(self._waiting):
            at_ms = called_ms + act.plan.delay_ms
            is_due = act.plan.after is ActTrigger.TOOL_CALLED and self._session.heard_at(at_ms) is None
            if is_due and self._has_room(act.plan, at_ms):
                self._do(act, called_ms, at_ms)

    def left_out(self) -> tuple[OmittedAct, ...]:
        """Return what has not been done, each with the reason as it is now."""
        return tuple(
            OmittedAct(self._turn_index, plan, self._reason(act, plan))
            for act in self._waiting
            for plan in (act.plan, act.plan.follow_up)
            if plan is not None
        )

    def _trigger_ms(self, plan: PlannedAct) -> float | None:
        """Return when that happened which an act comes after; None: it has not."""
        session = self._session
        match plan.after:
            case ActTrigger.ASSISTANT_SPEAKS | ActTrigger.GREETING:
                heard = session.heard_at(session.now_ms)
                return None if heard is None else heard[0]
            case ActTrigger.TOOL_CALLED:
                return self._tool_called_ms
            case ActTrigger.ASSISTANT_FINISHED:
                return session.quiet_since_ms() if session.has_answered() else None
            case ActTrigger.ACT_ANSWERED:
                quiet_ms = session.quiet_since_ms()
                waited = quiet_ms is not None and session.now_ms >= quiet_ms + PATIENCE_MS
                return session.now_ms if waited or session.has_answered() else None
        return None

    def _has_room(self, plan: PlannedAct, at_ms: float) -> bool:
        """Whether enough of the answer is left; it need not be heard at all where the act is not about that."""
        heard = self._session.heard_at(at_ms)
        if heard is None:
            return plan.after is not ActTrigger.ASSISTANT_SPEAKS and (
                plan.act is not BehaviourAct.INTERRUPTION or plan.after is ActTrigger.ACT_ANSWERED
            )
        return heard[1] - at_ms >= MIN_LEFT_MS or not self._session.sends_ahead

    def _do(self, act: PreparedAct, trigger_ms: float, at_ms: float) -> None:
        plan = act.plan
        clip = (
            self._session.press_keys(plan.keys, not_before_ms=at_ms)
            if plan.act is BehaviourAct.KEYPRESS
            else self._session.say(act.wire, not_before_ms=at_ms, wants_answer=plan.act.wants_answer)
        )
        self._waiting.remove(act)
        waited_ms = at_ms - trigger_ms - act.plan.delay_ms if id(act) in self._left_too_little else 0.0
        self._keep(DoneAct(self._turn_index, act.plan, act.clean_wire, trigger_ms, waited_ms, clip))
        if act.follow_up is not None:
            self._waiting.insert(0, act.follow_up)

    def _reason(self, act: PreparedAct, plan: PlannedAct) -> str:
        if plan is act.plan and id(act) in self._left_too_little:
            return f"the assistant had never {MIN_LEFT_MS / 1000:g} s of an answer left at its moment"
        if plan.after is ActTrigger.TOOL_CALLED and self._tool_called_ms is not None:
            return "the assistant was not heard after it had called a tool"
        return _NO_EVENT[plan.after] if plan.after is not None else _CALL_ENDED
