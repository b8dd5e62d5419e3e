"""Crawl: the speech role speaks a case's text, and the assistant's first turn is recorded.

Speech is cached by its text, voice and model, so a second run, or a sweep, has nothing spoken again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from evalkit.audio.formats import AudioFormat
from evalkit.audio.resample import resample
from evalkit.modes.voice.spoken_turn import Utterance
from evalkit.providers.speech import Speech, SpeechSynthesiser
from evalkit.records.case import CaseTrial


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

    async def speak(self, trial: CaseTrial) -> Utterance:
        """Return the case's text as wire audio. Raises CaseFailure at stage ``speech``."""
        speech = await self.synthesiser.synthesise(str(trial.case.inputs["user_text"]))
        if speech.sample_rate_hz == self.input_format.sample_rate_hz:
            wire = self._to_wire(speech)
        else:
            wire = await asyncio.to_thread(self._to_wire, speech)
        return Utterance(
            wire,
            cost_usd={"speech": 0.0 if speech.cached else self.price(speech)},
            speech=None if self.input_format is AudioFormat.PCM16 else speech.pcm,
        )

    def _to_wire(self, speech: Speech) -> bytes:
        return self.input_format.to_wire(resample(speech.pcm, speech.sample_rate_hz, self.input_format.sample_rate_hz))
