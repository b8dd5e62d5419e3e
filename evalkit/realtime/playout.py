"""What a caller hears of an assistant: sound is played in real time, in the order it came, until it is stopped. No I/O.

A server makes sound faster than it can be heard, and believes that all of it was. What counts is what was played:

- Sound that arrives is played at once, or behind what is still waiting: never twice, never before it came.
- When the caller cuts in, playing stops there and what waits is thrown away (:meth:`Playout.stop`); of each item that
  was cut the server is told how many of its samples were heard, never more than had been received of it.
- What still arrives of a response that was stopped is dropped by the ids of the response and of the item.

The clock counts samples at the rate of the sound, from the beginning of the call; the caller of these methods says
what time it is. Time that goes backwards is taken for no time at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from evalkit.audio.formats import AudioFormat
from evalkit.audio.g711 import Pcm

_ItemKey = tuple[str, str]  # of the response and of the item: a server may name neither


@dataclass(frozen=True, slots=True)
class PlayedPiece:
    """A stretch of one item that was played without a break.

    Attributes:
        start: Its first sample on the clock.
        samples: How many they are.
        response_id: The response it belongs to; empty where the server names none.
        item_id: The item it belongs to; empty where the server names none.
        item_offset: Where it begins in the sound of the item, in samples.

    """

    start: int
    samples: int
    response_id: str
    item_id: str
    item_offset: int

    @property
    def end(self) -> int:
        """The first sample behind it."""
        return self.start + self.samples


@dataclass(frozen=True, slots=True)
class CutItem:
    """An item that was not played to the end of what had been received of it.

    Attributes:
        item_id: Of the item; empty where the server names none.
        played: How many of its samples were played: at most `received`.
        received: How many of its samples had arrived.
        played_ms: The same as `played` in whole milliseconds, rounded down: never more than the item has.

    """

    item_id: str
    played: int
    received: int
    played_ms: int


class Playout:
    """The playout of one call.

    Args:
        audio_format: Of the sound that arrives.
        late_ms: Sound that comes so little after what came before it has ended follows on without a gap, as behind the
            buffer that every line has against unsteady arrival.

    Attributes:
        dropped_samples: How many samples came too late: after their response had been stopped.
        underruns: How often a response had nothing to play although more of it was to come.

    """

    def __init__(self, audio_format: AudioFormat, *, late_ms: float = 0.0) -> None:
        self._format = audio_format
        self._late = round(late_ms * audio_format.sample_rate_hz / 1000)
        self._now = 0
        self._pieces: list[PlayedPiece] = []
        self._sound: dict[_ItemKey, bytearray] = {}
        self._stopped_responses: set[str] = set()
        self._stopped_items: set[str] = set()
        self.dropped_samples = 0
        self.underruns = 0

    @property
    def audio_format(self) -> AudioFormat:
        """The format of the sound."""
        return self._format

    @property
    def end(self) -> int:
        """Where all that waits will have been played, on the clock; 0 before there was any sound."""
        return self._pieces[-1].end if self._pieces else 0

    @property
    def end_ms(self) -> float:
        """The same in milliseconds since the call began."""
        return self.end / self._format.sample_rate_hz * 1000.0

    def sample_at(self, at_ms: float) -> int:
        """Return the sample that is played `at_ms` milliseconds after the call began."""
        return max(0, round(at_ms * self._format.sample_rate_hz / 1000))

    def is_playing(self, at: int) -> bool:
        """Whether something is heard, or waits to be heard, at sample `at`."""
        return self.end > at

    def place_of_next(self, at: int) -> int:
        """Return where on the clock sound would be played that arrived at sample `at`."""
        now = max(self._now, at)
        return self.end if self._pieces and self.end + self._late >= now else now

    def receive(self, wire: bytes, *, response_id: str, item_id: str, at: int) -> bool:
        """Take sound that arrived at sample `at`; return whether it will be played: False for what was stopped.

        A sample that is cut in two by the end of `wire` is played when its other half has come.
        """
        now = self._advance(at)
        if response_id in self._stopped_responses or item_id in self._stopped_items:
            self.dropped_samples += len(wire) // self._format.bytes_per_sample
            return False
        key = response_id, item_id
        sound = self._sound.setdefault(key, bytearray())
        before = len(sound) // self._format.bytes_per_sample
        sound += wire
        samples = len(sound) // self._format.bytes_per_sample - before
        if samples:
            self._schedule(key, before, samples, now)
        return True

    def stop(self, at: int, *, response_ids: Iterable[str] = ()) -> tuple[CutItem, ...]:
        """Stop at sample `at`: what has not been played by then is thrown away; return the items that were cut.

        `response_ids` are those under way: what they still bring is dropped, as is what the cut items still bring.
        """
        now = self._advance(at)
        cut = [piece for piece in self._pieces if piece.end > now]
        self._stopped_responses |= {*response_ids, *(piece.response_id for piece in cut)} - {""}
        self._stopped_items |= {piece.item_id for piece in cut} - {""}
        self._pieces = list(self._up_to(now))
        return tuple(self._cut_item(key) for key in dict.fromkeys((each.response_id, each.item_id) for each in cut))

    def received_samples(self, response_id: str, item_id: str) -> int:
        """Return how many samples of an item have arrived, without those that were dropped."""
        return len(self._sound.get((response_id, item_id), b"")) // self._format.bytes_per_sample

    def played_samples(self, response_id: str, item_id: str, at: int) -> int:
        """Return how many samples of an item have been heard before sample `at`."""
        key = response_id, item_id
        return sum(piece.samples for piece in self._up_to(at) if (piece.response_id, piece.item_id) == key)

    def pieces(self, until: int) -> tuple[PlayedPiece, ...]:
        """Return what was heard before sample `until`, in order."""
        return tuple(self._up_to(until))

    def wire_of(self, piece: PlayedPiece) -> bytes:
        """Return the sound of a piece, in the session's output format."""
        width = self._format.bytes_per_sample
        start = piece.item_offset * width
        return bytes(self._sound[piece.response_id, piece.item_id][start : start + piece.samples * width])

    def heard_of(self, response_id: str, until: int) -> tuple[int, Pcm] | None:
        """Return what was heard of a response before sample `until`, its silences included, and its first sample."""
        pieces = [piece for piece in self._up_to(until) if piece.response_id == response_id]
        if not pieces:
            return None
        began = pieces[0].start
        pcm = np.zeros(pieces[-1].end - began, dtype=np.int16)
        for piece in pieces:
            pcm[piece.start - began : piece.end - began] = self._format.from_wire(self.wire_of(piece))
        return began, pcm

    def pcm(self, until: int) -> Pcm:
        """Return all that was heard before sample `until`, with the silence between; as long as `until` says."""
        heard = np.zeros(until, dtype=np.int16)
        for piece in self._up_to(until):
            heard[piece.start : piece.end] = self._format.from_wire(self.wire_of(piece))
        return heard

    def _advance(self, at: int) -> int:
        self._now = max(self._now, at)
        return self._now

    def _schedule(self, key: _ItemKey, offset: int, samples: int, now: int) -> None:
        last = self._pieces[-1] if self._pieces else None
        if last is not None and last.response_id == key[0]:
            if last.item_id == key[1] and last.end + self._late >= now:
                self._pieces[-1] = replace(last, samples=last.samples + samples)
                return
            self.underruns += last.end + self._late < now
        self._pieces.append(PlayedPiece(self.place_of_next(now), samples, *key, offset))

    def _up_to(self, at: int) -> Iterator[PlayedPiece]:
        """Yield the pieces before a sample; the one that it lies in is cut there."""
        for piece in self._pieces:
            if piece.end <= at:
                yield piece
            elif piece.start < at:
                yield replace(piece, samples=at - piece.start)

    def _cut_item(self, key: _ItemKey) -> CutItem:
        played = self.played_samples(*key, self.end)
        return CutItem(key[1], played, self.received_samples(*key), played * 1000 // self._format.sample_rate_hz)
