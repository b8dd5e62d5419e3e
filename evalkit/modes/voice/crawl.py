"""Crawl: the speech role speaks a case's text, and the assistant's first turn is recorded.

Speech is cached by its text, voice and model, so a second run, or a sweep, has nothing spoken again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.audio.formats import AudioFormat
from evalkit.datasets.cases import load_crawl_cases
from evalkit.datasets.recordings import Recordings
from evalkit.errors import DataError
from evalkit.modes.mode import Mode, Starter
from evalkit.modes.voice.layouts import CRAWL_LAYOUT
from evalkit.modes.voice.settings import CrawlSettings
from evalkit.modes.voice.spoken import Speak, SpokenMode
from evalkit.modes.voice.starters import start_with_texts
from evalkit.modes.voice.utterance import PreparedUtterance
from evalkit.modes.voice.voice_mode import find_unspeakable
from evalkit.modes.voice.written_crawl import WRITTEN_CRAWL
from evalkit.records.case import Case, CaseTrial
from evalkit.records.json import JsonObject

if TYPE_CHECKING:
    from evalkit.peers.peers import Peers
    from evalkit.providers.speech import Speech, SpeechSynthesiser


@dataclass(frozen=True)
class CrawlVoice:
    """Speaks cases in the session's input format.

    Attributes:
        synthesiser: The speech role.
        input_format: What the assistant hears.
        price: What a synthesis costs in dollars, or None when that is unknown.

    """

    synthesiser: SpeechSynthesiser
    input_format: AudioFormat
    price: Callable[[Speech], float | None]

    async def speak(self, trial: CaseTrial) -> PreparedUtterance:
        """Return the case's text as wire audio. Raises CaseFailure at stage ``speech``."""
        speech = await self.synthesiser.synthesise(str(trial.case.inputs["user_text"]))
        if speech.sample_rate_hz == self.input_format.sample_rate_hz:
            wire = self._to_wire(speech)
        else:
            wire = await asyncio.to_thread(self._to_wire, speech)
        return PreparedUtterance(
            wire,
            cost_usd={"speech": 0.0 if speech.cached else self.price(speech)},
            speech=None if self.input_format is AudioFormat.PCM16 else speech.pcm,
        )

    def _to_wire(self, speech: Speech) -> bytes:
        from evalkit.audio.resample import resample

        return self.input_format.to_wire(resample(speech.pcm, speech.sample_rate_hz, self.input_format.sample_rate_hz))


class CrawlMode(SpokenMode[CrawlSettings]):
    """Texts, spoken."""

    name = "crawl"
    settings_type = CrawlSettings
    layout = CRAWL_LAYOUT
    models = ("assistant", "judge", "speech", "transcription")

    def of_config(self, config: Mapping[str, Any]) -> Mode[Any, Any]:
        """Return this mode, or the one in writing where the config's input is text."""
        return WRITTEN_CRAWL if config.get("input") == "text" else self

    def load_cases(
        self,
        settings: CrawlSettings,
        tools: Sequence[JsonObject] | None,
        recordings: Recordings,  # noqa: ARG002
    ) -> list[Case]:
        """Return the rows of a crawl CSV. Raises DataError, also for what the embedded voice cannot say."""
        path = settings.mode.data_csv
        cases = load_crawl_cases(path, tools)
        texts = [(f"{path}: {case.case_id}: column 'user_text'", str(case.inputs["user_text"])) for case in cases]
        if problems := find_unspeakable(settings.speech, texts):
            raise DataError(problems)
        return cases

    def read_expectations(self, settings: CrawlSettings) -> Sequence[Case]:
        """Return the rows of the CSV, whatever has become of prompt and tools."""
        return load_crawl_cases(settings.mode.data_csv, None, is_spoken=False)

    def speaker(self, settings: CrawlSettings, peers: Peers) -> Speak:
        """Return the speech role."""
        model = str(settings.speech.model)
        voice = CrawlVoice(
            synthesiser=peers.speech(settings.speech),
            input_format=AudioFormat(settings.audio.input_format),
            price=lambda speech: peers.prices.speech_cost_usd(model, speech.characters, speech.duration_ms),
        )
        return voice.speak

    def starter(self, folder: Path) -> Starter:  # noqa: ARG002
        """Return a few shipped texts with their prompt and tools."""
        return start_with_texts()


CRAWL = CrawlMode()
