"""A call in full duplex: the assistant hears all the time, and its server decides whose turn it is.

The caller of this dialogue is polite: he begins when the assistant has finished, and hears it out. What the assistant
does in its own time is its own affair: it may answer a pause, answer twice, or say something unasked. What counts as
its turn is all that began since the caller's last words began, as far as it was heard.
"""

from __future__ import annotations

from functools import cached_property

from evalkit.errors import CaseFailure
from evalkit.modes.voice.dialogue import Dialogue, DuplexEvidence, TurnEvidence
from evalkit.modes.voice.heard_turns import heard_turn, pacing_of
from evalkit.modes.voice.tool_rounds import too_many_rounds, within_turn
from evalkit.modes.voice.turn_measures import find_misbehaviour
from evalkit.realtime.duplex import CallStream, DuplexSession
from evalkit.realtime.uplink import PlacedClip
from evalkit.records.faults import Failure, Stage
from evalkit.simulator.caller import CallerTurn
from evalkit.simulator.conversation import Exchange

# A line is open for a moment before anybody speaks.
_LEAD_MS = 300.0


class DuplexDialogue(Dialogue):
    """One call; see :class:`Dialogue`."""

    @cached_property
    def _assistant(self) -> DuplexSession:
        plan = self._plan
        return DuplexSession(
            plan.url,
            {**plan.headers, **self._introduction.headers(plan.url, "assistant")},
            source="assistant",
            trace=self._trace,
            timeline=self._timeline,
            stream=CallStream(plan.chunk_ms, self._name_wav(None, "uplink"), self._name_wav(None, "downlink")),
            on_rate_limits=plan.on_rate_limits,
        )

    @cached_property
    def _left(self) -> DuplexEvidence:
        return DuplexEvidence(self._assistant)

    async def _begin(self) -> None:
        await super()._begin()
        self._assistant.begin()
        self._evidence.duplex = self._left
        await self._timeline.sleep_until((self._assistant.began_at_ms + _LEAD_MS) / 1000)

    def _conclude(self) -> None:
        super()._conclude()
        if self._evidence.duplex is not None:
            self._left.until_ms = self._assistant.now_ms
            self._keep_turns()

    async def _take_turn(self, index: int, said: CallerTurn) -> Failure | None:
        session = self._assistant
        turn = await self._carry(index, said)
        await self._wait_for_silence()
        self._evidence.turns.append(turn)
        session.begin_turn(index)
        clip = self._left.clips[index] = session.say(turn.wire)
        failure = await within_turn(self._listen(clip, turn), self._limits)
        self._keep_turns()
        self.past.append(Exchange(turn.user_text, turn.result.assistant_text))
        return failure or find_misbehaviour(turn.result, must_speak=True)

    async def _wait_for_silence(self) -> None:
        """Let the assistant finish what it says unasked."""
        limit_s = self._limits.response_timeout_s
        if not await self._assistant.silence(timeout_s=limit_s):
            message = f"the assistant spoke on, unasked, for {limit_s:g} s"
            raise CaseFailure(Stage.RESPONSE_TIMEOUT, "timeout", message)

    async def _listen(self, clip: PlacedClip, turn: TurnEvidence) -> Failure | None:
        """Hear the assistant out, and answer its tool calls; return what its last response failed with."""
        session, limits = self._assistant, self._limits
        for _ in range(limits.max_tool_rounds + 1):
            try:
                calls = await session.listen(clip, timeout_s=limits.response_timeout_s)
            except CaseFailure as failure:
                self._left.ended_waiting = failure.stage == Stage.RESPONSE_TIMEOUT
                raise
            if not calls:
                return session.responses[-1].result.failure
            called_at_ms = self._timeline.now_ms()
            answers = await self._answer_tools(calls)
            turn.outputs += answers
            await session.answer_tools(answers)
            self._left.tool_times_ms.append((called_at_ms, self._timeline.now_ms()))
        raise too_many_rounds(limits)

    def _keep_turns(self) -> None:
        """Leave in the evidence what has been heard by now: of earlier turns too, for they may have gone on."""
        for turn in self._evidence.turns:
            turn.result = heard_turn(self._assistant, turn.index)
            clip = self._left.clips.get(turn.index)
            turn.pacing = None if clip is None else pacing_of(self._assistant, clip, self._plan.chunk_ms)
