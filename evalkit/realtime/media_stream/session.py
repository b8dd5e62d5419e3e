"""A call to a telephone application: the line's side of a media stream.

::

    async with MediaStreamCall(target, {}, trace=…, timeline=…, stream=CallStream(20)) as call:
        await call.configure(spec, timeout_s=10)      # G.711, the same in both directions
        call.begin()
        call.begin_turn(1)
        clip = call.say(wire)
        await call.listen(clip, timeout_s=30)
    call.responses, call.playout.pcm(…), call.describe_peer() …

The application is told what a line tells it (:mod:`evalkit.realtime.media_stream.dialect`): that a call has begun and
what it was handed, 20 ms of the caller's sound at each of their absolute deadlines, silence included, that a mark has
been heard when the sound before it *has been played*, and that the call has ended. What it sends is played in real
time.

A line shows sound and nothing else. What the application said is a stretch of speech in what was played
(:mod:`evalkit.realtime.media_stream.stretches`); its words are a recogniser's, tokens and tool calls are not seen. It
has finished when it has been silent for :data:`~evalkit.realtime.media_stream.stretches.GAP_MS` behind something that
it said after the caller's last word; where it fell silent inside a word, it is waited for to go on for
:data:`~evalkit.realtime.live_call.RESUME_MS` (:mod:`evalkit.realtime.media_stream.arrival`). What it says shortly
behind a tool's answer may have been written before that: then what takes the answer up is waited for 3 s. What it says
into the caller's pauses is no answer to what he had not finished saying: the answer is waited for
:data:`~evalkit.realtime.live_call.RESUME_MS`. A ``clear`` alone proves nothing, since an application may send one
whenever the caller begins to speak; it counts where sound was thrown away.

What ends a call as a :class:`~evalkit.errors.CaseFailure`:

================================================ ========================= ==========================================
what happened                                    stage                     error_type
================================================ ========================= ==========================================
the application could not be reached             ``connect``               see :mod:`evalkit.realtime.connection`
it answered with no address of a stream          ``connect``               ``invalid_response``
a message that no line could take                ``response_error``        ``invalid_frame``
sound for another stream, or for none            ``response_error``        ``wrong_stream``
a message beyond the limit                       ``response_error``        ``oversized_frame``
it hung up before it had answered                ``response_error``        ``hung_up``
it hung up with an error                         ``response_error``        ``application_error``
it said nothing in time                          ``response_timeout``      ``timeout``
the connection broke                             that under way            ``connection_closed``
================================================ ========================= ==========================================
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

import numpy as np
import orjson

from evalkit.audio.g711 import Pcm
from evalkit.audio.levels import rms_dbfs
from evalkit.errors import CaseFailure, ProtocolError
from evalkit.realtime.connection import ConnectionLimits, ConnectionLost
from evalkit.realtime.events import SessionSpec
from evalkit.realtime.live_call import ANSWERLESS_MS, RESUME_MS, CallStream, LiveCall
from evalkit.realtime.media_stream.answer_url import ask_for_stream
from evalkit.realtime.media_stream.arrival import (
    AHEAD_MS,
    LATE_MS,
    Arrivals,
    SpeechHole,
    find_holes,
    starved_playback,
)
from evalkit.realtime.media_stream.dialect import CallIdentity, Dialect
from evalkit.realtime.media_stream.frames import AppEvent, InvalidFrame, LineFrames, read_frame
from evalkit.realtime.media_stream.signature import sign_request
from evalkit.realtime.media_stream.stretches import GAP_MS, SOUND_DBFS, SpeechStretch, SpeechStretches
from evalkit.realtime.peer_link import RAW_FRAME_KEPT, Trouble
from evalkit.realtime.playout import Playout
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import AudioRef, Direction, Trace
from evalkit.realtime.uplink import PlacedClip, Uplink
from evalkit.records.faults import Stage
from evalkit.records.json import JsonObject
from evalkit.records.line_findings import NOTE
from evalkit.records.record import ToolOutput

HUNG_UP = "hung_up"
"""The kind of failure that an application which hangs up before it has answered is."""

APPLICATION_ERROR = "application_error"
"""The kind of failure that an application which gives a call up with an error is."""

OVERSIZED_FRAME = "oversized_frame"
"""The kind of failure that a message beyond :data:`MAX_FRAME_BYTES` is."""

MAX_FRAME_BYTES = 1024 * 1024
"""No message of an application is longer: as base64 it would hold a minute and a half of sound."""

REACTION_MS = 200.0
"""Nobody can react to what ended less than this ago: what begins so shortly before the caller's end answers early."""

NOTICED_MS = 1000.0
"""An application that hears the caller stops within so long: where it broke off then, the caller may be why."""

KEY_MS = 200.0
"""A caller takes so long for each key that he presses."""

# What goes on for so long behind the caller's last word is his answer, though it began before.
_ANSWERS_ANYWAY_MS = 1000.0
# Words that the caller began so shortly before the application hung up, and had not ended by then, crossed with that.
_CROSSING_MS = 1000.0
# What begins so soon behind a tool's answer may have been written before it: "One moment, let me look that up."
_WRITTEN_BEFORE_MS = 2000.0
# So long what the tool told is waited for then.
_TAKES_UP_MS = 3000.0
_BLOCK_MS = 20.0
_RECOGNISER_LEAD_MS = 200.0
_POLITE_CLOSES = frozenset({1000, 1001, 1005})
_LIMITS = ConnectionLimits(max_frame_bytes=MAX_FRAME_BYTES)


@dataclass(frozen=True)
class MediaStreamTarget:
    """A telephone application, and how it is called.

    Attributes:
        url: ``ws(s)://``: of its media stream; ``http(s)://``: of what answers where that is.
        dialect: The words of the line.
        agent_speaks_first: Whether it greets, or waits to be spoken to.
        parameters: What it is handed at each call's beginning.
        auth_token: What requests to it are signed with, as Twilio does; None: they are not.

    """

    url: str
    dialect: Dialect
    agent_speaks_first: bool
    parameters: Mapping[str, str] = field(default_factory=dict)
    auth_token: str | None = field(default=None, repr=False)

    def new_call_id(self) -> str:
        """Return an id for a call, as the provider of the line makes them."""
        return self.dialect.call_prefix + secrets.token_hex(16)


class MediaStreamCall(LiveCall):
    """One call; see :class:`LiveCall` for the arguments not named here.

    Args:
        target: The application.
        parameters: What it is handed at the beginning, beside the target's own.
        call_id: How the line calls it; None: by a new id.

    """

    def __init__(
        self,
        target: MediaStreamTarget,
        parameters: Mapping[str, str],
        call_id: str | None = None,
        *,
        trace: Trace,
        timeline: Timeline,
        stream: CallStream,
    ) -> None:
        super().__init__(
            target.url, {}, source="assistant", trace=trace, timeline=timeline, stream=stream, limits=_LIMITS
        )
        self._target, self._dialect = target, target.dialect
        self._call = CallIdentity(
            stream_id=target.dialect.stream_prefix + secrets.token_hex(16),
            call_id=call_id or target.new_call_id(),
            account_id=target.dialect.account_prefix + "0" * 32,
            parameters={**target.parameters, **parameters},
        )
        self._frames = LineFrames(self._dialect, self._call, next(iter(self._dialect.encodings)))
        self._is_open = False
        self._stretches = SpeechStretches(self.playout.audio_format.sample_rate_hz)
        self._marks: list[tuple[int, str]] = []
        self._waiting_echoes: list[dict[str, Any]] = []
        self._arrivals = Arrivals()
        self._counts = {"marks": 0, "clears": 0, "clears_of_nothing": 0, "other_messages": 0}
        self._to_press: list[tuple[float, str]] = []
        self._keys_told: list[JsonObject] = []
        self._hung_up_ms: float | None = None
        self._told_at_ms = 0.0
        self._is_tool_at_work: Callable[[], bool] = lambda: False

    async def __aenter__(self) -> Self:
        """Connect, by way of what answers where the stream is. Raises CaseFailure at stage ``connect``."""
        token, is_told = self._target.auth_token, self._url.startswith("http")
        if is_told:
            answer = await ask_for_stream(self._url, self._call, token)
            self._url = answer.url
            self._call = replace(self._call, parameters={**answer.parameters, **self._call.parameters})
        self._headers = {} if token is None else {"X-Twilio-Signature": sign_request(token, self._url, {})}
        try:
            return await super().__aenter__()
        except CaseFailure as failure:
            if not is_told:
                raise
            hint = "that is the address that target.url answered: does the application know the host it is reached at?"
            raise CaseFailure(
                failure.stage, failure.error_type, f"{failure.message}; {hint}", retry_after_s=failure.retry_after_s
            ) from failure

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Say that the call has ended, and hang up."""
        stop = self._frames.stop() if self._is_open and self._trouble is None else None
        if stop is not None:
            with suppress(CaseFailure):  # it has hung up itself
                await self._send(stop, Stage.STREAM_AUDIO)
        await super().__aexit__(exc_type, exc, traceback)

    def watch_tools(self, is_at_work: Callable[[], bool]) -> None:
        """Take it that the application calls tools elsewhere: while `is_at_work` holds, it has not finished."""
        self._is_tool_at_work = is_at_work

    def note_tool_answer(self, at_ms: float) -> None:
        """Take it that a tool has answered, at a time since the case began: what is said behind that takes it up."""
        self._told_at_ms = max(self._told_at_ms, at_ms)
        self._news.set()

    @property
    def responses(self) -> tuple[SpeechStretch, ...]:
        """What was said by now, stretch by stretch."""
        return self._stretches.spoken

    @property
    def has_hung_up(self) -> bool:
        """Whether the application has ended the call, without an error."""
        return self._hung_up_ms is not None

    @property
    def owes_greeting(self) -> bool:
        """Whether it is to speak first, and has not."""
        return self._target.agent_speaks_first and not self._stretches.spoken

    @property
    def sends_ahead(self) -> bool:
        """Whether sound has ever come so far ahead of being heard that more of it can be expected to."""
        return self._arrivals.largest_ahead_ms >= AHEAD_MS

    async def configure(self, spec: SessionSpec, *, timeout_s: float) -> None:  # noqa: ARG002
        """Say that the call has begun; an application does not answer to that."""
        if spec.input_format is not spec.output_format or spec.input_format not in self._dialect.encodings:
            raise ProtocolError(f"a {self._dialect.name} line does not carry {spec.input_format}")
        self.uplink = Uplink(spec.input_format, self._stream.chunk_ms)
        self.playout = Playout(spec.output_format, late_ms=LATE_MS)
        self._stretches = SpeechStretches(spec.output_format.sample_rate_hz)
        self._frames = LineFrames(self._dialect, self._call, spec.input_format)
        self.began_at_ms = self._timeline.now_ms()
        for message in self._frames.opening():
            await self._send(message, Stage.SESSION_UPDATE)
        self._is_open = True

    def begin(self) -> None:
        """Begin the call: from now on the application hears the caller, be it silence."""
        super().begin()
        self._stretches.began_at_ms = self.began_at_ms

    def press_keys(self, keys: str, *, not_before_ms: float = 0.0) -> PlacedClip:
        """Press keys; meanwhile the caller is silent, since a line tells of keys and takes out their tones."""
        silence = bytes([self.uplink.audio_format.silence_byte])
        wire = silence * self.uplink.audio_format.byte_count(KEY_MS * len(keys))
        clip = self.say(wire, not_before_ms=not_before_ms)
        self._to_press += [(clip.start_ms + (number + 0.5) * KEY_MS, key) for number, key in enumerate(keys)]
        return clip

    async def hear_words(self, recognise: Callable[[Pcm, int], Awaitable[str]]) -> None:
        """Have put into words what was said since this was done last, as far as it was heard."""
        playout, new = self.playout, [each for each in self._stretches.spoken if each.words is None]
        rate_hz, until = playout.audio_format.sample_rate_hz, playout.sample_at(self.now_ms)

        async def listen(stretch: SpeechStretch) -> None:
            heard = playout.heard_of(stretch.playout_id, until)
            stretch.words = "" if heard is None else await recognise(_with_silence(heard[1], rate_hz), rate_hz)

        await asyncio.gather(*(listen(stretch) for stretch in new))

    async def ask_to_speak(self) -> None:
        """Do nothing: who speaks first is the application's own affair."""

    async def answer_tools(self, outputs: Sequence[ToolOutput]) -> None:  # noqa: ARG002
        """Raise: no tool is ever called over a telephone line."""
        raise ProtocolError("a telephone line carries no tool calls")

    def describe_peer(self) -> JsonObject:
        """Return the call's ids, what came over the line by number and size, and what is found in how it came."""
        starved = starved_playback(self.speech_holes, self.began_at_ms)
        found = [*(() if starved is None else (starved,)), *self._arrivals.findings()]
        return {
            "stream": {
                "dialect": self._dialect.name,
                "call_id": self._call.call_id,
                "stream_id": self._call.stream_id,
                "frames": self._arrivals.frames,
                **self._counts,
                "largest_frame_ms": round(self._arrivals.largest_frame_ms, 1),
                "keys": [*self._keys_told],
                "hung_up": self.has_hung_up,
            },
            NOTE: {str(each.finding): each.to_json() for each in found},
        }

    @property
    def speech_holes(self) -> tuple[SpeechHole, ...]:
        """Where words were cut in two by now because their sound came late, and nothing else explains it."""
        until = self.playout.sample_at(self.now_ms)
        return tuple(hole for hole in find_holes(self.playout, self.responses, until) if not self._explains(hole))

    def _explains(self, hole: SpeechHole) -> bool:
        """Whether the application may have stopped for the caller there, or it was we who listened late."""
        since_ms = max(hole.spoken_since_ms, hole.start_ms - NOTICED_MS)
        spoke = any(clip.start_ms < hole.end_ms and clip.end_ms > since_ms for clip in self.uplink.clips)
        first, last = (math.floor(at_ms / self._stream.chunk_ms) for at_ms in (hole.start_ms, hole.end_ms))
        own_ms = max(self.lateness_ms[max(0, first - 1) : last + 2], default=0.0)
        return spoke or hole.duration_ms - own_ms <= LATE_MS

    def heard_at(self, at_ms: float) -> tuple[float, float] | None:
        """Return from when to when the stretch is heard that is heard at a time, as far as it has come; None: none."""
        at = self.playout.sample_at(at_ms)
        heard = next((each for each in self._stretches.spoken if each.start <= at < each.sound_end), None)
        return None if heard is None else (self._place_ms(heard.start), self._place_ms(heard.sound_end))

    @property
    def _sound_end_ms(self) -> float:
        return self._place_ms(self._stretches.sound_end)

    def _place_ms(self, sample: int) -> float:
        return sample / self.playout.audio_format.sample_rate_hz * 1000.0

    async def _send_chunk(self, chunk: bytes, offset: int) -> None:
        stage = Stage.STREAM_AUDIO
        self._raise_trouble(stage)
        began_ms = self.uplink.audio_format.duration_ms(offset)
        message = self._frames.media(chunk, began_ms)
        sound = AudioRef(chunk, offset, self._stream.uplink_wav, place=("media", "payload"))
        self._record(Direction.SENT, self._timeline.now_ms(), message, sound)
        await self._send_frames([orjson.dumps(message)], stage)

    async def _attend(self) -> None:
        now = self.playout.sample_at(self.now_ms)
        self._stretches.settle(now)
        while self._marks and self._marks[0][0] <= now:
            self._waiting_echoes.append(self._frames.mark(self._marks.pop(0)[1]))
        while self._to_press and self._to_press[0][0] <= self.now_ms:
            pressed_ms, key = self._to_press.pop(0)
            await self._send(self._frames.dtmf(key, pressed_ms), Stage.STREAM_AUDIO)
        while self._waiting_echoes:
            await self._send(self._waiting_echoes.pop(0), Stage.STREAM_AUDIO)

    def _is_busy(self) -> bool:
        if self.has_hung_up:
            return False
        is_working = self.owes_greeting or self._is_tool_at_work() or self._has_broken_off()
        return is_working or self._stretches.is_open() or self._sound_end_ms > self.now_ms

    def _has_finished(self, clip: PlacedClip) -> bool:
        said, stretches = self._last_understood(self._last_said(clip)), self._stretches.spoken
        last = stretches[-1] if stretches else None
        if last is None or (self.now_ms < said.end_ms and not self.has_hung_up):
            return False
        began_ms, ended_ms = self._place_ms(last.start), self._place_ms(last.sound_end)
        is_answer = began_ms >= said.end_ms - REACTION_MS or ended_ms >= said.end_ms + _ANSWERS_ANYWAY_MS
        if self.has_hung_up:
            return is_answer
        if self._is_busy() or any(self.now_ms < aside.end_ms + ANSWERLESS_MS for aside in self._asides):
            return False
        quiet_ms = self.now_ms - self._waits_since_ms(said)
        if not is_answer:
            return began_ms > said.start_ms and quiet_ms >= RESUME_MS
        has_told = last.last_sound_at_ms is not None and last.last_sound_at_ms > self._told_at_ms
        if last.was_interrupted or not has_told:
            return quiet_ms >= RESUME_MS
        is_prior = self._told_at_ms > 0 and began_ms < self._told_at_ms - self.began_at_ms + _WRITTEN_BEFORE_MS
        return quiet_ms >= (_TAKES_UP_MS if is_prior else GAP_MS)

    def _last_understood(self, said: PlacedClip) -> PlacedClip:
        """Return `said`, or what was said before it where that had only begun, a moment ago, as the other side hung up.

        Who hangs up when he has said goodbye cannot have understood words that cross his hand on its way.
        """
        if self._hung_up_ms is None or self._addressed_before is None:
            return said
        crossed = said.start_ms > self._hung_up_ms - _CROSSING_MS and said.end_ms > self._hung_up_ms
        return self._addressed_before if crossed else said

    def _has_broken_off(self) -> bool:
        """Whether it fell silent inside a word of late, though nobody spoke to it: it has not finished."""
        last = self._stretches.spoken[-1] if self._stretches.spoken else None
        if last is None or last.was_interrupted or not last.ends_loud:
            return False
        was_spoken_to = any(clip.end_ms > self._place_ms(last.start) for clip in self.uplink.clips[-1:])
        return not was_spoken_to and self.now_ms < self._place_ms(last.sound_end) + RESUME_MS

    def _waits_since_ms(self, said: PlacedClip) -> float:
        """Return since when nothing has been said by either side, nor by a tool to the application."""
        return max(said.end_ms, self._sound_end_ms, self._told_at_ms - self.began_at_ms)

    def _is_overdue(self, clip: PlacedClip, timeout_s: float) -> bool:
        limit_ms = timeout_s * 1000.0
        if self._is_tool_at_work():
            return False
        is_silent = self.now_ms > self._waits_since_ms(self._last_said(clip)) + limit_ms
        return is_silent or self._speaks_for_ms() > limit_ms

    def _speaks_for_ms(self) -> float:
        """Return for how long the application has been speaking without a pause; 0 where it is silent."""
        last = self._stretches.spoken[-1] if self._stretches.spoken else None
        is_heard = last is not None and self._place_ms(last.sound_end) > self.now_ms
        return self.now_ms - self._place_ms(last.start) if last is not None and is_heard else 0.0

    def _describe_delay(self, timeout_s: float) -> CaseFailure:
        if self._speaks_for_ms() > timeout_s * 1000.0:
            message = f"the application spoke for {timeout_s:g} s without a pause of {GAP_MS / 1000:g} s"
        elif not self._arrivals.frames:
            message = f"the application sent no sound within {timeout_s:g} s of what was said"
        elif not self._stretches.spoken:
            message = (
                f"the application sent {self._arrivals.frames} frames of sound within {timeout_s:g} s, and all of it "
                f"is silence (below {SOUND_DBFS:g} dBFS)"
            )
        else:
            message = f"the application said nothing within {timeout_s:g} s of what was said to it"
        return CaseFailure(Stage.RESPONSE_TIMEOUT, "timeout", message)

    def _explain_loss(self, lost: ConnectionLost) -> Trouble:
        if lost.error_type == "frame_too_large":
            message = f"the application sent a message of more than {MAX_FRAME_BYTES // 1024} KiB"
            return Trouble(Stage.RESPONSE_ERROR, OVERSIZED_FRAME, message)
        if lost.code is None:
            return replace(super()._explain_loss(lost), message=f"{lost.message}; see the application's own log")
        if lost.code not in _POLITE_CLOSES:
            message = lost.message.replace("the server", "the application", 1)
            return Trouble(Stage.RESPONSE_ERROR, APPLICATION_ERROR, message)
        if self._ended_at_ms is None:
            self._hung_up_ms = self.now_ms
            self._throw_away(self._timeline.now_ms())
        return Trouble(Stage.RESPONSE_ERROR, HUNG_UP, "the application hung up before it had answered")

    def _hear(self, frame: str | bytes) -> None:
        at_ms, sound = self._timeline.now_ms(), None
        try:
            told = read_frame(self._dialect, frame, self._call.stream_id)
        except InvalidFrame as error:
            kept = frame[:RAW_FRAME_KEPT] if isinstance(frame, str) else frame[:RAW_FRAME_KEPT].hex()
            self._record(Direction.RECEIVED, at_ms, {"event": "invalid_frame", "frame": kept})
            self._note(Trouble(Stage.RESPONSE_ERROR, error.kind, error.message))
            return
        if told.event is AppEvent.PLAY:
            sound = self._play(told.sound, at_ms)
        elif told.event is AppEvent.MARK:
            self._counts["marks"] += 1
            self._marks.append((self.playout.end, told.mark))
        elif told.event is AppEvent.CLEAR:
            self._clear(at_ms)
        elif told.event is AppEvent.KEYS:
            self._keys_told.append({"at_s": round(at_ms / 1000, 4), "keys": told.keys})
        else:
            self._counts["other_messages"] += 1
        self._record(Direction.RECEIVED, at_ms, told.message, sound)
        self._news.set()

    def _play(self, wire: bytes, at_ms: float) -> AudioRef:
        playout, audio_format, offset = self.playout, self.playout.audio_format, len(self._downlink)
        self._downlink += wire
        at, block = playout.sample_at(at_ms - self.began_at_ms), audio_format.byte_count(_BLOCK_MS)
        late_ms = self._place_ms(at - playout.end) if self._stretches.is_open_and_loud() else 0.0
        for begin in range(0, len(wire), block):
            piece, end = wire[begin : begin + block], min(offset + begin + block, len(self._downlink))
            last = bytes(self._downlink[max(0, end - block) : end])
            said_end = self._addressed.end if self._addressed is not None else 0
            stretch = self._stretches.take(
                playout.place_of_next(at),
                len(piece),
                is_sound=rms_dbfs(audio_format.from_wire(piece)) >= SOUND_DBFS,
                level_dbfs=rms_dbfs(audio_format.from_wire(last)),
                at_ms=at_ms,
                turn_index=self._turn,
                said_end=said_end,
                told_at_ms=self._told_at_ms,
            )
            playout.receive(piece, response_id=stretch, item_id=stretch, at=at)
        ahead_ms = self._place_ms(playout.end - at)
        self._arrivals.take(audio_format.duration_ms(len(wire)), late_ms=late_ms, ahead_ms=ahead_ms)
        is_ulaw = audio_format.silence_byte == 0xFF
        return AudioRef(wire, offset, self._stream.downlink_wav, is_ulaw, self._dialect.payload)

    def _clear(self, at_ms: float) -> None:
        """Throw away what waits; the marks in it are told of at once, as if they had been heard."""
        self._counts["clears"] += 1
        self._counts["clears_of_nothing"] += not self._throw_away(at_ms)
        cleared = self._frames.cleared()
        self._waiting_echoes += [self._frames.mark(name) for _, name in self._marks]
        self._waiting_echoes += [cleared] if cleared is not None else []
        self._marks.clear()

    def _throw_away(self, at_ms: float) -> bool:
        """Stop playing, and return whether sound was lost by that."""
        now = self.playout.sample_at(at_ms - self.began_at_ms)
        return self._stretches.cut(now, self.playout.stop(now))


def _with_silence(pcm: Pcm, sample_rate_hz: int) -> Pcm:
    """Return a sound with a little silence on both sides: recognisers lose words that begin at the first sample."""
    return np.pad(pcm, round(_RECOGNISER_LEAD_MS * sample_rate_hz / 1000))
