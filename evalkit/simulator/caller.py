"""The simulated caller: a realtime model with a session of its own, or a text model and the speech role.

Either is asked for one turn at a time and is shown the whole call each time, as words: nothing is kept in a server's
own conversation, so a rejected turn leaves no trace in the next one's context and can be made again.

What goes wrong at the caller's side is raised as a CaseFailure at stage ``simulator_turn``, so that the assistant is
not blamed for it; the error type of a lost connection still makes it infrastructure.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from evalkit.audio.formats import AudioFormat
from evalkit.audio.g711 import Pcm
from evalkit.errors import CaseFailure
from evalkit.providers.text_model import TextModel
from evalkit.realtime.events import SessionSpec
from evalkit.realtime.session import RealtimeSession
from evalkit.records.faults import Stage
from evalkit.records.record import Usage
from evalkit.simulator.conversation import Exchange, realtime_items, text_messages
from evalkit.simulator.persona import Persona, ends_call

CALLER_FORMAT = AudioFormat.PCM16
"""How a caller's audio is coded before it goes through the line: 24 kHz PCM16."""

_CONFIGURE_TIMEOUT_S = 20.0
# A response that never ended, or not well, is the caller's fault here; elsewhere the same stages are the assistant's.
_OF_A_RESPONSE = frozenset(
    {Stage.RESPONSE_TIMEOUT, Stage.RESPONSE_ERROR, Stage.RESPONSE_STATUS, Stage.RESPONSE_MISSING_DONE}
)


@dataclass(frozen=True, eq=False)
class CallerTurn:
    """What the caller says in one turn.

    Attributes:
        text: The words, as its transcript has them.
        pcm: The sound, mono at 24 kHz; empty where there is none.
        cost_usd: What making it cost, by role; None where a price is unknown.
        is_written: Whether it goes as text, so that no sound is missing.

    """

    text: str
    pcm: Pcm = field(default_factory=lambda: np.zeros(0, dtype=np.int16))
    cost_usd: Mapping[str, float | None] = field(default_factory=dict)
    is_written: bool = False

    @property
    def duration_ms(self) -> float:
        """How long it plays, in milliseconds."""
        return self.pcm.size / CALLER_FORMAT.sample_rate_hz * 1000.0


Speak = Callable[[str], Awaitable[CallerTurn]]
"""Speaks a text word for word with the speech role. Raises CaseFailure at stage ``speech``."""

PriceTokens = Callable[[Usage], float | None]
"""Tokens of the caller's model -> dollars, or None when the price is unknown."""


class Caller(Protocol):
    """A simulated caller, while the call lasts."""

    def begin_turn(self, turn_index: int, audio_path: str) -> None:
        """Begin turn `turn_index`: the sound of all attempts at it will stand in that file, one after the other."""
        ...

    async def speak(self, past: Sequence[Exchange]) -> CallerTurn:
        """Return what the caller says after `past`. Raises CaseFailure."""
        ...

    @property
    def sound(self) -> bytes:
        """The sound of all attempts since the turn began, as it came; empty where it came from elsewhere."""
        ...


class RealtimeCaller:
    """A realtime model as the caller, as an async context manager.

    Each turn is one response outside the session's own conversation, made from the call so far: in sound, or with
    `in_writing` in text.
    """

    def __init__(
        self,
        session: RealtimeSession,
        persona: Persona,
        voice: str | None,
        *,
        timeout_s: float,
        price: PriceTokens,
        in_writing: bool = False,
    ) -> None:
        self._session, self._timeout_s, self._price = session, timeout_s, price
        self._spec = SessionSpec(
            instructions=persona.instructions,
            output_format=CALLER_FORMAT,
            voice=voice,
            tool_choice="none",
            in_writing=in_writing,
        )

    async def __aenter__(self) -> Self:
        """Connect and configure. Raises CaseFailure at ``connect`` or ``session_update``."""
        await self._session.__aenter__()
        try:
            await self._session.configure(self._spec, timeout_s=_CONFIGURE_TIMEOUT_S)
        except BaseException as error:
            await self._session.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Hang up."""
        await self._session.__aexit__(exc_type, exc, traceback)

    @property
    def sound(self) -> bytes:
        """The sound of all attempts since the turn began."""
        return self._session.turn_result().audio

    def begin_turn(self, turn_index: int, audio_path: str) -> None:
        """Begin turn `turn_index`; the sound of all attempts at it will stand in that file."""
        self._session.begin_turn(turn_index, output_wav=audio_path)

    async def speak(self, past: Sequence[Exchange]) -> CallerTurn:
        """Return what the caller says after `past`. Raises CaseFailure at ``simulator_turn`` unless the line broke."""
        try:
            response = await self._session.respond(
                timeout_s=self._timeout_s, conversation="none", input=realtime_items(past)
            )
        except CaseFailure as failure:
            raise _at_simulator_stage(failure) from failure
        if response.failure is not None:
            failed = response.failure
            message = f"the caller's response: {failed.message}"
            raise CaseFailure(Stage.SIMULATOR_TURN, failed.error_type, message, retry_after_s=failed.retry_after_s)
        text = response.transcript or response.text
        pcm = CALLER_FORMAT.from_wire(response.audio)
        cost_usd = {"simulator": self._price(response.usage)}
        return CallerTurn(text.strip(), pcm, cost_usd, is_written=self._spec.in_writing)


async def write(text: str) -> CallerTurn:
    """Return `text` as what a caller says in writing."""
    return CallerTurn(text, is_written=True)


class TextCaller:
    """A text model as the caller; `speak` has its words spoken, or written. END_CALL is not spoken."""

    def __init__(self, model: TextModel, persona: Persona, speak: Speak, *, price: PriceTokens) -> None:
        self._model, self._instructions, self._speak, self._price = model, persona.instructions, speak, price

    async def __aenter__(self) -> Self:
        """Nothing is held open."""
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is held open."""

    @property
    def sound(self) -> bytes:
        """Nothing: the speech role's sound is what the assistant is sent."""
        return b""

    def begin_turn(self, turn_index: int, audio_path: str) -> None:
        """Nothing is to be prepared."""

    async def speak(self, past: Sequence[Exchange]) -> CallerTurn:
        """Return what the caller says after `past`. Raises CaseFailure at ``simulator_turn`` or ``speech``."""
        answer = await self._model.ask(self._instructions, text_messages(past))
        text = answer.text.strip()
        cost = {"simulator": self._price(answer.usage) if answer.cost_usd is None else answer.cost_usd}
        if not text or ends_call(text):
            return CallerTurn(text, cost_usd=cost)
        spoken = await self._speak(text)
        return CallerTurn(text, spoken.pcm, {**cost, **spoken.cost_usd}, is_written=spoken.is_written)


def _at_simulator_stage(failure: CaseFailure) -> CaseFailure:
    stage = Stage.SIMULATOR_TURN if failure.stage in _OF_A_RESPONSE else failure.stage
    message = f"the caller's session: {failure.message}"
    return CaseFailure(stage, failure.error_type, message, retry_after_s=failure.retry_after_s)
