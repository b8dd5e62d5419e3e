"""A call that goes on by itself: sound flows both ways all the time, and the other side decides when it is its turn.

This is what modes hold calls with, whatever a call goes over; a subclass says how sound is sent and received, what
counts as a response, and when the other side has finished:

================================ ======================================== =========================================
subclass                         goes over                                a response is
================================ ======================================== =========================================
:mod:`~evalkit.realtime.duplex`  the Realtime protocol, in full duplex    what the server says is one
:mod:`…media_stream.session      a telephone's media stream               a stretch of speech in what was heard
<evalkit.realtime.media_stream.session>`
================================ ======================================== =========================================

One uplink begins with the call and never stops: a chunk is sent at each of its absolute deadlines, silence where nobody
speaks. What comes is played in real time (:mod:`evalkit.realtime.playout`), and what counts is what was played.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Unpack

from evalkit.audio.formats import AudioFormat
from evalkit.audio.g711 import Pcm
from evalkit.errors import CaseFailure, ProtocolError
from evalkit.realtime.detected_speech import DetectedSpeech
from evalkit.realtime.peer_link import LinkOptions, PeerLink
from evalkit.realtime.playout import Playout
from evalkit.realtime.results import ResponseResult
from evalkit.realtime.uplink import PlacedClip, Uplink
from evalkit.records.faults import Stage
from evalkit.records.json import JsonObject
from evalkit.records.record import ToolCall, ToolOutput

QUIET_MS = 800.0
"""An assistant has finished when it has nothing under way and has been silent for so long."""

RESUME_MS = 5200.0
"""An assistant that stopped for a sound that wanted no answer may take so long to go on; then it has finished."""

ANSWERLESS_MS = 2200.0
"""So long after a sound that wants no answer it is clear that it got none."""

_WITHOUT_LIMIT_S = 24 * 3600.0


class CallResponse(Protocol):
    """Something that the other side said or did in one go."""

    turn_index: int
    """The turn in which it began."""
    began_at_ms: float
    """When it began, in milliseconds since the case began."""
    received_bytes: int
    """How much sound it has brought."""
    first_sound_at_ms: float | None
    """When the first of that came; None: none has."""
    last_sound_at_ms: float | None
    """When the last of it came."""
    done_at_ms: float | None
    """When it was done; None: it is not."""

    @property
    def playout_id(self) -> str:
        """What tells its sound apart from that of others."""
        ...

    @property
    def was_interrupted(self) -> bool:
        """Whether the other side stopped it before its end."""
        ...

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tool calls that it has made."""
        ...

    @property
    def result(self) -> ResponseResult:
        """All that is known of it by now; its times count from when it began."""
        ...


@dataclass(frozen=True)
class CallStream:
    """The sound of a call as it goes over the wire.

    Attributes:
        chunk_ms: How much of it is sent at a time.
        uplink_wav: The file that will hold all that is sent, relative to the run directory; None: none.
        downlink_wav: The file that will hold all that is received, in the order of its arrival; None: none.

    """

    chunk_ms: float
    uplink_wav: str | None = None
    downlink_wav: str | None = None


class LiveCall(PeerLink):
    """A call with one peer; see :class:`PeerLink` for the arguments not named here.

    Args:
        stream: How sound is sent, and the files that will hold it.

    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        stream: CallStream,
        **options: Unpack[LinkOptions],
    ) -> None:
        super().__init__(url, headers, **options)
        self._stream = stream
        self.uplink = Uplink(AudioFormat.PCM16, stream.chunk_ms)
        self.playout = Playout(AudioFormat.PCM16)
        self.speech = DetectedSpeech()
        self.began_at_ms = 0.0
        self.lateness_ms: list[float] = []
        self._ended_at_ms: float | None = None
        self._addressed: PlacedClip | None = None
        self._addressed_before: PlacedClip | None = None
        self._asides: list[PlacedClip] = []
        self._turn = 0
        self._downlink = bytearray()
        self._tasks: list[asyncio.Task[None]] = []
        self._to_answer: deque[tuple[ToolCall, ...]] = deque()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the uplink and hang up: from now on nothing is heard any more."""
        self._ended_at_ms = self._timeline.now_ms()
        for task in self._tasks:
            task.cancel()
        try:
            if self._tasks:
                await asyncio.wait(self._tasks)
            if exc is None:
                await self._hear_last_reports()
        finally:
            await super().__aexit__(exc_type, exc, traceback)

    @property
    @abstractmethod
    def responses(self) -> Sequence[CallResponse]:
        """All responses by now, in the order in which they began."""

    @property
    def downlink(self) -> bytes:
        """All sound that was received, in the order of its arrival."""
        return bytes(self._downlink)

    @property
    def now_ms(self) -> float:
        """Milliseconds since :meth:`begin`: the call's own clock, which stands still when the call has ended."""
        now_ms = self._timeline.now_ms() if self._ended_at_ms is None else self._ended_at_ms
        return now_ms - self.began_at_ms

    @property
    def is_silent(self) -> bool:
        """Whether the assistant has nothing under way and nothing to be heard."""
        return not self._is_busy()

    @abstractmethod
    async def ask_to_speak(self) -> None:
        """Ask the assistant to speak first, if it has not begun to by itself; do not wait for it."""

    @abstractmethod
    async def answer_tools(self, outputs: Sequence[ToolOutput]) -> None:
        """Give the tools' answers, and ask for the response that takes them up; do not wait for it."""

    @abstractmethod
    def describe_peer(self) -> JsonObject:
        """Return what the peer told of the call beside its responses, for the record's notes."""

    def heard_between(self, from_ms: float, until_ms: float) -> str | None:  # noqa: ARG002
        """Return what the peer's own recogniser took the caller's words for in a time; by default it tells nothing.

        Times are milliseconds since the case began; what it heard counts by when it told that it had heard it.
        """
        return None

    async def hear_words(self, recognise: Callable[[Pcm, int], Awaitable[str]]) -> None:
        """Have put into words what was said and the peer tells no words of: by default nothing.

        `recognise` takes a sound and its sample rate in Hz; what it raises comes through.
        """

    @property
    def has_hung_up(self) -> bool:
        """Whether the other side has ended the call, without an error: by default it never does."""
        return False

    @property
    def owes_greeting(self) -> bool:
        """Whether the other side is to speak first, and has not: by default it is not."""
        return False

    @property
    def sends_ahead(self) -> bool:
        """Whether sound comes before it is heard, so that what is still to be heard is known: by default it does."""
        return True

    def begin(self) -> None:
        """Begin the call: from now on the peer hears the caller, be it silence."""
        self.began_at_ms = self._timeline.now_ms()
        self._keep_running(self._run_uplink())

    def begin_turn(self, turn_index: int) -> None:
        """Begin turn `turn_index` (from 1): responses that begin from now on belong to it."""
        self._turn = turn_index

    def say(self, wire: bytes, *, not_before_ms: float = 0.0, wants_answer: bool = True) -> PlacedClip:
        """Say `wire` at once, or at a time on the call's clock, or when what is being said has been said.

        "At once" is now, and not where an uplink that is late has got to: nobody speaks in the past. What wants no
        answer (a cough, a word to somebody else) is not waited for to be answered.
        """
        clip = self.uplink.place(wire, not_before_ms=max(self.now_ms, not_before_ms))
        if wants_answer:
            self._addressed_before, self._addressed, self._asides = self._addressed, clip, []
        else:
            self._asides.append(clip)
        return clip

    def press_keys(self, keys: str, *, not_before_ms: float = 0.0) -> PlacedClip:  # noqa: ARG002
        """Press keys of a telephone, one after the other, as :meth:`say` speaks; return where on the uplink that lies.

        Raises:
            ProtocolError: The call is none of a telephone: by default it is not.

        """
        raise ProtocolError("only a telephone has keys")

    async def watch(self, ready: Callable[[], bool], *, timeout_s: float) -> bool:
        """Return True as soon as `ready` holds, which is asked whenever anything happens; False after `timeout_s`."""
        return await self._await(ready, timeout_s, Stage.RESPONSE_ERROR)

    async def silence(self, *, timeout_s: float) -> bool:
        """Return True when the assistant says nothing and has nothing under way, False after `timeout_s`."""
        return await self._await(lambda: not self._is_busy(), timeout_s, Stage.RESPONSE_ERROR)

    async def listen(
        self, clip: PlacedClip, *, timeout_s: float, meanwhile: Callable[[], bool] | None = None
    ) -> tuple[ToolCall, ...]:
        """Wait until the assistant has finished with `clip`, or calls tools: return its calls, none when it has.

        What has been said to it since is waited for just so.

        Args:
            clip: What was said.
            timeout_s: How long a response may take to begin, and to end.
            meanwhile: Called whenever anything happens, and once a chunk; it may say more, and returns whether it
                will yet, even when the assistant has finished.

        Raises:
            CaseFailure: Nothing came, or a response did not end, within `timeout_s`; and for any other trouble.

        """
        is_over = overdue = False

        def look() -> bool:
            nonlocal is_over, overdue
            goes_on = meanwhile is not None and meanwhile() and not self.has_hung_up
            is_over = not goes_on and self._has_finished(clip)
            overdue = not goes_on and not is_over and self._is_overdue(clip, timeout_s)
            return bool(self._to_answer) or is_over or overdue

        await self._await(look, _WITHOUT_LIMIT_S, Stage.RESPONSE_ERROR)
        if self._to_answer:
            return self._to_answer.popleft()
        if is_over:
            return ()
        await self._require_line(timeout_s)
        raise self._describe_delay(timeout_s)

    def heard_at(self, at_ms: float) -> tuple[float, float] | None:
        """Return from when to when the response is heard that is heard at a time, as far as it has come; None: none is.

        All times are on the call's clock. What waits behind it, of another response, is not counted.
        """
        at, pieces = self.playout.sample_at(at_ms), self.playout.pieces(self.playout.end)
        heard = next((piece.response_id for piece in pieces if piece.start <= at < piece.end), None)
        own = [piece for piece in pieces if piece.response_id == heard]
        scale = 1000.0 / self.playout.audio_format.sample_rate_hz
        return (own[0].start * scale, own[-1].end * scale) if own else None

    def quiet_since_ms(self) -> float | None:
        """Return since when both sides have been silent, on the call's clock; None: one of them has not done."""
        since_ms = max([self._sound_end_ms, *(clip.end_ms for clip in self.uplink.clips[-1:])])
        if self.speech.is_speaking or self._is_busy() or since_ms > self.now_ms:
            return None
        last = self.responses[-1] if self.responses else None
        done_ms = last.done_at_ms - self.began_at_ms if last is not None and last.done_at_ms is not None else 0.0
        return max(since_ms, done_ms)

    def has_answered(self) -> bool:
        """Whether the assistant has finished with what was said to it last."""
        return self._addressed is not None and self._has_finished(self._addressed)

    @property
    def _turn_index(self) -> int:
        return self._turn

    @property
    def _sound_end_ms(self) -> float:
        """Where the last of what can be heard will have been played, on the call's clock."""
        return self.playout.end_ms

    @abstractmethod
    async def _send_chunk(self, chunk: bytes, offset: int) -> None:
        """Send the next chunk of the uplink, which begins at byte `offset` of it."""

    @abstractmethod
    async def _attend(self) -> None:
        """Do what else is due, once a chunk."""

    @abstractmethod
    def _is_busy(self) -> bool:
        """Whether the assistant has anything under way, or something to be heard."""

    @abstractmethod
    def _has_finished(self, clip: PlacedClip) -> bool:
        """Whether the assistant has finished with `clip`, and with what has been said to it since."""

    @abstractmethod
    def _is_overdue(self, clip: PlacedClip, timeout_s: float) -> bool:
        """Whether the assistant had its time: for what is under way, or for beginning a response."""

    @abstractmethod
    def _describe_delay(self, timeout_s: float) -> CaseFailure:
        """Return, in a sentence, what was waited for in vain."""

    async def _hear_last_reports(self) -> None:
        """Wait a little for what the peer still has to report when the call has ended: by default nothing."""

    def _last_said(self, clip: PlacedClip) -> PlacedClip:
        """Return `clip`, or what has been said to the assistant since."""
        return max(clip, self._addressed or clip, key=lambda said: said.start)

    def _keep_running(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` beside the call, until it ends."""
        task = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._news.set())
        self._tasks.append(task)

    async def _run_uplink(self) -> None:
        with suppress(CaseFailure):  # whoever waits is told of it
            while True:
                due_s = (self.began_at_ms + self.uplink.due_ms) / 1000.0
                await self._timeline.sleep_until(due_s)
                offset = self.uplink.sent_samples * self.uplink.audio_format.bytes_per_sample
                await self._send_chunk(self.uplink.take(), offset)
                self.lateness_ms.append((self._timeline.now() - due_s) * 1000.0)
                await self._attend()
                self._news.set()

    def _raise_trouble(self, stage: Stage) -> None:
        super()._raise_trouble(stage)
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()  # a defect of ours, which nobody would learn of otherwise
