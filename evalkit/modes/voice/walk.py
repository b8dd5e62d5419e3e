"""Walk: a recording from a file is played to the assistant byte for byte, and its first turn is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.audio.conformance import Conformance
from evalkit.audio.formats import AudioFormat
from evalkit.audio.resample import resample
from evalkit.audio.wav import read_wav
from evalkit.datasets.cases import load_crawl_cases, load_walk_cases
from evalkit.datasets.recordings import Recordings
from evalkit.errors import CaseFailure, DataError
from evalkit.modes.mode import Starter
from evalkit.modes.voice.layouts import WALK_LAYOUT
from evalkit.modes.voice.recordings import (
    conformance_table,
    examine_recordings,
    find_recording_problems,
    warn_of_pauses,
)
from evalkit.modes.voice.settings import WalkSettings
from evalkit.modes.voice.single_turn import SingleTurnData
from evalkit.modes.voice.spoken import Speak, SpokenMode
from evalkit.modes.voice.starters import start_with_recordings
from evalkit.modes.voice.utterance import PreparedUtterance
from evalkit.records.case import Case, CaseTrial
from evalkit.records.faults import Stage
from evalkit.records.json import JsonObject

if TYPE_CHECKING:
    from evalkit.peers.peers import Peers


@dataclass(frozen=True)
class WalkPlayer:
    """Plays cases' recordings into sessions that hear `input_format`."""

    input_format: AudioFormat

    async def speak(self, trial: CaseTrial) -> PreparedUtterance:
        """Return the samples of the case's WAV file as they are; where the session hears another codec, converted.

        Raises CaseFailure at stage ``prepare`` when the file is gone or cannot be read any more since it was checked.
        """
        return await asyncio.to_thread(self._read, Path(str(trial.case.inputs["audio_path"])))

    def _read(self, path: Path) -> PreparedUtterance:
        try:
            audio = read_wav(path)
        except DataError as error:
            raise CaseFailure(Stage.PREPARE, "recording_unreadable", str(error)) from error
        if audio.codec is self.input_format:
            return PreparedUtterance(audio.payload)
        pcm = resample(audio.pcm, audio.sample_rate_hz, self.input_format.sample_rate_hz)
        return PreparedUtterance(self.input_format.to_wire(pcm))


class WalkMode(SpokenMode[WalkSettings]):
    """Recordings, replayed."""

    name = "walk"
    settings_type = WalkSettings
    layout = WALK_LAYOUT
    models = ("assistant", "judge", "transcription")

    def load_cases(
        self, settings: WalkSettings, tools: Sequence[JsonObject] | None, recordings: Recordings
    ) -> list[Case]:
        """Return the rows of a walk CSV, their recordings read once."""
        return load_walk_cases(settings.mode.data_csv, tools, AudioFormat(settings.audio.input_format), recordings)

    def examine(self, settings: WalkSettings, cases: Sequence[Case], recordings: Recordings) -> tuple[Conformance, ...]:
        """Return the measures of each recording, and the configured bounds that it breaks."""
        return examine_recordings(cases, settings, recordings)

    def read(self, settings: WalkSettings) -> SingleTurnData:
        """Return the data, with a table of all recordings; those that break the bounds are among its problems.

        Those that the server will cut into several turns are among its oddities.
        """
        data = super().read(settings)
        return replace(
            data,
            table=conformance_table(data.recordings),
            problems=tuple(find_recording_problems(data.recordings)),
            oddities=(*data.oddities, *warn_of_pauses(data.recordings, settings.turn_detection)),
        )

    def read_expectations(self, settings: WalkSettings) -> Sequence[Case]:
        """Return the rows of the CSV, whatever has become of the recordings."""
        return load_crawl_cases(settings.mode.data_csv, None, is_spoken=False)

    def speaker(self, settings: WalkSettings, peers: Peers) -> Speak:  # noqa: ARG002
        """Return the player of recordings."""
        return WalkPlayer(AudioFormat(settings.audio.input_format)).speak

    def starter(self, folder: Path) -> Starter:  # noqa: ARG002
        """Return a few shipped recordings with their prompt and tools."""
        return start_with_recordings()


WALK = WalkMode()
