"""A simulated call, turn by turn: the caller speaks, the line carries it, the assistant answers.

::

    caller ──> channel ──> uplink ──> assistant ──(tool calls ──> mocks)*──> words ──> caller …

Who takes the turns makes the difference between the two kinds of dialogue (:mod:`evalkit.modes.voice.manual_dialogue`,
:mod:`evalkit.modes.voice.duplex_dialogue`); what they share is here. Caller and assistant have a session each and never
share one. What both said is kept as words in :attr:`Dialogue.past`, the only thing the caller is shown; the assistant's
own session keeps its side. A call ends when the caller says END_CALL, when an application hangs up, when the turns
are used up, or with a failure; all that had happened by then is in the evidence.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from evalkit.audio.channels import ChannelSpec, apply_channel
from evalkit.audio.formats import AudioFormat
from evalkit.audio.g711 import Pcm
from evalkit.audio.resample import resample
from evalkit.mocks.session import MockAnswer, MockSession
from evalkit.modes.attempt import add_costs
from evalkit.modes.voice.recogniser import Recognise
from evalkit.modes.voice.server_sessions import REALTIME_SESSIONS, ServerSessions
from evalkit.modes.voice.turn_evidence import DuplexEvidence, TurnEvidence
from evalkit.realtime.events import SessionSpec
from evalkit.realtime.introduction import Introduction
from evalkit.realtime.media_stream.session import MediaStreamTarget
from evalkit.realtime.pacer import pad_to_minimum
from evalkit.realtime.peer_link import PeerLink
from evalkit.realtime.rate_limits import OnRateLimits
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Direction, Trace
from evalkit.records.faults import Failure
from evalkit.records.json import JsonObject
from evalkit.records.record import ToolCall, ToolOutput
from evalkit.settings.types import LimitSettings
from evalkit.simulator.attempts import CallerAttempt, make_turn
from evalkit.simulator.behaviour import BehaviourAct, BehaviourRule, PlannedAct, plan_turn
from evalkit.simulator.caller import CALLER_FORMAT, Caller, CallerTurn, Speak
from evalkit.simulator.conversation import Exchange
from evalkit.simulator.hesitation import hesitate
from evalkit.simulator.persona import Persona
from evalkit.simulator.turn_judge import JudgeTurn
from evalkit.tool_host.host import ToolHost
from evalkit.tool_host.hosted_call import HostedAnswer, UnknownCall

_CONFIGURE_TIMEOUT_S = 20.0


class EndedBy(StrEnum):
    """Why a call ended."""

    CALLER = "caller"
    ASSISTANT = "assistant"
    MAX_TURNS = "max_turns"
    FAILURE = "failure"


OpenCaller = Callable[[Trace, Timeline, Introduction], AbstractAsyncContextManager[Caller]]


@dataclass(frozen=True)
class CallPlan:
    """Everything that one call needs.

    Attributes:
        session: How the assistant is configured.
        sessions: Those of the protocol that its server speaks.
        url: The assistant's address, model and all.
        headers: Of its handshake; they hold the key and are never shown.
        assistant_model: What its tokens are priced by.
        open_caller: Opens the caller for one call.
        speak: Speaks the first turn.
        persona: The instructions of the caller.
        first_user_turn: What the caller says first, word for word.
        new_tools: Makes the mocked tools of one conversation.
        channel: Line quality: what lies between the caller and the assistant.
        fingerprint: The settings that decide the record, as it stores them.
        behaviour: What the caller does beside his turns.
        speak_as: Speaks with another voice than the caller's.
        judge_turn: Says of each turn of the simulated caller whether it keeps to the role; None: turns are not judged.
        on_rate_limits: Called with the assistant's rate limits whenever its server sends them.
        media_stream: The application that is called over a telephone line in the assistant's place; None: none is.
        recognise: Hears the words of an assistant that tells none.
        tool_host: Serves the mocked tools to an application that calls them by itself; None: nothing does.

    """

    session: SessionSpec
    url: str
    headers: Mapping[str, str] = field(repr=False)
    assistant_model: str
    open_caller: OpenCaller
    speak: Speak
    persona: Persona
    first_user_turn: str
    new_tools: Callable[[], MockSession]
    channel: ChannelSpec
    max_turns: int
    max_regenerations: int
    chunk_ms: float
    real_time: bool
    fingerprint: JsonObject
    sessions: ServerSessions = REALTIME_SESSIONS
    behaviour: Sequence[BehaviourRule] = ()
    speak_as: Callable[[str], Speak] | None = None
    judge_turn: JudgeTurn | None = None
    on_rate_limits: OnRateLimits = lambda _: None
    media_stream: MediaStreamTarget | None = None
    recognise: Recognise | None = None
    tool_host: ToolHost | None = None


@dataclass(frozen=True, eq=False)
class LineSound:
    """A sound on its way to the assistant: in its format, before the line and behind it."""

    clean_wire: bytes
    wire: bytes
    measures: Mapping[str, float]


@dataclass
class CallEvidence:
    """The data of a call, collected until the record is made. `duplex`: None where the client takes the turns."""

    turns: list[TurnEvidence] = field(default_factory=list)
    attempts: list[CallerAttempt] = field(default_factory=list)
    caller_sounds: dict[int, bytes] = field(default_factory=dict)
    answers: list[MockAnswer | HostedAnswer] = field(default_factory=list)
    unknown_tool_calls: Sequence[UnknownCall] = ()
    cost_usd: dict[str, float | None] = field(default_factory=dict)
    served_model: str = ""
    ended_by: EndedBy = EndedBy.FAILURE
    failure: Failure | None = None
    duplex: DuplexEvidence | None = None

    def add_cost(self, costs: Mapping[str, float | None]) -> None:
        """Add what something cost, by role; unknown stays unknown."""
        add_costs(self.cost_usd, costs)


NameWav = Callable[[int | None, str], str]
"""A turn (None: the whole call) and a side (``user``, ``assistant``) -> the path of its sound in the run directory."""


class Dialogue(ABC):
    """One call. :meth:`hold` may be called once.

    Args:
        plan: Everything that it needs.
        introduction: The case-trial it belongs to; the channel of each turn has a seed of its own, derived from it.
        limits: How long and how often.
        trace: Where the events of both connections go.
        timeline: The clock of the case.
        evidence: Gets everything as it happens.
        name_wav: Names the files that will hold the sound.

    """

    def __init__(
        self,
        plan: CallPlan,
        introduction: Introduction,
        limits: LimitSettings,
        *,
        trace: Trace,
        timeline: Timeline,
        evidence: CallEvidence,
        name_wav: NameWav,
    ) -> None:
        self._plan, self._introduction, self._limits = plan, introduction, limits
        self._trace, self._timeline, self._evidence, self._name_wav = trace, timeline, evidence, name_wav
        self._tools = plan.new_tools()
        self.past: list[Exchange] = []

    async def hold(self, first: CallerTurn) -> None:
        """Hold the call that begins with `first`. Raises CaseFailure; a bad answer is a failure in the evidence."""
        evidence = self._evidence
        try:
            opening = self._plan.open_caller(self._trace, self._timeline, self._introduction)
            async with self._assistant, opening as caller:
                await self._begin()
                for index in range(1, self._plan.max_turns + 1):
                    said = first if index == 1 else await self._next_turn(caller, index)
                    if isinstance(said, EndedBy):
                        evidence.ended_by = said
                        return
                    evidence.failure = await self._take_turn(index, said)
                    if evidence.failure is not None:
                        return
                evidence.ended_by = EndedBy.MAX_TURNS
        finally:
            self._conclude()

    async def _next_turn(self, caller: Caller, index: int) -> CallerTurn | EndedBy:
        """Return what the caller says next, or who has ended the call."""
        if self._has_been_left():
            return EndedBy.ASSISTANT
        said = await self._ask_caller(caller, index)
        if self._has_been_left():
            return EndedBy.ASSISTANT
        return EndedBy.CALLER if said is None else said

    async def _ask_caller(self, caller: Caller, index: int) -> CallerTurn | None:
        """Return the caller's next turn, None when it hangs up."""
        caller.begin_turn(index, self._name_wav(index, "caller"))
        try:
            return await make_turn(
                caller,
                self._plan.persona,
                self.past,
                turn_index=index,
                max_regenerations=self._plan.max_regenerations,
                keep=self._keep_attempt,
                judge_turn=self._plan.judge_turn,
            )
        finally:
            self._evidence.caller_sounds[index] = caller.sound

    def _keep_attempt(self, attempt: CallerAttempt, turn: CallerTurn) -> None:
        self._evidence.attempts.append(attempt)
        self._evidence.add_cost(turn.cost_usd)

    def _has_been_left(self) -> bool:
        """Whether the assistant has hung up."""
        return False

    async def _begin(self) -> None:
        """Configure the assistant's session."""
        await self._assistant.configure(self._plan.session, timeout_s=_CONFIGURE_TIMEOUT_S)

    def _conclude(self) -> None:
        """Leave in the evidence what only the end of the call shows."""
        self._evidence.served_model = self._assistant.served_model or ""

    @property
    @abstractmethod
    def _assistant(self) -> PeerLink:
        """The assistant's session."""

    @abstractmethod
    async def _take_turn(self, index: int, said: CallerTurn) -> Failure | None:
        """Say `said` to the assistant and hear its answer; return what is wrong with the answer."""

    async def _carry(self, index: int, said: CallerTurn) -> TurnEvidence:
        """Return the turn with the sound for the assistant: its pauses, the session's format, through the channel."""
        speech = hesitate(said.pcm, CALLER_FORMAT.sample_rate_hz, self._planned(index, BehaviourAct.PAUSE))
        sound = await self._send_through_line(speech.pcm, derive_turn_seed(self._introduction.seed, index))
        evidence = TurnEvidence(index, said.text, sound.clean_wire, sound.wire, sound.measures, speech.pcm)
        evidence.pauses, evidence.pauses_left_out = speech.pauses, speech.left_out
        return evidence

    def _planned(self, index: int, *acts: BehaviourAct) -> list[PlannedAct]:
        """Return what the caller is to do of some kinds in a turn, in the order of his rules."""
        planned = plan_turn(self._plan.behaviour, self._introduction.seed, index)
        return [plan for plan in planned if plan.act in acts]

    async def _send_through_line(self, pcm: Pcm, seed: int) -> LineSound:
        audio_format, channel = self._plan.session.input_format, self._plan.channel
        clean_wire = await asyncio.to_thread(_to_wire, pcm, audio_format)
        if channel.is_clean:
            return LineSound(clean_wire, clean_wire, {})
        clean = audio_format.from_wire(clean_wire)
        heard = await asyncio.to_thread(apply_channel, clean, audio_format.sample_rate_hz, channel, seed)
        measures = {f"channel_{name}": value for name, value in heard.measures.items()}
        return LineSound(clean_wire, audio_format.to_wire(heard.pcm), measures)

    async def _answer_tools(self, calls: Sequence[ToolCall]) -> list[ToolOutput]:
        answers = [self._tools.answer(call) for call in calls]
        delay_s = max((answer.delay_ms for answer in answers), default=0.0) / 1000
        await self._timeline.sleep_until(self._timeline.now() + delay_s)
        for answer in answers:
            self._keep_answer(answer)
        return [answer.output for answer in answers]

    def _keep_answer(self, answer: MockAnswer | HostedAnswer) -> None:
        self._trace.record(
            source="assistant",
            direction=Direction.SENT,
            turn_index=self._evidence.turns[-1].index if self._evidence.turns else 1,
            at_ms=self._timeline.now_ms(),
            payload=answer.event,
        )
        self._evidence.answers.append(answer)


def _to_wire(pcm: Pcm, audio_format: AudioFormat) -> bytes:
    resampled = resample(pcm, CALLER_FORMAT.sample_rate_hz, audio_format.sample_rate_hz)
    return pad_to_minimum(audio_format.to_wire(resampled), audio_format)


def derive_turn_seed(seed: int, turn_index: int, act: int = 0) -> int:
    """Return the seed of one turn's line, and of each act in it: none depends on what was said in the others."""
    named = f"{seed}:turn:{turn_index}:act:{act}" if act else f"{seed}:turn:{turn_index}"
    return int.from_bytes(sha256(named.encode()).digest()[:4], "big") >> 1
