"""The recordings of a walk: measures of each, reasons why one cannot be used, and which a turn detection will cut."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from evalkit.audio.conformance import Bounds, Conformance, examine_recording
from evalkit.audio.formats import AudioFormat
from evalkit.datasets.recordings import Recordings
from evalkit.modes.voice.settings import TurnDetectionSettings, WalkSettings
from evalkit.records.case import Case

_HEADER = ("file", "codec", "Hz", "ms", "speech dBFS", "peak dBFS", "clipped", "lead ms", "rest ms", "verdict")


# A voice fades, and a detector waits for that too: a pause ends a turn where it is longer by this than the silence that
# the detector is set to.
_FADING_MS = 70.0
# What a server that is told nothing is set to, by the protocol.
_PROTOCOL_SILENCE_MS = 500
_MOST_NAMED = 5


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


def warn_of_pauses(recordings: Sequence[Conformance], detection: TurnDetectionSettings) -> list[str]:
    """Return a warning that names the recordings whose pauses will be taken for the end of a turn; none where none is.

    Only silence ends a turn of ``server_vad``; whether what was said sounds whole (``semantic_vad``) is not known here.
    """
    if detection.type != "server_vad":
        return []
    set_to = detection.silence_duration_ms
    silence_ms = _PROTOCOL_SILENCE_MS if set_to is None else set_to
    found = {each.path.name: each.levels.longest_pause_ms for each in recordings if each.levels is not None}
    cut = sorted((-pause_ms, name) for name, pause_ms in found.items() if pause_ms >= silence_ms + _FADING_MS)
    if not cut:
        return []
    named = ", ".join(f"{name} ({-pause_ms:.0f} ms)" for pause_ms, name in cut[:_MOST_NAMED])
    more = f" and {len(cut) - _MOST_NAMED} more" if len(cut) > _MOST_NAMED else ""
    as_set = f"{silence_ms}{' (the default of the protocol)' if set_to is None else ''}"
    enough_ms = math.ceil(-cut[0][0] / 100) * 100
    message = (
        f"turn_detection.silence_duration_ms: {as_set}, but {len(cut)} of {len(found)} recordings pause for longer, "
        f"and are answered on what was said by then: {named}{more}; {enough_ms} would cut none"
    )
    return [message]


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
