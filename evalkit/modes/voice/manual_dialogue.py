"""A call in which the client takes the turns: it says when the caller has finished, and asks for the answer."""

from __future__ import annotations

from evalkit.modes.voice.asked_dialogue import AskedDialogue
from evalkit.modes.voice.conversation_audio import HeardTurn, place_answer
from evalkit.modes.voice.heard_words import what_was_heard
from evalkit.modes.voice.tool_rounds import respond_with_tools
from evalkit.modes.voice.turn_evidence import TurnEvidence
from evalkit.modes.voice.turn_measures import find_misbehaviour
from evalkit.records.faults import Failure
from evalkit.simulator.caller import CallerTurn
from evalkit.simulator.conversation import Exchange


class ManualDialogue(AskedDialogue):
    """One call; see :class:`~evalkit.modes.voice.dialogue.Dialogue`."""

    _playing_until_ms = 0.0

    async def _take_turn(self, index: int, said: CallerTurn) -> Failure | None:
        """Send `said` to the assistant and wait for its answer; return what is wrong with the answer."""
        plan, session = self._plan, self._assistant
        turn = await self._carry(index, said)
        self._evidence.turns.append(turn)
        session.begin_turn(
            index, input_wav=self._name_wav(index, "user"), output_wav=self._name_wav(index, "assistant")
        )
        try:
            if plan.real_time:
                await self._timeline.sleep_until(self._playing_until_ms / 1000)
            turn.pacing = await session.send_audio(turn.wire, chunk_ms=plan.chunk_ms, real_time=plan.real_time)
            failure = await respond_with_tools(session, self._answer_tools, self._limits, turn.outputs)
            turn.heard = await what_was_heard(session, plan.session)
        finally:
            turn.result = session.turn_result()
        self._playing_until_ms = max((clip.end_ms for clip in place_answer(self._heard(turn))), default=0.0)
        self.past.append(Exchange(turn.user_text, turn.result.assistant_text))
        return failure or find_misbehaviour(turn.result, must_speak=True)

    def _heard(self, turn: TurnEvidence) -> HeardTurn:
        """Return the sound of a turn."""
        session = self._plan.session
        return HeardTurn(turn.wire, session.input_format, turn.pacing, turn.result, session.output_format)
