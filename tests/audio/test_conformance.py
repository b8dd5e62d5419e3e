"""Recordings that are fine, and recordings that each break one bound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evalkit.audio.conformance import Bounds, Conformance, RecordingProblemKind, examine_recording, measure_recording
from evalkit.audio.formats import AudioFormat
from evalkit.audio.g711 import Pcm
from evalkit.audio.wav import decode_wav, write_pcm16, write_stereo, write_wav

RATE = 8000
BOUNDS = Bounds(AudioFormat.G711_ULAW, RATE)


def speak(seconds: float, amplitude: float = 6000) -> Pcm:
    wave = amplitude * np.sin(2 * np.pi * 220 * np.arange(int(seconds * RATE)) / RATE)
    return np.round(np.clip(wave, -32768, 32767)).astype(np.int16)


def pause(seconds: float) -> Pcm:
    return np.zeros(int(seconds * RATE), dtype=np.int16)


def write_ulaw(path: Path, *parts: Pcm) -> Path:
    write_wav(path, AudioFormat.G711_ULAW.to_wire(np.concatenate(parts)), AudioFormat.G711_ULAW)
    return path


def examine_wav(path: Path, bounds: Bounds) -> Conformance:
    content = path.read_bytes()
    return examine_recording(measure_recording(decode_wav(path, content), content), bounds)


def test_a_good_recording_conforms(tmp_path: Path) -> None:
    """Nothing is found, and codec, rate and levels are there to be listed."""
    found = examine_wav(write_ulaw(tmp_path / "x.wav", pause(0.2), speak(1), pause(0.3)), BOUNDS)
    assert found.conforms
    assert (found.codec, found.sample_rate_hz) == (AudioFormat.G711_ULAW, RATE)
    assert found.levels is not None
    assert found.levels.duration_ms == pytest.approx(1500)
    assert found.levels.speech_end_ms == pytest.approx(1200, abs=10)


BROKEN = {
    RecordingProblemKind.EMPTY: ([pause(0)], "0 samples"),
    RecordingProblemKind.TOO_SHORT: ([speak(0.05)], "50 ms long, expected at least 100 ms"),
    RecordingProblemKind.TOO_LONG: ([speak(121)], "121000 ms long, expected at most 120000 ms"),
    RecordingProblemKind.NO_SPEECH: ([pause(1)], "no speech found"),
    RecordingProblemKind.TOO_QUIET: ([speak(1, 150)], "expected at least -45.0 dBFS"),
    RecordingProblemKind.CLIPPED: ([speak(1, 200_000)], "of the samples clipped, expected at most 1.00%"),
    RecordingProblemKind.LEADING_SILENCE: ([pause(3.5), speak(1)], "3500 ms of silence before"),
    RecordingProblemKind.TRAILING_SILENCE: ([speak(1), pause(5.5)], "5500 ms of silence after"),
}


@pytest.mark.parametrize(("kind", "parts", "said"), [(kind, *rest) for kind, rest in BROKEN.items()], ids=BROKEN)
def test_each_defect_has_its_finding(tmp_path: Path, kind: RecordingProblemKind, parts: list[Pcm], said: str) -> None:
    """A recording with one defect has exactly that finding, with file, found and expected in it."""
    path = write_ulaw(tmp_path / "x.wav", *parts)
    found = examine_wav(path, BOUNDS)
    assert [each.kind for each in found.problems] == [kind]
    assert found.problems[0].message.startswith(f"{path}: ")
    assert said in found.problems[0].message


def test_every_bound_moves_its_finding(tmp_path: Path) -> None:
    """What one user forbids another may allow: each bound is an argument."""
    path = write_ulaw(tmp_path / "x.wav", pause(3.5), speak(0.5, 150), speak(0.5, 200_000), pause(5.5))
    assert not examine_wav(path, BOUNDS).conforms
    wide = replace(BOUNDS, max_clipped_share=1.0, max_leading_silence_ms=9e3, max_trailing_silence_ms=9e3)
    assert examine_wav(path, wide).conforms


def test_the_wrong_format_is_found_and_levels_are_still_measured(tmp_path: Path) -> None:
    """A codec and a rate that the run does not send are two problems; the levels help to see which file it is."""
    path = tmp_path / "x.wav"
    write_pcm16(path, speak(1), 24000)
    found = examine_wav(path, BOUNDS)
    assert [each.kind for each in found.problems] == [RecordingProblemKind.WRONG_FORMAT] * 2
    assert found.levels is not None


def test_stereo_has_a_finding_and_no_levels(tmp_path: Path) -> None:
    """Which of two channels would be the caller is not guessed."""
    path = tmp_path / "x.wav"
    write_stereo(path, speak(1), speak(1), RATE)
    found = examine_wav(path, Bounds(AudioFormat.PCM16, RATE))
    assert [each.kind for each in found.problems] == [RecordingProblemKind.WRONG_FORMAT]
    assert found.levels is None
