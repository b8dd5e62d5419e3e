"""What an application said, found in the sound that it had played: a telephone line tells of no response. No I/O.

A stretch of speech is sound without a silence of :data:`GAP_MS`, as it is *heard*: what arrives in one burst is played
in real time, and pauses between sentences, which a synthesiser fills with nothing, belong to it. Silence that is sent
as sound is silence. A stretch also ends where the line was told to throw away sound that waited, where the caller has
finished saying something, and where a tool has answered: what begins behind that takes it up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.audio.levels import FLOOR_DBFS
from evalkit.realtime.playout import CutItem
from evalkit.realtime.results import ResponseResult
from evalkit.records.record import ToolCall, Usage

GAP_MS = 1000.0
"""A silence of so long ends a stretch of speech; between two sentences of one answer 0.6 to 0.8 s are common."""

SOUND_DBFS = -50.0
"""Sound of at least this level is heard; the silence of G.711, and the noise of a line, are below it."""

SHORTEST_MS = 80.0
"""Less sound than this is a click, and no speech."""

STOPPED_MS = 300.0
"""An application that sends sound as it is heard stops sending, and then clears the line: within so long of its last
sound that is one stop, unless it sent silence behind it (:data:`_FADED_MS`). A caller who waits begins later."""

LOUD_RANGE_DB = 15.0
"""Sound is as loud as the middle of words is where it is at most so much softer than the loudest of its stretch."""

# So much silence behind the last sound is an end, and no gap between two words.
_FADED_MS = 150.0

# Silence so long separates what was said before the caller's words ended from what answers them.
_TURN_GAP_MS = 200.0


@dataclass
class SpeechStretch:
    """One stretch of speech; all places are samples on the clock of the playout.

    Attributes:
        number: Counts from 1.
        turn_index: The turn in which it began.
        began_at_ms: When its first sound was heard, in milliseconds since the case began.
        start: Its first sound.
        sound_end: The first sample behind its last sound.
        sound_samples: How much of it is sound.
        loudest_dbfs: The level of its loudest 20 ms.
        end_dbfs: The level of the last 20 ms of it, be they silence.
        received_bytes: How much sound it has brought, the silence within it and shortly behind it included.
        received_end: The first sample behind that.
        first_sound_at_ms: When the first of that arrived.
        last_sound_at_ms: When the last of it arrived.
        done_at_ms: When its last sound had been heard and a silence had followed; None: that has not come.
        was_interrupted: Whether sound of it was thrown away before it was played, or the line was cleared right
            behind it.
        words: What a recogniser heard in it; None: nobody has listened.

    """

    number: int
    turn_index: int
    began_at_ms: float
    start: int
    sound_end: int
    sound_samples: int = 0
    loudest_dbfs: float = FLOOR_DBFS
    end_dbfs: float = FLOOR_DBFS
    received_bytes: int = 0
    received_end: int = 0
    first_sound_at_ms: float | None = None
    last_sound_at_ms: float | None = None
    done_at_ms: float | None = None
    was_interrupted: bool = False
    words: str | None = None
    calls: tuple[ToolCall, ...] = ()

    @property
    def playout_id(self) -> str:
        """What tells its sound apart from that of others."""
        return f"speech_{self.number}"

    @property
    def ends_loud(self) -> bool:
        """Whether it ends where speech does not, in the middle of a word."""
        return self.is_loud(self.end_dbfs)

    def is_loud(self, level_dbfs: float) -> bool:
        """Whether a level is that of the middle of its words, and not of their ends or of the pauses between them."""
        return level_dbfs >= self.loudest_dbfs - LOUD_RANGE_DB

    @property
    def result(self) -> ResponseResult:
        """What is known of it: its words, and whether it was cut; a line tells neither tokens nor times of making."""
        done = "cancelled" if self.was_interrupted else "completed"
        return ResponseResult(
            response_id=self.playout_id,
            created_at_ms=self.began_at_ms,
            status="in_progress" if self.done_at_ms is None else done,
            status_reason="",
            error_type=None,
            error_message="",
            transcript=self.words or "",
            text="",
            audio=b"",
            tool_calls=self.calls,
            usage=Usage(),
            served_model=None,
            first_audio_ms=None,
            first_text_ms=None,
            done_ms=None,
        )


class SpeechStretches:
    """The stretches of one call, in the order in which they began.

    Args:
        sample_rate_hz: Of the playout's clock.

    Attributes:
        began_at_ms: When that clock began, in milliseconds since the case began.

    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate_hz = sample_rate_hz
        self.began_at_ms = 0.0
        self._all: list[SpeechStretch] = []
        self._open: SpeechStretch | None = None

    @property
    def spoken(self) -> tuple[SpeechStretch, ...]:
        """All that are speech by now."""
        shortest = SHORTEST_MS * self._rate_hz / 1000
        return tuple(each for each in self._all if each.sound_samples >= shortest)

    @property
    def sound_end(self) -> int:
        """The first sample behind the last sound; 0 before there was any."""
        return max((each.sound_end for each in self._all if each.sound_samples), default=0)

    def is_open(self) -> bool:
        """Whether the last one has not been followed by a silence."""
        return self._open is not None

    def is_open_and_loud(self) -> bool:
        """Whether the last one goes on, and is in the middle of a word."""
        return self._open is not None and self._open.ends_loud

    def take(
        self,
        start: int,
        samples: int,
        *,
        is_sound: bool,
        level_dbfs: float,
        at_ms: float,
        turn_index: int,
        said_end: int,
        told_at_ms: float = 0.0,
    ) -> str:
        """Take a short piece of what will be played; return the id of the stretch that it belongs to, empty: of none.

        Args:
            start: Its first sample.
            samples: How many they are: at most some 20 ms.
            is_sound: Whether it can be heard.
            level_dbfs: The level of the last 20 ms up to its end.
            at_ms: When it arrived, since the case began.
            turn_index: The turn under way.
            said_end: The sample at which the caller's last words ended, or will; 0: he has said nothing.
            told_at_ms: When a tool last answered, since the case began; 0: none has.

        """
        self.settle(start)
        stretch = self._open
        if is_sound:
            if stretch is not None and self._begins_anew(stretch, start, said_end, told_at_ms, at_ms):
                self._close()
                stretch = None
            if stretch is None:
                number, turn_index = len(self._all) + 1, max(1, turn_index)
                stretch = self._open = SpeechStretch(number, turn_index, self._at_ms(start), start, start)
                self._all.append(stretch)
            stretch.sound_end = start + samples
            stretch.sound_samples += samples
            stretch.loudest_dbfs = max(stretch.loudest_dbfs, level_dbfs)
        if stretch is None:
            return ""
        stretch.end_dbfs = level_dbfs
        stretch.received_end = start + samples
        stretch.received_bytes += samples  # one byte a sample, as G.711 has it
        stretch.last_sound_at_ms = at_ms
        stretch.first_sound_at_ms = at_ms if stretch.first_sound_at_ms is None else stretch.first_sound_at_ms
        return stretch.playout_id

    def settle(self, now: int) -> None:
        """Take it that sample `now` is heard: what was followed by a silence is done."""
        stretch = self._open
        if stretch is not None and now - stretch.sound_end >= GAP_MS * self._rate_hz / 1000:
            self._close()

    def cut(self, at: int, thrown_away: Sequence[CutItem]) -> bool:
        """Take it that what waited at sample `at` was thrown away; return whether speech was stopped by that.

        It was where sound of it was lost, or where it broke off at most :data:`STOPPED_MS` ago.
        """
        lost = {item.item_id: item.received - item.played for item in thrown_away}
        was_stopped = self._stop_short(at)
        for stretch in self._all:
            if stretch.playout_id not in lost:
                continue
            if stretch.sound_end > at:
                was_stopped = stretch.was_interrupted = True
                stretch.sound_samples = 0 if stretch.start >= at else stretch.sound_samples
                stretch.sound_end = max(at, stretch.start)
            else:
                stretch.received_bytes -= lost[stretch.playout_id]
            if stretch is self._open or stretch.was_interrupted:
                stretch.done_at_ms = self._at_ms(stretch.sound_end)
            if stretch is self._open:
                self._open = None
        return was_stopped

    def _stop_short(self, at: int) -> bool:
        """End what broke off shortly before sample `at` as interrupted; return whether something did."""
        stretch, ms = self._open, self._rate_hz / 1000
        if stretch is None or not 0 <= at - stretch.sound_end < STOPPED_MS * ms:
            return False
        if stretch.received_end - stretch.sound_end >= _FADED_MS * ms:
            return False
        stretch.was_interrupted = True
        self._close()
        return True

    def _begins_anew(self, stretch: SpeechStretch, start: int, said_end: int, told_at_ms: float, at_ms: float) -> bool:
        """Whether what begins at `start` takes up what the caller said, or a tool answered, since the stretch."""
        has_gap = start - stretch.sound_end >= _TURN_GAP_MS * self._rate_hz / 1000
        answers_caller = stretch.sound_end < said_end <= start
        was_told = stretch.first_sound_at_ms is not None and stretch.first_sound_at_ms < told_at_ms <= at_ms
        return has_gap and (answers_caller or was_told)

    def _close(self) -> None:
        if self._open is not None:
            self._open.done_at_ms = self._at_ms(self._open.sound_end)
            self._open = None

    def _at_ms(self, sample: int) -> float:
        return self.began_at_ms + sample / self._rate_hz * 1000
