"""A call in full duplex: the assistant hears all the time, and its server decides whose turn it is.

The caller of this dialogue is polite: he begins when the assistant has finished, and hears it out
(:mod:`evalkit.modes.voice.duplex_line`).
"""

from __future__ import annotations

from functools import cached_property

from evalkit.modes.voice.dialogue import Dialogue
from evalkit.modes.voice.duplex_line import DuplexLine
from evalkit.modes.voice.turn_measures import find_misbehaviour
from evalkit.realtime.duplex import CallStream, DuplexSession
from evalkit.records.faults import Failure
from evalkit.simulator.caller import CallerTurn
from evalkit.simulator.conversation import Exchange


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
    def _line(self) -> DuplexLine:
        return DuplexLine(self._assistant, self._timeline, self._limits, self._plan.chunk_ms)

    async def _begin(self) -> None:
        await super()._begin()
        self._evidence.duplex = self._line.left
        await self._line.open()

    def _conclude(self) -> None:
        super()._conclude()
        if self._evidence.duplex is not None:
            self._line.close(self._evidence.turns)

    async def _take_turn(self, index: int, said: CallerTurn) -> Failure | None:
        turn = await self._carry(index, said)
        await self._line.wait_for_silence()
        self._evidence.turns.append(turn)
        failure = await self._line.exchange(turn, self._answer_tools)
        self._line.keep(self._evidence.turns)
        self.past.append(Exchange(turn.user_text, turn.result.assistant_text))
        return failure or find_misbehaviour(turn.result, must_speak=True)
