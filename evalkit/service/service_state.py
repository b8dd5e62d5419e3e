"""What every route of the service shares: the brain, the engines, the key and the counters."""

from __future__ import annotations

import hmac
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from starlette.responses import JSONResponse

from evalkit.errors import ConfigError
from evalkit.service import echo
from evalkit.service.audio_engines import AudioEngines
from evalkit.service.bad_request import BadRequest
from evalkit.service.brain.conversation import Conversation, Reply, Sentence
from evalkit.service.brain.seam import Brain
from evalkit.service.faults.plan import FaultPlan
from evalkit.service.turns.voice_activity import VoiceActivity

SPEECH_MODELS = ("local-speech", "local-voice")
"""The names of the model that speaks: today's, and the one that stored runs know it by."""
TRANSCRIPTION_MODELS = ("local-transcription", "local-ears")
"""The names of the model that transcribes: today's, and the one that stored runs know it by."""


@dataclass(frozen=True)
class KeyCheck:
    """Who may come in.

    Attributes:
        key: The key to ask for; None lets everybody in.

    """

    key: str | None = None

    def check(self, headers: Mapping[str, str]) -> None:
        """Raise :class:`BadRequest` (401) unless the headers carry the key, as ``Authorization`` or ``api-key``."""
        if self.key is None:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else headers.get("api-key", "")
        if not hmac.compare_digest(given.encode(), self.key.encode()):
            message = "Incorrect API key provided." if given else "You didn't provide an API key."
            raise BadRequest(message, code="invalid_api_key", status=401)

    @staticmethod
    def denial(refusal: BadRequest) -> JSONResponse:
        """Return the HTTP answer for a refusal."""
        return JSONResponse({"error": refusal.body()}, status_code=refusal.status)


@dataclass
class ServiceState:
    """What the routes share.

    Attributes:
        brain: What thinks for the models.
        engines: What speaks and transcribes.
        gate: Who may come in.
        faults: What is to go wrong.
        voice_activity: What tells when somebody speaks.
        aliases: Other names of models -> the models that answer to them.
        injected: The faults that were committed so far, by name.
        handshakes: Realtime sessions asked for so far.
        sessions: Realtime sessions held so far.
        responses: Replies that models have made so far.
        token: What tells this service from any other.

    """

    brain: Brain
    engines: AudioEngines
    gate: KeyCheck = field(default_factory=KeyCheck)
    faults: FaultPlan = field(default_factory=FaultPlan)
    voice_activity: VoiceActivity = field(default_factory=VoiceActivity)
    aliases: Mapping[str, str] = field(default_factory=dict)
    injected: Counter[str] = field(default_factory=Counter)
    handshakes: int = 0
    sessions: int = 0
    responses: int = 0
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def realtime_models(self) -> tuple[str, ...]:
        """The models a Realtime session can have, as far as they are known beforehand."""
        return (*self.brain.models, echo.NAME)

    def has_session_with(self, model: str) -> bool:
        """Whether a Realtime session can be with `model`."""
        return model == echo.NAME or self.brain.knows(model)

    @property
    def all_models(self) -> tuple[str, ...]:
        """Everything ``/v1/models`` lists."""
        return (*self.realtime_models, SPEECH_MODELS[0], TRANSCRIPTION_MODELS[0], *self.aliases)

    @property
    def answered_models(self) -> tuple[str, ...]:
        """Every name that is answered, those of before too."""
        return (*self.realtime_models, *SPEECH_MODELS, *TRANSCRIPTION_MODELS, *self.aliases)

    def model_named(self, name: str) -> str:
        """Return the model that answers to `name`: itself, unless that is the alias of another."""
        return self.aliases.get(name, name)

    @property
    def counters(self) -> dict[str, int]:
        """What has been done so far; what came from a cache is counted apart."""
        injected = {f"fault_{name}": count for name, count in sorted(self.injected.items())}
        return {"sessions": self.sessions, "responses_computed": self.responses, **self.engines.counters, **injected}

    async def think(self, model: str, conversation: Conversation) -> AsyncGenerator[Sentence | Reply, None]:
        """Yield the sentences of the reply of `model` as they come, where they do, then the reply; count it."""
        async with aclosing(self.brain.think(model, conversation)) as parts:
            async for part in parts:
                self.responses += isinstance(part, Reply)
                yield part

    async def reply(self, model: str, conversation: Conversation) -> Reply:
        """Return the whole reply of `model`; raises :class:`BadRequest` for one that there is not."""
        if not self.brain.knows(model):
            raise model_not_found(model, self.brain.models)
        async with aclosing(self.think(model, conversation)) as parts:
            return [part async for part in parts if isinstance(part, Reply)][-1]

    async def aclose(self) -> None:
        """Let all workers go."""
        await self.brain.aclose()
        self.engines.close()
        self.voice_activity.close()


def model_not_found(model: object, known: Iterable[str]) -> BadRequest:
    """Return the refusal of a model this server does not have."""
    message = (
        f"The model '{model}' does not exist; available are: {', '.join(known)}. Ask for one of them, or start the "
        f"service with --alias {model}=MODEL to have one of them answer to that name."
    )
    return BadRequest(message, code="model_not_found", param="model", status=404)


def read_aliases(pairs: Iterable[str], known: Sequence[str], thinks: Callable[[str], bool]) -> dict[str, str]:
    """Return name -> model of texts such as ``gpt-4o-mini-tts=local-speech``; raises ConfigError for others.

    Args:
        pairs: The texts.
        known: The models that can be told of.
        thinks: Whether a brain answers for a model, told of or not.

    """
    aliases: dict[str, str] = {}
    for pair in pairs:
        name, equals, model = (part.strip() for part in pair.partition("="))
        if not (name and equals and model):
            raise ConfigError(f"--alias {pair}: expected NAME=MODEL, for example gpt-4o-mini-tts={SPEECH_MODELS[0]}")
        if model not in known and not thinks(model):
            raise ConfigError(f"--alias {pair}: there is no model {model!r}; available are: {', '.join(known)}")
        if name in known:
            raise ConfigError(f"--alias {pair}: {name!r} is a model of its own; choose another name")
        if aliases.setdefault(name, model) != model:
            raise ConfigError(
                f"--alias {pair}: {name!r} is another name of {aliases[name]!r} already; choose one of both"
            )
    return aliases
