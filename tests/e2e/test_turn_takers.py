"""How the embedded models take turns, told by what they send: real speech over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from phone_caller import PhoneCaller, calling, spoken

STARTED, STOPPED = "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"
DONE, CREATED = "response.done", "response.created"
NOTHING = frozenset({"response.output_audio.delta", "response.output_audio_transcript.delta"})
TOOLS = [
    {"type": "function", "name": name, "description": description, "parameters": {"type": "object", "properties": {}}}
    for name, description in (
        ("open_account", "Open an account with a bank that is not far away from where you live."),
        ("close_account", "Close an account that nobody has used for more than a year and a day."),
        ("move_account", "Move an account to another branch in another part of the country."),
    )
]
SESSION = {"tools": TOOLS, "audio": {"output": {"speed": 0.7}}}


@dataclass(frozen=True)
class Voices:
    """What the caller says, in one voice."""

    question: Any
    objection: Any
    wait: Any
    murmur: Any
    long_murmur: Any
    aside: Any
    um: Any


@pytest.fixture(scope="module")
def voices(service_url: str) -> Voices:
    """All that is said here, said once."""

    def say(text: str) -> Any:
        return spoken(service_url, text)

    return Voices(
        question=say("Can you tell me where my parcel is?"),
        objection=say("Wait a moment please, that is not what I asked."),
        wait=say("Wait!"),
        murmur=say("Okay."),
        long_murmur=say("Oh, okay, I see. Right. Okay."),
        aside=quieter(spoken(service_url, "Could you turn that down, please?", "marin")),
        um=say("Um."),
    )


def quieter(pcm: Any) -> Any:
    """Return a sound 14 dB less loud."""
    return (pcm * 0.2).astype(np.int16)


@asynccontextmanager
async def answered_by(
    service_url: str, model: str, question: Any, detection: dict[str, Any] | None = None
) -> AsyncIterator[PhoneCaller]:
    """Ask `model` something, and be half a second into its long answer."""
    session = {
        **SESSION,
        "audio": {**SESSION["audio"], "input": {"turn_detection": detection or {"type": "server_vad"}}},
    }
    async with calling(service_url, model, session) as caller:
        caller.say(question)
        await caller.until("response.output_audio.delta")
        await caller.during(0.8)
        yield caller


async def what_follows(caller: PhoneCaller, said: Any, seconds: float = 4.0) -> list[str]:
    """Say something and return the types of what follows, without the sound of an answer that goes on."""
    caller.say(said)
    return [kind for kind in await caller.during(len(said) / 24_000 + seconds) if kind not in NOTHING]


def is_left_alone(types: list[str]) -> bool:
    """Whether nothing was told, stopped or begun."""
    return not {STARTED, "input_audio_buffer.committed", CREATED} & set(types)


@pytest.mark.parametrize(
    ("sound", "kind"),
    [
        ("murmur", "server_vad"),
        ("aside", "server_vad"),
        pytest.param("um", "server_vad", marks=pytest.mark.slow),
        pytest.param("murmur", "semantic_vad", marks=pytest.mark.slow),
        pytest.param("aside", "semantic_vad", marks=pytest.mark.slow),
        pytest.param("um", "semantic_vad", marks=pytest.mark.slow),
    ],
)
async def test_what_is_no_interruption(service_url, voices, sound, kind):
    """An answer goes on over an "okay", an "um" and a word to somebody else: nothing is told of them."""
    async with answered_by(service_url, "local-agent", voices.question, {"type": kind}) as caller:
        assert is_left_alone(await what_follows(caller, getattr(voices, sound)))
        assert caller.of(DONE)[0]["response"]["status"] == "completed"


@pytest.mark.parametrize("sound", ["objection", "wait"])
async def test_an_interruption(service_url, voices, sound):
    """Who interrupts is yielded to, with a word too: the turn begins where they began, and is answered."""
    async with answered_by(service_url, "local-agent", voices.question) as caller:
        appended_ms = caller.sent_ms
        caller.say(getattr(voices, sound))
        started = await caller.until(STARTED, 2)
        assert started["audio_start_ms"] == pytest.approx(appended_ms - 300, abs=150)
        stopped = await caller.until(STOPPED, 2)
        length_ms = len(getattr(voices, sound)) / 24
        assert stopped["audio_end_ms"] == pytest.approx(appended_ms + length_ms + 600, abs=150)
        await caller.until(CREATED, 2)


@pytest.mark.slow
async def test_a_stop_for_nothing(service_url, voices):
    """After a long murmur, which nobody can tell from a word at once, the agent goes on with what was not heard."""
    async with answered_by(service_url, "local-agent", voices.question) as caller:
        caller.say(voices.long_murmur)
        await caller.until(STARTED, 2)
        rest = (await caller.until(DONE, 2))["response"]
    first, second = (one["response"]["output"][0]["content"][0]["transcript"] for one in caller.of(DONE))
    whole = "I'm sorry, I can't help with that. I can, for example, open an account"
    assert rest["status"] == "completed"
    assert first.startswith("I'm sorry")
    assert len(second) > 40
    assert not whole.startswith(second[:20])


@pytest.mark.slow
async def test_tics_in_silence(service_url, voices):
    """What is said to nobody while nobody speaks becomes an item, and gets no answer; what comes then is answered."""
    async with calling(service_url, "local-agent", SESSION) as caller:
        assert CREATED not in await what_follows(caller, voices.um, 5.0)
        assert caller.types.count("input_audio_buffer.committed") == 1
        caller.say(voices.question)
        assert (await caller.until(DONE))["response"]["status"] == "completed"
        await caller.during(8)
        assert CREATED not in await what_follows(caller, voices.aside, 5.0)
