"""Whether a recording can be scored: its measures, and the bounds that it breaks.

`examine_recording` compares one file with :class:`Bounds`: there is a problem for each bound that it breaks. A
recording that breaks one says nothing about the assistant that hears it (empty, the wrong rate, nothing but clipping),
so the check comes before a run, and the user sets every bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from evalkit.audio.formats import AudioFormat
from evalkit.audio.levels import Levels, measure_levels
from evalkit.audio.wav import WavAudio, WavShape, find_mismatches


class RecordingProblemKind(StrEnum):
    """Why a recording cannot be used."""

    WRONG_FORMAT = "wrong_format"
    EMPTY = "empty"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NO_SPEECH = "no_speech"
    TOO_QUIET = "too_quiet"
    CLIPPED = "clipped"
    LEADING_SILENCE = "leading_silence"
    TRAILING_SILENCE = "trailing_silence"


@dataclass(frozen=True)
class Bounds:
    """The bounds of a recording that can be scored.

    Attributes:
        codec: The only codec.
        sample_rate_hz: The only rate.
        min_duration_ms: Shortest recording; the Realtime protocol refuses less than 100 ms.
        max_duration_ms: Longest recording.
        min_speech_dbfs: Lowest level over the speech frames; a soft caller is at -45.
        max_clipped_share: Largest share of samples in runs at full scale, 0 to 1.
        max_leading_silence_ms: Longest silence before the first speech.
        max_trailing_silence_ms: Longest silence after the last speech.

    """

    codec: AudioFormat
    sample_rate_hz: int
    min_duration_ms: float = 100.0
    max_duration_ms: float = 120_000.0
    min_speech_dbfs: float = -45.0
    max_clipped_share: float = 0.01
    max_leading_silence_ms: float = 3_000.0
    max_trailing_silence_ms: float = 5_000.0


@dataclass(frozen=True)
class RecordingProblem:
    """One reason against a recording: its kind for a program, its message for a person."""

    kind: RecordingProblemKind
    message: str


@dataclass(frozen=True, eq=False)
class MeasuredRecording(WavShape):
    """The hash, size and levels of a recording that was read.

    Attributes:
        sha256: Hash of the whole file.
        size_bytes: Of the whole file.
        levels: Its levels; None where it is not mono.

    """

    sha256: str
    size_bytes: int
    levels: Levels | None


def measure_recording(audio: WavAudio, content: bytes) -> MeasuredRecording:
    """Return hash, size and levels of the WAV file whose whole `content` was read as `audio`."""
    return MeasuredRecording(
        path=audio.path,
        codec=audio.codec,
        sample_rate_hz=audio.sample_rate_hz,
        channels=audio.channels,
        sample_count=audio.sample_count,
        sha256=sha256(content).hexdigest(),
        size_bytes=len(content),
        levels=measure_levels(audio.pcm, audio.sample_rate_hz) if audio.channels == 1 else None,
    )


@dataclass(frozen=True)
class Conformance:
    """The measures of one file, and the bounds that it breaks.

    Attributes:
        path: The file.
        codec: Its codec.
        sample_rate_hz: Its rate.
        levels: Its levels; None where it is not mono.
        problems: One for every bound that it breaks; empty: it conforms.

    """

    path: Path
    codec: AudioFormat
    sample_rate_hz: int
    levels: Levels | None
    problems: tuple[RecordingProblem, ...]

    @property
    def conforms(self) -> bool:
        """Whether the recording can be used."""
        return not self.problems


def examine_recording(recording: MeasuredRecording, bounds: Bounds) -> Conformance:
    """Compare a recording with the bounds."""
    problems = [
        RecordingProblem(
            RecordingProblemKind.EMPTY if recording.sample_count == 0 else RecordingProblemKind.WRONG_FORMAT, message
        )
        for message in find_mismatches(recording, bounds.codec, bounds.sample_rate_hz)
    ]
    levels = recording.levels
    if levels is not None and recording.sample_count:
        problems += [RecordingProblem(kind, f"{recording.path}: {text}") for kind, text in _find_broken(levels, bounds)]
    return Conformance(recording.path, recording.codec, recording.sample_rate_hz, levels, tuple(problems))


def _find_broken(levels: Levels, bounds: Bounds) -> Iterator[tuple[RecordingProblemKind, str]]:
    length_ms, lead_ms, rest_ms = levels.duration_ms, levels.leading_silence_ms, levels.trailing_silence_ms
    if length_ms < bounds.min_duration_ms:
        found = f"{length_ms:.0f} ms long, expected at least {bounds.min_duration_ms:.0f} ms"
        yield RecordingProblemKind.TOO_SHORT, f"{found}; record it again"
    if length_ms > bounds.max_duration_ms:
        found = f"{length_ms:.0f} ms long, expected at most {bounds.max_duration_ms:.0f} ms"
        yield RecordingProblemKind.TOO_LONG, f"{found}; cut it into turns"
    if levels.clipped_share > bounds.max_clipped_share:
        found = f"{levels.clipped_share:.2%} of the samples clipped, expected at most {bounds.max_clipped_share:.2%}"
        yield RecordingProblemKind.CLIPPED, f"{found}; record it again at a lower gain"
    if levels.speech_end_ms is None:
        yield (
            RecordingProblemKind.NO_SPEECH,
            f"level {levels.rms_dbfs:.1f} dBFS, no speech found, expected some; record it again",
        )
        return
    if levels.speech_dbfs < bounds.min_speech_dbfs:
        found = f"speech at {levels.speech_dbfs:.1f} dBFS, expected at least {bounds.min_speech_dbfs:.1f} dBFS"
        yield RecordingProblemKind.TOO_QUIET, f"{found}; amplify it"
    if lead_ms > bounds.max_leading_silence_ms:
        found = (
            f"{lead_ms:.0f} ms of silence before the speech, expected at most {bounds.max_leading_silence_ms:.0f} ms"
        )
        yield RecordingProblemKind.LEADING_SILENCE, f"{found}; trim it"
    if rest_ms > bounds.max_trailing_silence_ms:
        found = (
            f"{rest_ms:.0f} ms of silence after the speech, expected at most {bounds.max_trailing_silence_ms:.0f} ms"
        )
        yield RecordingProblemKind.TRAILING_SILENCE, f"{found}; trim it"
