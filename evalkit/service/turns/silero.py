"""Silero VAD v6.2: how likely it is that somebody speaks in each 32 ms of a stream, for many streams at once.

The network is Silero's (MIT, `silero_vad.LICENSE`): `silero_vad.onnx` of their package 6.2.3, byte for byte, checked by
its sha256 before it is loaded. (The file inside `faster-whisper` is of the same family, but its shapes allow one stream
at a time only.) It runs in its 8 kHz mode: G.711 as it is, 24 kHz after a filter of 31 taps, which delays by 0.6 ms.

A frame's probability depends on its stream alone: not on how the audio was cut into pieces, and to the bit not on which
other streams are judged with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, upfirdn

from evalkit.audio.g711 import Pcm
from evalkit.errors import UserError

FRAME_MS = 32
WEIGHTS_SHA256 = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"
_RATE_HZ = 8000
_FRAME = _RATE_HZ * FRAME_MS // 1000
_CONTEXT = 32
_STATE = (2, 128)
_TAPS = 31
_CUTOFF_HZ = 3600.0

Probabilities = NDArray[np.float32]


class VoiceStream:
    """What the network remembers of one stream of audio.

    Args:
        rate_hz: The stream's rate: 8000, or a multiple of it.

    """

    def __init__(self, rate_hz: int) -> None:
        if rate_hz % _RATE_HZ:
            raise ValueError(f"{rate_hz} Hz is no multiple of {_RATE_HZ} Hz")
        self.rate_hz = rate_hz
        self.state = np.zeros(_STATE, dtype=np.float32)
        self.context = np.zeros(_CONTEXT, dtype=np.float32)
        self._step = rate_hz // _RATE_HZ
        self._filter = firwin(_TAPS, _CUTOFF_HZ, fs=rate_hz).astype(np.float32) if self._step > 1 else None
        self._before = np.zeros(_TAPS - 1, dtype=np.float32)

    @property
    def frame_samples(self) -> int:
        """Samples of one frame."""
        return _FRAME * self._step

    def frames(self, pcm: Pcm) -> NDArray[np.float32]:
        """Return `pcm` (whole frames, int16) as the network wants it: frames x 256 samples at 8 kHz, -1 to 1."""
        wave = pcm.astype(np.float32) / np.float32(32768.0)
        if self._filter is not None:
            wave = np.concatenate([self._before, wave])
            self._before = wave[-(_TAPS - 1) :]
            wave = upfirdn(self._filter, wave)[_TAPS - 1 : wave.size : self._step]
        return np.asarray(wave, dtype=np.float32).reshape(-1, _FRAME)


class SileroNetwork:
    """The network. One thread at a time may use it."""

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(
            checked_weights(files(__package__).joinpath("silero_vad.onnx").read_bytes()),
            sess_options=options,
            providers=["CPUExecutionProvider"],
        )

    def judge(self, asked: Sequence[tuple[VoiceStream, Pcm]]) -> list[Probabilities]:
        """Return the probability of speech in every frame of each stream's next audio.

        Args:
            asked: Streams, each at most once, with their next samples: int16, whole frames.

        """
        waves = [stream.frames(pcm) for stream, pcm in asked]
        found = [np.empty(len(wave), dtype=np.float32) for wave in waves]
        for at in range(max((len(wave) for wave in waves), default=0)):
            rows = [row for row, wave in enumerate(waves) if at < len(wave)]
            for row, probability in zip(rows, self._step(asked, waves, rows, at), strict=True):
                found[row][at] = probability
        return found

    def _step(
        self,
        asked: Sequence[tuple[VoiceStream, Pcm]],
        waves: Sequence[NDArray[np.float32]],
        rows: Sequence[int],
        at: int,
    ) -> Probabilities:
        streams = [asked[row][0] for row in rows]
        heard = np.stack([np.concatenate([s.context, waves[row][at]]) for s, row in zip(streams, rows, strict=True)])
        state = np.stack([stream.state for stream in streams], axis=1)
        given = {"input": heard, "state": state, "sr": np.array(_RATE_HZ, dtype=np.int64)}
        probabilities, state = self._session.run(None, given)
        for index, stream in enumerate(streams):
            stream.context = heard[index, -_CONTEXT:]
            stream.state = state[:, index]
        return np.asarray(probabilities[:, 0], dtype=np.float32)


def checked_weights(weights: bytes) -> bytes:
    """Return `weights`; raises :class:`UserError` when they are not those of Silero VAD 6.2.3."""
    found = hashlib.sha256(weights).hexdigest()
    if found != WEIGHTS_SHA256:
        raise UserError(
            f"silero_vad.onnx: sha256 is {found}, not {WEIGHTS_SHA256}; not the network of silero-vad 6.2.3; "
            "install evalkit again"
        )
    return weights
