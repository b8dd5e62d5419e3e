"""One spoken turn: wire audio into a fresh Realtime session, the assistant's first turn out, as a record.

Crawl and walk differ in where the audio comes from; from there on a case is the same, and that is here:

connect → session.update → append the utterance in chunks → commit → response.create → (answer tools →)* → record

Whatever goes wrong on the way becomes a failure in the record, beside all that had been heard by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from evalkit.audio.channels import ChannelSpec, apply_channel
from evalkit.audio.formats import AudioFormat
from evalkit.audio.g711 import Pcm
from evalkit.audio.wav import write_pcm16, write_wav
from evalkit.clock import Clock
from evalkit.modes.attempt import Evidence, make_attempt
from evalkit.modes.voice.settings import VoiceSettings
from evalkit.modes.voice.tool_rounds import AnswerTools, respond_with_tools
from evalkit.modes.voice.transcript import order_steps
from evalkit.modes.voice.turn_measures import find_misbehaviour, lateness, voice_to_voice
from evalkit.realtime.events import SessionSpec
from evalkit.realtime.introduction import Introduction
from evalkit.realtime.pacer import Pacing, pad_to_minimum
from evalkit.realtime.rate_limits import OnRateLimits
from evalkit.realtime.results import TurnResult
from evalkit.realtime.session import RealtimeSession
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Trace
from evalkit.records.case import CaseTrial
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord, ToolOutput, Turn, Usage
from evalkit.store.event_log import open_event_log
from evalkit.store.run_directory import RunDirectory

_CONFIGURE_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class PreparedUtterance:
    """What the caller says, ready for the wire.

    Attributes:
        wire: Bytes in the session's input format.
        cost_usd: What making it cost, by role; None where a price is unknown.
        speech: The speech role's own sound, 24 kHz, where `wire` does not hold it sample for sample.

    """

    wire: bytes
    cost_usd: Mapping[str, float | None] = field(default_factory=dict)
    speech: Pcm | None = None


@dataclass(frozen=True)
class TurnSetup:
    """What all cases of a run share.

    Attributes:
        url: The realtime address, model and all.
        headers: Of the handshake; they hold the key and are never shown.
        fingerprint: The settings that decide the records, as each of them stores them.
        price: Tokens and model -> dollars, or None when the price is unknown.
        channel: Line quality: what lies between the utterance and the assistant.
        new_tools: Makes the tools of one conversation; None: calls are not answered and end the turn.
        on_rate_limits: Called with the server's rate limits whenever it sends them.

    """

    settings: VoiceSettings
    session: SessionSpec
    url: str
    headers: Mapping[str, str] = field(repr=False)
    run: RunDirectory
    clock: Clock
    fingerprint: JsonObject
    price: Callable[[Usage, str], float | None]
    channel: ChannelSpec = field(default_factory=ChannelSpec)
    new_tools: Callable[[CaseTrial], AnswerTools] | None = None
    on_rate_limits: OnRateLimits = lambda _: None


@dataclass
class _TurnSoFar:
    """The data of the turn so far, collected until the record is made."""

    wire: bytes = b""
    clean_wire: bytes = b""
    speech: Pcm | None = None
    channel_measures: dict[str, float] = field(default_factory=dict)
    pacing: Pacing | None = None
    turn: TurnResult = field(default_factory=lambda: TurnResult(()))
    outputs: list[ToolOutput] = field(default_factory=list)


async def run_spoken_turn(
    setup: TurnSetup, trial: CaseTrial, attempt: int, speak: Callable[[CaseTrial], Awaitable[PreparedUtterance]]
) -> CaseRecord:
    """Make one attempt at `trial`, saying what `speak` returns; return its record. A case's failure is not raised."""
    heard = _TurnSoFar()

    async def hold(evidence: Evidence) -> None:
        utterance = await speak(trial)
        await _send_through_channel(setup, trial, utterance, heard)
        evidence.cost_usd.update(utterance.cost_usd)
        heard.speech = utterance.speech
        await _converse(setup, trial, attempt, heard, evidence)

    def conclude(evidence: Evidence) -> None:
        evidence.failure = evidence.failure or find_misbehaviour(heard.turn)
        evidence.served_model = heard.turn.served_model or evidence.served_model
        if heard.turn.responses:
            evidence.cost_usd["assistant"] = setup.price(heard.turn.usage, str(setup.settings.assistant.model))
        if heard.pacing:
            evidence.turns.append(_make_turn(setup, trial, heard))

    limit_s = setup.settings.limits.case_timeout_s
    return await make_attempt(trial, setup.fingerprint, hold, conclude, clock=setup.clock, timeout_s=limit_s)


async def _send_through_channel(setup: TurnSetup, trial: CaseTrial, said: PreparedUtterance, turn: _TurnSoFar) -> None:
    """Set the sound for the assistant: the utterance itself without a channel, else what the channel makes of it."""
    audio_format = setup.session.input_format
    turn.wire = turn.clean_wire = pad_to_minimum(said.wire, audio_format)
    if setup.channel.is_clean:
        return
    heard = await asyncio.to_thread(
        apply_channel,
        audio_format.from_wire(turn.clean_wire),
        audio_format.sample_rate_hz,
        setup.channel,
        trial.seed,
    )
    turn.wire = audio_format.to_wire(heard.pcm)
    turn.channel_measures = {f"channel_{name}": value for name, value in heard.measures.items()}


async def _converse(setup: TurnSetup, trial: CaseTrial, attempt: int, heard: _TurnSoFar, evidence: Evidence) -> None:
    settings = setup.settings
    async with open_event_log(setup.run.events_path(trial.key)) as log:
        evidence.artifacts["event_log_path"] = setup.run.relative(setup.run.events_path(trial.key))
        trace = Trace(log.write, elide_audio=settings.trace.audio == "elided")
        timeline = Timeline.begin(setup.clock)
        introduction = Introduction(trial.key, attempt, trial.seed)
        session = RealtimeSession(
            setup.url,
            {**setup.headers, **introduction.headers(setup.url, "assistant")},
            source="assistant",
            trace=trace,
            timeline=timeline,
            on_rate_limits=setup.on_rate_limits,
        )
        try:
            async with session:
                await session.configure(setup.session, timeout_s=_CONFIGURE_TIMEOUT_S)
                session.begin_turn(1, input_wav=_wav(setup, trial, "input"), output_wav=_wav(setup, trial, "output"))
                heard.pacing = await session.send_audio(
                    heard.wire, chunk_ms=settings.chunk_ms, real_time=settings.real_time
                )
                answer_tools = setup.new_tools(trial) if setup.new_tools else None
                evidence.failure = await respond_with_tools(session, answer_tools, settings.limits, heard.outputs)
        finally:
            heard.turn = session.turn_result()
            evidence.served_model = session.served_model or ""


def _make_turn(setup: TurnSetup, trial: CaseTrial, heard: _TurnSoFar) -> Turn:
    turn = heard.turn
    return Turn(
        turn_index=1,
        user_text=str(trial.case.inputs.get("user_text", "")),
        steps=order_steps(turn, heard.outputs),
        latencies={
            **turn.latencies,
            **voice_to_voice(heard.clean_wire, setup.session.input_format, heard.pacing, turn),
        },
        measures={
            "input_audio_ms": setup.session.input_format.duration_ms(len(heard.wire)),
            "output_audio_ms": setup.session.output_format.duration_ms(len(turn.audio)),
            **lateness(heard.pacing),
            **heard.channel_measures,
        },
        artifacts=_write_sounds(setup, trial, heard),
        usage=turn.usage,
        status=turn.status,
    )


def _write_sounds(setup: TurnSetup, trial: CaseTrial, heard: _TurnSoFar) -> dict[str, str]:
    """Write a case's sound files, and return them as a record names them."""
    folder, input_format, output_format = (
        setup.run.audio_dir(trial.key), setup.session.input_format, setup.session.output_format,
    )  # fmt: skip
    names = ["input"]
    write_wav(folder / "input.wav", heard.wire, input_format)
    if heard.clean_wire != heard.wire:
        names.append("clean_input")
        write_wav(folder / "clean_input.wav", heard.clean_wire, input_format)
    if heard.speech is not None:
        names.append("speech")
        write_pcm16(folder / "speech.wav", heard.speech, AudioFormat.PCM16.sample_rate_hz)
    if heard.turn.audio:
        names.append("output")
        pcm = output_format.from_wire(heard.turn.audio)
        write_pcm16(folder / "output.wav", pcm, output_format.sample_rate_hz)
    return {f"{name}_audio_path": _wav(setup, trial, name) for name in names}


def _wav(setup: TurnSetup, trial: CaseTrial, name: str) -> str:
    return setup.run.relative(setup.run.audio_dir(trial.key) / f"{name}.wav")
