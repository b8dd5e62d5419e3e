"""The audio conformance check: measures of every recording of a walk, and reasons why one cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from evalkit.audio.conformance import Bounds, Conformance, examine_recording
from evalkit.audio.formats import AudioFormat
from evalkit.datasets.recordings import Recordings
from evalkit.modes.voice.settings import WalkSettings
from evalkit.records.case import Case

_HEADER = ("file", "codec", "Hz", "ms", "speech dBFS", "peak dBFS", "clipped", "lead ms", "rest ms", "verdict")


def examine_recordings(
    cases: Sequence[Case], settings: WalkSettings, recordings: Recordings
) -> tuple[Conformance, ...]:
    """Hold the recording of every case that has one against the configured bounds."""
    limits = asdict(settings.conformance)
    found = []
    for case in cases:
        if "audio_path" in case.inputs:
            codec = AudioFormat(str(case.inputs["codec"]))
            bounds = Bounds(codec=codec, sample_rate_hz=codec.sample_rate_hz, **limits)
            found.append(examine_recording(recordings.get(Path(str(case.inputs["audio_path"]))), bounds))
    return tuple(found)


def find_recording_problems(recordings: Sequence[Conformance]) -> list[str]:
    """Return a message for every bound that a recording breaks."""
    return [problem.message for recording in recordings for problem in recording.problems]


def conformance_table(recordings: Sequence[Conformance]) -> str:
    """Return a line per recording: codec, rate, duration, levels, clipping, silence, verdict."""
    rows = [_HEADER, *(_cells(recording) for recording in recordings)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _cells(recording: Conformance) -> tuple[str, ...]:
    levels = recording.levels
    verdict = ", ".join(problem.kind for problem in recording.problems) or "ok"
    measured = ("-",) * 6
    if levels is not None:
        measured = (
            f"{levels.duration_ms:.0f}",
            f"{levels.speech_dbfs:.1f}",
            f"{levels.peak_dbfs:.1f}",
            f"{levels.clipped_share:.2%}",
            f"{levels.leading_silence_ms:.0f}",
            f"{levels.trailing_silence_ms:.0f}",
        )
    return (recording.path.name, str(recording.codec), str(recording.sample_rate_hz), *measured, verdict)
