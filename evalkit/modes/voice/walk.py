"""Walk: a recording from a file is played to the assistant byte for byte, and its first turn is recorded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from evalkit.audio.formats import AudioFormat
from evalkit.audio.resample import resample
from evalkit.audio.wav import read_wav
from evalkit.errors import CaseFailure, DataError
from evalkit.modes.voice.spoken_turn import Utterance
from evalkit.records.case import CaseTrial
from evalkit.records.faults import Stage


@dataclass(frozen=True)
class WalkPlayer:
    """Plays cases' recordings into sessions that hear `input_format`."""

    input_format: AudioFormat

    async def speak(self, trial: CaseTrial) -> Utterance:
        """Return the samples of the case's WAV file as they are; where the session hears another codec, converted.

        Raises CaseFailure at stage ``prepare`` when the file is gone or cannot be read any more since it was checked.
        """
        return await asyncio.to_thread(self._read, Path(str(trial.case.inputs["audio_path"])))

    def _read(self, path: Path) -> Utterance:
        try:
            audio = read_wav(path)
        except DataError as error:
            raise CaseFailure(Stage.PREPARE, "recording_unreadable", str(error)) from error
        if audio.codec is self.input_format:
            return Utterance(audio.payload)
        pcm = resample(audio.pcm, audio.sample_rate_hz, self.input_format.sample_rate_hz)
        return Utterance(self.input_format.to_wire(pcm))
