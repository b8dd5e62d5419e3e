"""A client for sessions without a socket, fake engines, and a strict reading of server events."""

from __future__ import annotations

import base64
import io
import threading
import time
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pydantic
import pytest
import soundfile
import uvicorn
from openai import AsyncOpenAI
from openai.types.realtime import RealtimeServerEvent

from evalkit.audio.g711 import Pcm
from evalkit.service.app import create_app
from evalkit.service.audio_engines import AudioEngines
from evalkit.service.brain.by_name import BrainsByName
from evalkit.service.brain.chat.brain import ChatBrain
from evalkit.service.brain.chat.endpoint import ChatEndpoint
from evalkit.service.brain.conversation import Answered, Call, Conversation, Model, Reply, UserTurn
from evalkit.service.brain.rules.brain import RulesBrain
from evalkit.service.brain.seam import Brain
from evalkit.service.line import LineProtocol
from evalkit.service.session import Session
from evalkit.service.session_config import VoiceLimits
from evalkit.service.speech.seam import SpeechAudio
from evalkit.service.work import FindVoice, LetTimePass, Recognise, SessionStep, Speak, Think, Work

LIMITS = VoiceLimits(("marin", "cedar"), 0.5, 1.6)
# The real API sends these in session events; the client's types do not name them.
_UNTYPED = {"id", "object", "expires_at"}
_ADAPTER: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(RealtimeServerEvent)


def _classes() -> dict[str, type[pydantic.BaseModel]]:
    union = typing.get_args(RealtimeServerEvent)[0]
    return {typing.get_args(one.model_fields["type"].annotation)[0]: one for one in typing.get_args(union)}


_CLASS_BY_TYPE = _classes()


def _extras(model: object) -> set[str]:
    if isinstance(model, list):
        return set().union(*map(_extras, model)) if model else set()
    if not isinstance(model, pydantic.BaseModel):
        return set()
    return set(model.model_extra or ()).union(*(_extras(getattr(model, name)) for name in type(model).model_fields))


def assert_valid(event: dict[str, Any]) -> None:
    """Fail unless `event` is exactly what the official client's types describe."""
    parsed = _ADAPTER.validate_json(orjson.dumps(event))
    wanted = _CLASS_BY_TYPE[event["type"]]
    assert type(parsed) is wanted, f"{event['type']} was read as {type(parsed).__name__}"
    strict = wanted.model_validate(event, strict=True)
    allowed = _UNTYPED if event["type"].startswith("session.") else set()
    assert _extras(strict) <= allowed, f"{event['type']} has fields the protocol does not have: {_extras(strict)}"
    assert strict.model_dump(mode="json", exclude_unset=True) == event


class Sent(list[dict[str, Any]]):
    """Server events, with what tests ask of them."""

    @property
    def types(self) -> list[str]:
        """The types, in order."""
        return [event["type"] for event in self]

    @property
    def error(self) -> dict[str, Any]:
        """The one error that is all there is."""
        assert self.types == ["error"]
        return self[0]["error"]

    def of(self, event_type: str) -> list[dict[str, Any]]:
        """Return the events of a type."""
        return [event for event in self if event["type"] == event_type]

    def only(self, event_type: str) -> dict[str, Any]:
        """Return the one event of a type."""
        (event,) = self.of(event_type)
        return event


@dataclass
class Bench:
    """A session and a client that does its work at once, or leaves it in `work` when `holds_work`.

    `reply` is the model, `words` is what is recognised, `speech_ms` is how long every synthesis is, `voice` is how
    likely somebody speaks in each 32 ms that were judged. Time passes only when :meth:`wait` lets it.
    """

    session: Session
    reply: Callable[[Conversation], Reply] = lambda _conversation: Reply("Good day to you.")
    words: str = "hello there"
    speech_ms: int = 350
    holds_work: bool = False
    voice: Callable[[int], float] = lambda _frame: 0.0
    frames: int = 0
    work: list[Work] = field(default_factory=list)
    seen: list[Conversation] = field(default_factory=list)
    waits: list[LetTimePass] = field(default_factory=list)

    def send(self, event_type: str, **fields: Any) -> Sent:
        """Send one event and return everything that follows."""
        return self.frame(orjson.dumps({"type": event_type, **fields}).decode())

    def frame(self, frame: str | bytes) -> Sent:
        """Send one raw frame and return everything that follows."""
        return self.settle(self.session.receive(frame))

    def settle(self, step: SessionStep) -> Sent:
        """Return the events of `step` and, unless work is held, of all that it leads to."""
        events = list(step.events)
        self.work += step.work
        while not self.holds_work and (self.work or self.session.streaming):
            events += self.do(self.work.pop(0)) if self.work else self.draw(1)
        for event in events:
            assert_valid(event)
        return Sent(events)

    def do(self, work: Work) -> Sent:
        """Do one piece of work and return the events that follow at once."""
        match work:
            case Recognise():
                step = self.session.heard(work.ticket, self.words)
            case Think():
                self.seen.append(work.conversation)
                step = self.session.thought(work.response_id, self.reply(work.conversation))
            case Speak():
                pcm = np.ones(self.speech_ms * 16, dtype=np.int16)
                step = self.session.spoken(work.response_id, pcm, 16_000, work.sentence)
            case FindVoice():
                frames = range(self.frames, self.frames + work.pcm.size // work.stream.frame_samples)
                self.frames = frames.stop
                step = self.session.judged(work.ticket, np.array([self.voice(frame) for frame in frames], np.float32))
            case LetTimePass():
                self.waits.append(work)
                step = SessionStep()
        self.work += step.work
        return Sent(step.events)

    def draw(self, batches: int) -> Sent:
        """Return the next batches of the responses that have begun."""
        events = Sent()
        for _ in range(batches):
            step = self.session.draw()
            events += step.events
            self.work += step.work
        return events

    def wait(self) -> Sent:
        """Let the time of the last wait pass, and return everything that follows."""
        return self.settle(self.session.waited(self.waits[-1].ticket))

    def say(self, ms: int = 300, rate_bytes: int = 48) -> Sent:
        """Append `ms` of audio and commit it."""
        audio = base64.b64encode(bytes(ms * rate_bytes)).decode()
        return Sent(self.send("input_audio_buffer.append", audio=audio) + self.send("input_audio_buffer.commit"))

    def configure(self, **session: Any) -> Sent:
        """Send ``session.update``."""
        return self.send("session.update", session={"type": "realtime", **session})


@pytest.fixture
def new_bench() -> Callable[..., Bench]:
    """A maker of sessions with a client."""

    def make(*, model: str = "local-agent", is_echo: bool = False, counts_tokens: bool = True, **options: Any) -> Bench:
        session = Session(model=model, salt="00", now_s=0, limits=LIMITS, is_echo=is_echo, counts_tokens=counts_tokens)
        return Bench(session, **options)

    return make


@pytest.fixture
def bench(new_bench: Callable[..., Bench]) -> Bench:
    """A session with a client."""
    return new_bench()


@pytest.fixture
def check_event() -> Callable[[dict[str, Any]], None]:
    """The strict reading of a server event."""
    return assert_valid


@dataclass(frozen=True)
class FakeSpeech:
    """A speech engine that hums for as long as a text has characters, 10 ms each."""

    name: str = "fake"
    speakers: tuple[str, ...] = ("marin", "cedar")
    min_speed: float = 0.5
    max_speed: float = 2.0
    workers: int = 1

    def warm(self) -> None:
        """Do nothing."""

    def synthesise(self, text: str, speaker: str, speed: float) -> SpeechAudio:
        """Return a hum."""
        if text == "unspeakable":
            raise ValueError("a frog in the throat")
        return SpeechAudio(np.full(int(len(text) * 160 / speed), 1000, dtype=np.int16), 16_000)


@dataclass(frozen=True)
class FakeTranscription:
    """A transcription engine that tells how long it was."""

    name: str = "fake"
    workers: int = 1

    def warm(self) -> None:
        """Do nothing."""

    def recognise(self, pcm: Pcm, rate_hz: int) -> str:
        """Return the duration in words."""
        return f"{pcm.size * 1000 // rate_hz} milliseconds"


@pytest.fixture
def fake_speech() -> FakeSpeech:
    """A speech engine that costs nothing."""
    return FakeSpeech()


@pytest.fixture
def fake_transcription() -> FakeTranscription:
    """A transcription engine that costs nothing."""
    return FakeTranscription()


def _parrot(conversation: Conversation) -> Reply:
    last = conversation.items[-1] if conversation.items else None
    return Reply(last.text if isinstance(last, UserTurn) else "Nothing was said.")


def _caller(conversation: Conversation) -> Reply:
    last = conversation.items[-1]
    if isinstance(last, Answered):
        return Reply(last.output)
    return Reply("One moment.", tuple(Call(tool["name"], {"order_id": "0071"}) for tool in conversation.tools))


def _unsure(_conversation: Conversation) -> Reply:
    raise ValueError("no idea")


STAND_INS: dict[str, Model] = {"parrot": _parrot, "caller": _caller, "unsure": _unsure}


@contextmanager
def serving_brain(brain: Brain, key: str | None = None) -> Iterator[str]:
    """Serve `brain` with fake engines in a thread, as the child process does."""
    app = create_app(brain=brain, engines=AudioEngines(FakeSpeech(), FakeTranscription()), key=key)
    config = uvicorn.Config(app, port=0, log_config=None, ws=LineProtocol, ws_per_message_deflate=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def service_url() -> Iterator[str]:
    """A service that asks for no key."""
    with serving_brain(RulesBrain(STAND_INS)) as url:
        yield url


@pytest.fixture(scope="module")
def guarded_url() -> Iterator[str]:
    """A service that asks for the key "sesame"."""
    with serving_brain(RulesBrain(STAND_INS), "sesame") as url:
        yield url


@pytest.fixture
def serve_chat() -> Callable[[str], AbstractContextManager[str]]:
    """Serves a chat brain that is at the given URL, behind the stand-in models."""
    return lambda url: serving_brain(BrainsByName(RulesBrain(STAND_INS), ChatBrain(ChatEndpoint(url))))


@pytest.fixture
async def client(service_url: str) -> AsyncIterator[AsyncOpenAI]:
    """The official client of that service."""
    async with AsyncOpenAI(base_url=service_url, api_key="none", max_retries=0) as official:
        yield official


@pytest.fixture
def silence_wav() -> bytes:
    """A second of silence as a WAV file."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros(16000, dtype=np.int16), 16000, format="WAV")
    return file.getvalue()
