"""One spoken turn: wire audio into a fresh Realtime session, the assistant's first turn out, as a record.

Crawl and walk differ in where the audio comes from; from there on a case is the same, and that is here:

connect → session.update → append the utterance in chunks → commit → response.create → (answer tools →)* → record

Where the server takes the turns (:mod:`evalkit.modes.voice.duplex_line`), it hears all the time instead, answers when
it thinks fit, and is heard out; then the record also has ``notes.turn_taking``, and the sound of the whole call.

Whatever goes wrong on the way becomes a failure in the record, beside all that had been heard by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from evalkit.audio.channels import ChannelSpec, apply_channel
from evalkit.audio.formats import AudioFormat
from evalkit.audio.wav import write_pcm16, write_wav
from evalkit.mocks.session import MockSession
from evalkit.modes.attempt import Evidence, add_costs, make_attempt
from evalkit.modes.voice.call_files import CallFiles
from evalkit.modes.voice.heard_words import what_was_heard
from evalkit.modes.voice.recogniser import words_only
from evalkit.modes.voice.server_sessions import REALTIME_SESSIONS
from evalkit.modes.voice.target import blame_unknown_calls, note_line
from evalkit.modes.voice.tool_rounds import respond_with_tools
from evalkit.modes.voice.turn_evidence import TurnEvidence
from evalkit.modes.voice.turn_measures import find_misbehaviour
from evalkit.modes.voice.turn_record import make_turn
from evalkit.realtime.introduction import Introduction
from evalkit.realtime.pacer import pad_to_minimum
from evalkit.realtime.rate_limits import OnRateLimits
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Direction, Trace
from evalkit.records.case import CaseTrial
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord, Usage
from evalkit.store.event_log import open_event_log

if TYPE_CHECKING:
    from evalkit.clock import Clock
    from evalkit.modes.voice.duplex_account import DuplexAccount
    from evalkit.modes.voice.duplex_line import DuplexLine
    from evalkit.modes.voice.recogniser import Recognise
    from evalkit.modes.voice.server_sessions import ServerSessions
    from evalkit.modes.voice.settings import VoiceSettings
    from evalkit.modes.voice.tool_rounds import AnswerTools
    from evalkit.modes.voice.turn_evidence import DuplexEvidence
    from evalkit.modes.voice.utterance import PreparedUtterance
    from evalkit.realtime.events import SessionSpec
    from evalkit.realtime.live_call import LiveCall
    from evalkit.realtime.media_stream.session import MediaStreamTarget
    from evalkit.realtime.session import RealtimeSession
    from evalkit.store.run_directory import RunDirectory
    from evalkit.tool_host.host import ToolHost
    from evalkit.tool_host.hosted_call import HostedAnswer, HostedCall, UnknownCall

_CONFIGURE_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class TurnSetup:
    """What all cases of a run share.

    Attributes:
        url: The realtime address, model and all.
        headers: Of the handshake; they hold the key and are never shown.
        fingerprint: The settings that decide the records, as each of them stores them.
        price: Tokens and model -> dollars, or None when the price is unknown.
        sessions: Those of the protocol that the assistant's server speaks.
        channel: Line quality: what lies between the utterance and the assistant.
        new_tools: Makes the tools of one conversation; None: calls are not answered and end the turn.
        on_rate_limits: Called with the server's rate limits whenever it sends them.
        media_stream: The application that is called over a telephone line in the assistant's place; None: none is.
        recognise: Hears the words of an assistant that tells none.
        tool_host: Serves the mocked tools to an application that calls them by itself; None: nothing does.
        new_mocks: Makes the mocks of one conversation.

    """

    settings: VoiceSettings
    session: SessionSpec
    url: str
    headers: Mapping[str, str] = field(repr=False)
    run: RunDirectory
    clock: Clock
    fingerprint: JsonObject
    price: Callable[[Usage, str], float | None]
    sessions: ServerSessions = REALTIME_SESSIONS
    channel: ChannelSpec = field(default_factory=ChannelSpec)
    new_tools: Callable[[CaseTrial], AnswerTools] | None = None
    on_rate_limits: OnRateLimits = lambda _: None
    media_stream: MediaStreamTarget | None = None
    recognise: Recognise | None = None
    tool_host: ToolHost | None = None
    new_mocks: Callable[[], MockSession] = lambda: MockSession((), ())


async def run_spoken_turn(
    setup: TurnSetup, trial: CaseTrial, attempt: int, speak: Callable[[CaseTrial], Awaitable[PreparedUtterance]]
) -> CaseRecord:
    """Make one attempt at `trial`, saying what `speak` returns; return its record. A case's failure is not raised."""
    exchange = _SpokenExchange(setup, trial, attempt)

    async def hold(evidence: Evidence) -> None:
        utterance = await speak(trial)
        evidence.cost_usd.update(utterance.cost_usd)
        await exchange.hold(utterance, evidence)

    limit_s = setup.settings.limits.case_timeout_s
    return await make_attempt(trial, setup.fingerprint, hold, exchange.conclude, clock=setup.clock, timeout_s=limit_s)


class _SpokenExchange:
    """One attempt: an utterance and its answer. What it leaves is collected until the record is made."""

    def __init__(self, setup: TurnSetup, trial: CaseTrial, attempt: int) -> None:
        self._setup, self._trial, self._attempt = setup, trial, attempt
        self._files = CallFiles(setup.run, trial.key)
        self._turn: TurnEvidence | None = None
        self._duplex: DuplexEvidence | None = None
        self._line: DuplexLine | None = None
        self._unknown_tool_calls: Sequence[UnknownCall] = ()

    async def hold(self, utterance: PreparedUtterance, evidence: Evidence) -> None:
        """Say `utterance` and hear the answer. Raises CaseFailure; a bad answer is a failure in the evidence."""
        setup = self._setup
        turn = self._turn = await self._send_through_channel(utterance)
        async with open_event_log(setup.run.events_path(self._trial.key)) as log:
            evidence.artifacts["event_log_path"] = setup.run.relative(setup.run.events_path(self._trial.key))
            trace = Trace(log.write, elide_audio=setup.settings.trace.audio == "elided")
            timeline = Timeline.begin(setup.clock)
            answer_tools = setup.new_tools(self._trial) if setup.new_tools else None
            if setup.session.turn_detection is None:
                await self._ask(self._open_manual(trace, timeline), turn, answer_tools, evidence)
            else:
                hosted = self._host_tools(trace, timeline)
                try:
                    with hosted or nullcontext():
                        session = self._open_duplex(trace, timeline, hosted)
                        await self._talk(session, timeline, turn, answer_tools, evidence, hosted)
                finally:
                    self._unknown_tool_calls = () if hosted is None else hosted.unknown_calls
                    if self._line is not None:
                        self._line.place_tools([turn])

    def conclude(self, evidence: Evidence) -> None:
        """Write the sound, and complete the evidence."""
        setup, turn = self._setup, self._turn
        if turn is None:
            return
        failure = evidence.failure or find_misbehaviour(turn.result)
        evidence.failure = blame_unknown_calls(self._unknown_tool_calls, failure)
        evidence.served_model = turn.result.served_model or evidence.served_model
        if turn.result.responses:
            is_told, model = setup.media_stream is None, str(setup.settings.assistant.model)
            evidence.cost_usd["assistant"] = setup.price(turn.result.usage, model) if is_told else None
        input_format, output_format = setup.session.input_format, setup.session.output_format
        account = self._account_for(turn)
        if turn.pacing:
            evidence.turns.append(make_turn(setup.session, turn, self._write_sounds(turn), account))
        if account is not None:
            self._files.write_duplex(account.left, input_format, output_format)
            evidence.artifacts = self._files.of_call()
            serves_tools = setup.tool_host is not None
            evidence.notes = {
                "timeline": "paced",
                "turn_taking": account.note(),
                **note_line(setup.media_stream, serves_tools=serves_tools),
                **({"tool_answers": [told.event for told in account.left.hosted]} if serves_tools else {}),
            }

    async def _send_through_channel(self, said: PreparedUtterance) -> TurnEvidence:
        """Return the turn with the sound for the assistant: the utterance itself, or what a channel makes of it."""
        setup, text = self._setup, str(self._trial.case.inputs.get("user_text", ""))
        audio_format = setup.session.input_format
        clean_wire = pad_to_minimum(said.wire, audio_format)
        if setup.channel.is_clean:
            return TurnEvidence(1, text, clean_wire, clean_wire, {}, said.speech)
        heard = await asyncio.to_thread(
            apply_channel,
            audio_format.from_wire(clean_wire),
            audio_format.sample_rate_hz,
            setup.channel,
            self._trial.seed,
        )
        measures = {f"channel_{name}": value for name, value in heard.measures.items()}
        return TurnEvidence(1, text, clean_wire, audio_format.to_wire(heard.pcm), measures, said.speech)

    def _headers(self) -> dict[str, str]:
        introduction = Introduction(self._trial.key, self._attempt, self._trial.seed)
        return {**self._setup.headers, **introduction.headers(self._setup.url, "assistant")}

    def _open_manual(self, trace: Trace, timeline: Timeline) -> RealtimeSession:
        return self._setup.sessions.asked(
            self._setup.url,
            self._headers(),
            source="assistant",
            trace=trace,
            timeline=timeline,
            on_rate_limits=self._setup.on_rate_limits,
        )

    def _host_tools(self, trace: Trace, timeline: Timeline) -> HostedCall | None:
        """Return the tools that the application is served; None where it is served none."""
        host, target = self._setup.tool_host, self._setup.media_stream
        if host is None or target is None:
            return None

        def keep(told: HostedAnswer) -> None:
            if self._line is not None:
                self._line.take_tool(told)
            at_ms = timeline.now_ms()
            trace.record(source="assistant", direction=Direction.SENT, turn_index=1, at_ms=at_ms, payload=told.event)

        return host.open_call(target.new_call_id(), self._setup.new_mocks(), timeline.now_ms, keep)

    def _open_duplex(self, trace: Trace, timeline: Timeline, hosted: HostedCall | None) -> LiveCall:
        from evalkit.realtime.live_call import CallStream

        stream = CallStream(self._setup.settings.chunk_ms, self._wav("uplink"), self._wav("downlink"))
        target = self._setup.media_stream
        if target is not None:
            from evalkit.realtime.media_stream.session import MediaStreamCall

            handed, call_id = ({}, None) if hosted is None else (hosted.parameters, hosted.call_id)
            return MediaStreamCall(target, handed, call_id, trace=trace, timeline=timeline, stream=stream)
        return self._setup.sessions.duplex(
            self._setup.url,
            self._headers(),
            source="assistant",
            trace=trace,
            timeline=timeline,
            stream=stream,
            on_rate_limits=self._setup.on_rate_limits,
        )

    async def _ask(
        self, session: RealtimeSession, turn: TurnEvidence, answer_tools: AnswerTools | None, evidence: Evidence
    ) -> None:
        """Say when the utterance has ended, and ask for the answer."""
        settings = self._setup.settings
        try:
            async with session:
                await session.configure(self._setup.session, timeout_s=_CONFIGURE_TIMEOUT_S)
                session.begin_turn(1, input_wav=self._wav("input"), output_wav=self._wav("output"))
                turn.pacing = await session.send_audio(
                    turn.wire, chunk_ms=settings.chunk_ms, real_time=settings.real_time
                )
                evidence.failure = await respond_with_tools(session, answer_tools, settings.limits, turn.outputs)
                turn.heard = await what_was_heard(session, self._setup.session)
        finally:
            turn.result = session.turn_result()
            evidence.served_model = session.served_model or ""

    async def _talk(
        self,
        session: LiveCall,
        timeline: Timeline,
        turn: TurnEvidence,
        answer_tools: AnswerTools | None,
        evidence: Evidence,
        hosted: HostedCall | None,
    ) -> None:
        """Let the server find out when the utterance has ended, and hear it out."""
        # All of full duplex is loaded where a call is held in it, here and above.
        from evalkit.modes.voice.duplex_line import DuplexLine

        settings = self._setup.settings
        recognise = words_only(self._setup.recognise, partial(add_costs, evidence.cost_usd))
        line = self._line = DuplexLine(session, timeline, settings.limits, settings.chunk_ms, recognise)
        if hosted is not None:
            line.serve_tools(hosted)
        try:
            async with session:
                await session.configure(self._setup.session, timeout_s=_CONFIGURE_TIMEOUT_S)
                self._duplex = line.left
                await line.open()
                await line.wait_for_silence()
                evidence.failure = await line.exchange(turn, answer_tools)
        finally:
            if self._duplex is not None:
                line.close([turn])
            evidence.served_model = session.served_model or ""

    def _write_sounds(self, turn: TurnEvidence) -> dict[str, str]:
        """Write a turn's sound files, and return them as a record names them."""
        folder, session = self._setup.run.audio_dir(self._trial.key), self._setup.session
        names = ["input"]
        write_wav(folder / "input.wav", turn.wire, session.input_format)
        if turn.clean_wire != turn.wire:
            names.append("clean_input")
            write_wav(folder / "clean_input.wav", turn.clean_wire, session.input_format)
        if turn.said_pcm is not None:
            names.append("speech")
            write_pcm16(folder / "speech.wav", turn.said_pcm, AudioFormat.PCM16.sample_rate_hz)
        if turn.result.audio:
            names.append("output")
            pcm = session.output_format.from_wire(turn.result.audio)
            write_pcm16(folder / "output.wav", pcm, session.output_format.sample_rate_hz)
        return {f"{name}_audio_path": self._wav(name) for name in names}

    def _account_for(self, turn: TurnEvidence) -> DuplexAccount | None:
        """Return the account of a call in full duplex; None of any other."""
        if self._duplex is None:
            return None
        from evalkit.modes.voice.duplex_account import DuplexAccount

        return DuplexAccount.of(self._duplex, [turn], self._setup.session.input_format)

    def _wav(self, name: str) -> str:
        return self._setup.run.relative(self._files.wav(None, name))
