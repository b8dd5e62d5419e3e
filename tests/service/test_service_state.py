"""What the routes share."""

from __future__ import annotations

import pytest

from evalkit.errors import ConfigError
from evalkit.service.audio_engines import AudioEngines
from evalkit.service.bad_request import BadRequest
from evalkit.service.brain.conversation import Conversation, Reply, UserTurn
from evalkit.service.brain.rules.brain import RulesBrain
from evalkit.service.service_state import KeyCheck, ServiceState, model_not_found, read_aliases


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


async def test_a_model_answers_to_other_names_on_request(fake_speech, fake_transcription):
    """Every model under its own as well; the listing has both."""
    state = ServiceState(RulesBrain({}), AudioEngines(fake_speech, fake_transcription))
    state.aliases = read_aliases(["gpt-4o-mini-tts=local-speech"], state.answered_models, state.brain.knows)
    assert [state.model_named(name) for name in ("gpt-4o-mini-tts", "local-speech")] == ["local-speech"] * 2
    assert "gpt-4o-mini-tts" in state.all_models
    await state.aclose()


def test_a_name_that_nobody_answers_to_is_refused_with_the_remedy():
    """What there is, and how to have it answer to that name."""
    refusal = model_not_found("tts-1", ["local-speech"])
    assert refusal.status == 404
    assert "available are: local-speech." in refusal.message
    assert "--alias tts-1=MODEL" in refusal.message


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ("tts-1", "expected NAME=MODEL"),
        ("=local-speech", "expected NAME=MODEL"),
        ("tts-1=", "expected NAME=MODEL"),
        ("tts-1=local-spech", "there is no model 'local-spech'; available are: local-speech"),
        ("local-speech=local-speech", "is a model of its own"),
    ],
)
def test_a_wrong_alias(pair, told):
    """It is told what was found and what is expected."""
    with pytest.raises(ConfigError, match=f"--alias {pair}: .*{told}"):
        read_aliases([pair], ["local-speech"], lambda _: False)


def test_aliases_go_together():
    """Several names of a model, the same one twice, and a chat model that only its endpoint knows; not two for one."""
    pairs = ["tts-1=local-speech", "tts-2=local-speech", "tts-1 = local-speech", "gpt-9=qwen3"]
    told = read_aliases(pairs, ["local-speech"], lambda model: model == "qwen3")
    assert told == {"tts-1": "local-speech", "tts-2": "local-speech", "gpt-9": "qwen3"}
    with pytest.raises(ConfigError, match="--alias tts-1=qwen3: 'tts-1' is another name of 'local-speech' already"):
        read_aliases(["tts-1=local-speech", "tts-1=qwen3"], ["local-speech"], lambda _: True)
