"""A text model as the caller: what it is asked, what is spoken, what it costs, and whose fault its trouble is."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from evalkit.providers.text_model import Answer, TextModel
from evalkit.records.record import Usage
from evalkit.simulator.caller import CallerTurn, TextCaller
from evalkit.simulator.conversation import Exchange
from evalkit.simulator.persona import Persona


class _Model:
    """Answers with one text, and remembers what it was asked."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: list[Any] = []

    async def ask(self, instructions: str, text: Any) -> Answer:
        self.asked.append((instructions, text))
        return Answer(self.text, None, "", Usage(input_tokens=2), "m")


async def _speak(text: str) -> CallerTurn:
    return CallerTurn(text, np.ones(len(text), dtype=np.int16), {"speech": 0.5})


def _caller(model: _Model) -> TextCaller:
    return TextCaller(cast("TextModel", model), Persona("You call.", "Hurry."), _speak, price=lambda _: 0.25)


async def test_a_text_caller_is_asked_with_the_whole_call_and_spoken() -> None:
    """Persona and style as instructions, both sides' words as messages, and two roles to pay."""
    model = _Model(" When? ")
    async with _caller(model) as caller:
        caller.begin_turn(2, "turn_02_caller.wav")
        turn = await caller.speak([Exchange("Hi.", "Hello.")])
    assert (turn.text, turn.pcm.size) == ("When?", 5)
    assert turn.cost_usd == {"simulator": 0.25, "speech": 0.5}
    instructions, messages = model.asked[0]
    assert instructions == "You call.\n\n# Style\nHurry.\n"
    assert messages == [{"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Hello."}]
    assert caller.sound == b""


@pytest.mark.parametrize("text", ["END_CALL", "end call.", ""])
async def test_what_is_not_played_is_not_spoken(text: str) -> None:
    """Neither the end of the call nor silence costs a synthesis."""
    turn = await _caller(_Model(text)).speak([])
    assert (turn.text, turn.pcm.size, turn.cost_usd) == (text, 0, {"simulator": 0.25})
