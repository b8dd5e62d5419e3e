"""What the routes share."""

from __future__ import annotations

import pytest

from evalkit.service.audio_engines import AudioEngines
from evalkit.service.bad_request import BadRequest
from evalkit.service.brain.conversation import Conversation, Reply, UserTurn
from evalkit.service.brain.rules.brain import RulesBrain
from evalkit.service.service_state import KeyCheck, ServiceState


def test_an_open_gate():
    """Without a key everybody may come in."""
    KeyCheck().check({})


@pytest.mark.parametrize("headers", [{"authorization": "Bearer k"}, {"authorization": "bearer k"}, {"api-key": "k"}])
def test_either_header_opens(headers):
    """The key may come as a bearer token or as api-key."""
    KeyCheck("k").check(headers)


@pytest.mark.parametrize(
    "headers", [{}, {"api-key": "K"}, {"authorization": "Bearer"}, {"authorization": "k"}, {"api-key": "ü"}]
)
def test_a_wrong_key(headers):
    """Anything else is status 401, and the key is not in the message."""
    with pytest.raises(BadRequest) as refusal:
        KeyCheck("k").check(headers)
    assert (refusal.value.status, refusal.value.code) == (401, "invalid_api_key")


async def test_replies_are_counted(fake_speech, fake_transcription):
    """A model's reply is computed off the event loop and counted."""
    brain = RulesBrain({"m": lambda conversation: Reply(conversation.items[0].text)})
    state = ServiceState(brain, AudioEngines(fake_speech, fake_transcription))
    reply = await state.reply("m", Conversation("", (), (UserTurn("hi"),)))
    assert reply.text == "hi"
    assert state.counters["responses_computed"] == 1
    await state.aclose()
