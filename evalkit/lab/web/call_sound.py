"""A call as one stereo sound, the caller on the left and the assistant on the right, and the shape of its wave.

A conversation is stored as one recording. Of a case whose turns lie in files of their own, the call is put together as
its timeline has it and kept in the lab's own folder; the newest stay there.
"""

from __future__ import annotations

import wave
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evalkit.audio.g711 import Pcm
from evalkit.audio.resample import resample
from evalkit.audio.wav import read_wav, write_stereo
from evalkit.errors import DataError
from evalkit.records.record import CaseRecord
from evalkit.reports.page.cases import find_artifact
from evalkit.reports.page.timeline import Block, Lane

WHOLE_CALL = "conversation_audio_path"
MOST_POINTS = 4_000
_CALLER = ("user_audio_path", "input_audio_path")
_ASSISTANT = ("assistant_audio_path", "output_audio_path")
_MOST_CALL_MS = 1_200_000.0
_KEPT_CALLS = 64
_BLOCK_FRAMES = 1 << 20


@dataclass(frozen=True)
class CallPeaks:
    """The shape of a call.

    Attributes:
        duration_s: How long it plays.
        channels: Of each channel, the loudest sample of each stretch, from 0 to 1; all stretches are equally long.

    """

    duration_s: float
    channels: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class _Placed:
    """A file's sound and where its pieces begin: (milliseconds in the call, milliseconds in the file, length)."""

    path: Path
    pieces: tuple[tuple[float, float, float], ...]


def has_sound(root: Path, record: CaseRecord) -> bool:
    """Whether anything of the case-trial can be heard."""
    stored = [record.artifacts.get(WHOLE_CALL, "")]
    stored += [turn.artifacts.get(name, "") for turn in record.turns for name in (*_CALLER, *_ASSISTANT)]
    return any(path and find_artifact(root, path) for path in stored)


def find_whole_call(root: Path, record: CaseRecord) -> str:
    """Return where the recording of the whole call lies in the run's folder `root`; empty: there is none."""
    stored = record.artifacts.get(WHOLE_CALL, "")
    return stored if stored and find_artifact(root, stored) else ""


def compose_call(root: Path, record: CaseRecord, blocks: Callable[[], Sequence[Block]], call: Path) -> bool:
    """Write the call to the file `call`, unless it is there; return whether anything of it can be heard.

    Args:
        root: The run's folder.
        record: The case-trial.
        blocks: Gives its timeline, on the clock of the recording that is made.
        call: A file in a folder of the lab's own that holds nothing else.

    Raises:
        DataError: A sound file cannot be read, or the call would be longer than 20 minutes.

    """
    if call.exists():
        return True
    laid_out = blocks()
    sides = [_place(root, record, laid_out, lane) for lane in (Lane.CALLER, Lane.ASSISTANT)]
    if not any(sides):
        return False
    if max(block.end_ms for block in laid_out) > _MOST_CALL_MS:
        raise DataError(f"{record.key}: the call is longer than 20 minutes; hear its turns one by one")
    call.parent.mkdir(parents=True, exist_ok=True)
    _write_call(call, sides)
    _forget_old(call.parent)
    return True


def read_duration_ms(path: Path) -> float:
    """Return how long a PCM recording plays, from its head. Raises DataError."""
    try:
        with wave.open(str(path), "rb") as sound:
            return sound.getnframes() / sound.getframerate() * 1000.0
    except (wave.Error, EOFError, OSError, ZeroDivisionError) as error:
        raise _unreadable(path, error) from error


def read_peaks(path: Path, points: int = MOST_POINTS) -> CallPeaks:
    """Return the shape of the PCM16 recording at `path` with at most `points` stretches. Raises DataError."""
    found = path.stat()
    return _read_peaks(path, found.st_mtime_ns, found.st_size, min(max(1, points), MOST_POINTS))


@lru_cache(maxsize=64)
def _read_peaks(path: Path, changed_ns: int, size: int, points: int) -> CallPeaks:  # noqa: ARG001  tell contents apart
    try:
        with wave.open(str(path), "rb") as sound:
            frames, channels = sound.getnframes(), sound.getnchannels()
            if sound.getsampwidth() != 2 or not frames:
                raise DataError(f"{path.name}: expected a recording in PCM of 16 bits that is not empty")
            per_point = max(1, -(-frames // points))
            found = [_loudest(sound, per_point, channels)]
            while found[-1].size:
                found.append(_loudest(sound, per_point, channels))
            return CallPeaks(
                frames / sound.getframerate(),
                tuple(tuple((np.concatenate(found)[:, side] / 32768).round(3).tolist()) for side in range(channels)),
            )
    except (wave.Error, EOFError, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path.name}: cannot be read as a recording ({error}); expected PCM in a WAV file")


def _loudest(sound: wave.Wave_read, per_point: int, channels: int) -> npt.NDArray[np.int32]:
    """Return the loudest sample of each channel in each of the next stretches of `per_point` frames."""
    stretches = max(1, _BLOCK_FRAMES // per_point)
    samples = np.frombuffer(sound.readframes(stretches * per_point), "<i2").astype(np.int32).reshape(-1, channels)
    missing = -len(samples) % per_point
    whole = np.abs(np.pad(samples, ((0, missing), (0, 0))))
    loudest: npt.NDArray[np.int32] = whole.reshape(-1, per_point, channels).max(axis=1)
    return loudest


def _place(root: Path, record: CaseRecord, blocks: Sequence[Block], lane: Lane) -> tuple[_Placed, ...]:
    """Return one side's files, and where their pieces lie in the call: block by block, as the timeline has them."""
    by_turn: dict[int, list[Block]] = defaultdict(list)
    for block in blocks:
        if block.lane is lane and block.turn_index is not None:
            by_turn[block.turn_index].append(block)
    placed = []
    for turn in record.turns:
        names = _CALLER if lane is Lane.CALLER else _ASSISTANT
        path = next(
            (
                found
                for name in names
                if name in turn.artifacts and (found := find_artifact(root, turn.artifacts[name]))
            ),
            None,
        )
        if path is not None and by_turn[turn.turn_index]:
            placed.append(_Placed(path, tuple(_pieces(by_turn[turn.turn_index]))))
    return tuple(placed)


def _pieces(blocks: Iterable[Block]) -> Iterable[tuple[float, float, float]]:
    heard_ms = 0.0
    for block in blocks:
        length_ms = block.end_ms - block.start_ms
        yield block.start_ms, heard_ms, length_ms
        heard_ms += length_ms


def _write_call(call: Path, sides: Sequence[Sequence[_Placed]]) -> None:
    sounds = [[(placed, read_wav(placed.path)) for placed in side] for side in sides]
    rate_hz = max(sound.sample_rate_hz for side in sounds for _, sound in side)
    channels = []
    for side in sounds:
        cut = [
            (round(start_ms * rate_hz / 1000), pcm[_at(from_ms, rate_hz) : _at(from_ms + length_ms, rate_hz)])
            for placed, sound in side
            for pcm in [resample(_one_channel(sound.pcm), sound.sample_rate_hz, rate_hz)]
            for start_ms, from_ms, length_ms in placed.pieces
        ]
        channels.append(_mix(cut))
    write_stereo(call, channels[0], channels[1], rate_hz)


def _one_channel(pcm: Pcm) -> Pcm:
    return pcm if pcm.ndim == 1 else np.ascontiguousarray(pcm[:, 0])


def _at(moment_ms: float, rate_hz: int) -> int:
    return round(moment_ms * rate_hz / 1000)


def _mix(pieces: Sequence[tuple[int, Pcm]]) -> Pcm:
    total = np.zeros(max((start + pcm.size for start, pcm in pieces), default=0), dtype=np.int32)
    for start, pcm in pieces:
        total[start : start + pcm.size] += pcm
    return np.clip(total, -32768, 32767).astype(np.int16)


def _forget_old(kept: Path) -> None:
    calls = sorted(kept.glob("*.wav"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in calls[_KEPT_CALLS:]:
        path.unlink(missing_ok=True)
