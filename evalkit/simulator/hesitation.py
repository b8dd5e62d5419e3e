"""Pauses inside what a caller says: silence is put where the voice is silent anyway, never into a word. No I/O.

Between two words a voice that speaks on is hardly silent, and inside a word it may be: for the closure of a "t" up to
about a tenth of a second. So only gaps of :data:`MIN_GAP_MS` or longer are taken for gaps between words. A pause widens
such a gap to the length that was planned; a gap that is as long already is left to others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.audio.g711 import Pcm
from evalkit.audio.levels import find_speech
from evalkit.simulator.behaviour import PlannedAct

MIN_GAP_MS = 120.0


@dataclass(frozen=True, slots=True)
class HeldPause:
    """A pause that was put in.

    Attributes:
        plan: What was planned.
        start: Its first sample: the first behind the word before it.
        end: The first sample of the word behind it.

    """

    plan: PlannedAct
    start: int
    end: int


@dataclass(frozen=True, eq=False)
class HesitantSpeech:
    """What is said, with its pauses.

    Attributes:
        pcm: The sound.
        pauses: Those that were put in, in order; their samples count in `pcm`.
        left_out: Those for which there was no gap.

    """

    pcm: Pcm
    pauses: tuple[HeldPause, ...]
    left_out: tuple[PlannedAct, ...]


def hesitate(pcm: Pcm, sample_rate_hz: int, planned: Sequence[PlannedAct]) -> HesitantSpeech:
    """Return `pcm` with pauses, each in the free gap that is nearest to its place and shorter than it."""
    gaps = _find_gaps(pcm, sample_rate_hz)
    chosen: dict[tuple[int, int], PlannedAct] = {}
    left_out: list[PlannedAct] = []
    for plan in planned:
        length = round(plan.duration_ms * sample_rate_hz / 1000)
        free = [gap for gap in gaps if gap not in chosen and gap[1] - gap[0] < length]
        if free:
            wanted = plan.place * pcm.size
            chosen[min(free, key=lambda gap: abs((gap[0] + gap[1]) / 2 - wanted))] = plan
        else:
            left_out.append(plan)
    pieces: list[Pcm] = []
    pauses: list[HeldPause] = []
    taken = added = 0
    for (start, end), plan in sorted(chosen.items(), key=lambda item: item[0]):
        middle = (start + end) // 2
        more = round(plan.duration_ms * sample_rate_hz / 1000) - (end - start)
        pieces += [pcm[taken:middle], np.zeros(more, dtype=np.int16)]
        pauses.append(HeldPause(plan, start + added, end + added + more))
        taken, added = middle, added + more
    return HesitantSpeech(np.concatenate([*pieces, pcm[taken:]]), tuple(pauses), tuple(left_out))


def _find_gaps(pcm: Pcm, sample_rate_hz: int) -> list[tuple[int, int]]:
    """Return the silences between two sounds, each from its first sample to the first behind it."""
    is_heard = find_speech(pcm, sample_rate_hz).astype(np.int8)
    edges = np.flatnonzero(np.diff(is_heard, prepend=np.int8(0), append=np.int8(0))).tolist()
    shortest = MIN_GAP_MS * sample_rate_hz / 1000
    return [(start, end) for start, end in zip(edges[1:-1:2], edges[2:-1:2], strict=True) if end - start >= shortest]
