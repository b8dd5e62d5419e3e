"""The small second voice: SVOX Pico through `py-nanotts`, 16 kHz, American or British.

Pico reads memory that it never set, so a second synthesis in the same process differs in some samples. Every sentence
is therefore synthesised in a fresh interpreter, which costs about 50 ms and makes the bytes depend on the text alone.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import numpy as np

from evalkit.errors import EvalkitError
from evalkit.service.speech.seam import SpeechAudio, UnspeakableText
from evalkit.service.speech.speakers import SPEAKERS
from evalkit.service.spoken_text import is_speakable, spoken

RATE_HZ = 16_000
_TIMEOUT_S = 60
# At its own volume Pico clips.
_VOLUME = 0.6
_BRITISH = frozenset({"ash", "ballad", "cedar", "echo", "verse"})
_PROGRAM = (
    "import sys, py_nanotts; voice, speed, pitch, volume = sys.argv[1:]; "
    "sys.stdout.buffer.write(py_nanotts.NanoTTS().speak("
    "sys.stdin.buffer.read().decode(), voice=voice, speed=float(speed), pitch=float(pitch), volume=float(volume)))"
)
# Pico takes markup; these characters would start some.
_NO_MARKUP = str.maketrans({"<": " ", ">": " ", "&": " and "})


@dataclass(frozen=True)
class PicoSpeech:
    """Pico, in the variants of :mod:`evalkit.service.speech.speakers`; five of them speak British English."""

    name: str = "pico"
    speakers: tuple[str, ...] = tuple(SPEAKERS)
    min_speed: float = 0.25
    max_speed: float = 4.0
    workers: int = 2

    def warm(self) -> None:
        """Synthesise once."""
        self.synthesise("Ready.", "marin", 1.0)

    def synthesise(self, text: str, speaker: str, speed: float) -> SpeechAudio:
        """Return the audio of `text` at 16 kHz."""
        if not is_speakable(text):
            raise UnspeakableText(text)
        variant = SPEAKERS[speaker]
        language = "en-GB" if speaker in _BRITISH else "en-US"
        manner = [language, str(speed * variant.tempo), str(variant.pitch), str(_VOLUME)]
        command = [sys.executable, "-I", "-c", _PROGRAM, *manner]
        said = spoken(text).translate(_NO_MARKUP).encode()
        done = subprocess.run(command, input=said, capture_output=True, timeout=_TIMEOUT_S, check=False)
        if done.returncode != 0:
            raise EvalkitError(
                f"pico ended with code {done.returncode}: {done.stderr.decode('utf-8', 'replace')[-500:]}"
            )
        return SpeechAudio(np.frombuffer(done.stdout, dtype="<i2").astype(np.int16), RATE_HZ)
