"""A simulated conversation in writing: what the caller says is sent as text, and the assistant answers in text."""

from __future__ import annotations

from evalkit.modes.voice.asked_dialogue import AskedDialogue
from evalkit.modes.voice.tool_rounds import respond_with_tools
from evalkit.modes.voice.turn_evidence import TurnEvidence
from evalkit.modes.voice.turn_measures import find_misbehaviour
from evalkit.records.faults import Failure
from evalkit.simulator.caller import CallerTurn
from evalkit.simulator.conversation import Exchange


class WrittenDialogue(AskedDialogue):
    """One conversation; see :class:`~evalkit.modes.voice.dialogue.Dialogue`."""

    async def _take_turn(self, index: int, said: CallerTurn) -> Failure | None:
        """Send `said` to the assistant and wait for its answer; return what is wrong with the answer."""
        session = self._assistant
        turn = TurnEvidence(index, said.text, b"", b"", {}, None)
        self._evidence.turns.append(turn)
        session.begin_turn(index)
        try:
            await session.add_user_text(said.text)
            failure = await respond_with_tools(session, self._answer_tools, self._limits, turn.outputs)
        finally:
            turn.result = session.turn_result()
        self.past.append(Exchange(turn.user_text, turn.result.assistant_text))
        return failure or find_misbehaviour(turn.result, must_speak=True)
