"""A call as one stereo recording: the caller on the left, the assistant on the right, on one clock.

In a paced call everything lies where its events say: the caller from the moment its first chunk was sent, each of the
assistant's responses from the moment its first audio arrived, counted from the beginning of the case. Audio that
arrives while the assistant is still speaking follows on, as a phone would play it. (A chunk holds what was said before
it was sent, so a caller's sound lies up to one chunk late: an answer that comes at once begins within its last chunk.)

In an unpaced call those moments mean nothing, because neither side waited for the other to finish. The turns are laid
end to end instead, with the response latency that was measured between them (``timeline: "constructed"``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.audio.formats import AudioFormat
from evalkit.audio.g711 import Pcm
from evalkit.audio.resample import resample
from evalkit.realtime.pacer import Pacing
from evalkit.realtime.results import TurnResult


@dataclass(frozen=True, eq=False)
class Clip:
    """A piece of sound and where it begins."""

    start_ms: float
    pcm: Pcm
    sample_rate_hz: int

    @property
    def end_ms(self) -> float:
        """Where it ends."""
        return self.start_ms + self.pcm.size / self.sample_rate_hz * 1000.0


@dataclass(frozen=True)
class HeardTurn:
    """The sound of one turn as it went over both wires."""

    wire: bytes
    input_format: AudioFormat
    pacing: Pacing | None
    result: TurnResult
    output_format: AudioFormat


@dataclass(frozen=True)
class Placement:
    """Where both sides of a call lie."""

    caller: tuple[Clip, ...]
    assistant: tuple[Clip, ...]


def place_paced(turns: Sequence[HeardTurn]) -> Placement:
    """Return the clips of a call that was held in real time, where its events say."""
    caller = [_said(turn, turn.pacing.started_at_ms) for turn in turns if turn.pacing is not None]
    assistant = [clip for turn in turns for clip in place_answer(turn)]
    return Placement(tuple(caller), tuple(assistant))


def place_constructed(turns: Sequence[HeardTurn]) -> Placement:
    """Return the clips of a call laid end to end, with the measured response latency after each turn of the caller."""
    caller: list[Clip] = []
    assistant: list[Clip] = []
    now_ms = 0.0
    for turn in turns:
        caller.append(_said(turn, now_ms))
        now_ms = caller[-1].end_ms
        asked_at_ms = turn.result.responses[0].created_at_ms if turn.result.responses else 0.0
        answer = place_answer(turn, moved_by_ms=now_ms - asked_at_ms)
        assistant += answer
        now_ms = answer[-1].end_ms if answer else now_ms + (turn.result.done_ms or 0.0)
    return Placement(tuple(caller), tuple(assistant))


def place_answer(turn: HeardTurn, *, moved_by_ms: float = 0.0) -> list[Clip]:
    """Return what the assistant said in a turn: each response from its first audio on, none before the last ended."""
    clips: list[Clip] = []
    for response in turn.result.responses:
        if response.first_audio_ms is not None and response.audio:
            arrived_ms = response.created_at_ms + response.first_audio_ms + moved_by_ms
            start_ms = max(arrived_ms, clips[-1].end_ms) if clips else arrived_ms
            pcm = turn.output_format.from_wire(response.audio)
            clips.append(Clip(start_ms, pcm, turn.output_format.sample_rate_hz))
    return clips


def mix(clips: Iterable[Clip], sample_rate_hz: int) -> Pcm:
    """Return one channel with every clip at its place; where two overlap, both are heard."""
    placed = [
        (round(clip.start_ms * sample_rate_hz / 1000), resample(clip.pcm, clip.sample_rate_hz, sample_rate_hz))
        for clip in clips
    ]
    total = np.zeros(max((start + pcm.size for start, pcm in placed), default=0), dtype=np.int32)
    for start, pcm in placed:
        total[start : start + pcm.size] += pcm
    return np.clip(total, -32768, 32767).astype(np.int16)


def _said(turn: HeardTurn, start_ms: float) -> Clip:
    return Clip(start_ms, turn.input_format.from_wire(turn.wire), turn.input_format.sample_rate_hz)
