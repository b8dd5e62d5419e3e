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
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
_Wave = NDArray[np.float32]


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
        self.before = np.zeros(_TAPS - 1, dtype=np.int16)

    @property
    def frame_samples(self) -> int:
        """Samples of one frame."""
        return _FRAME * self.rate_hz // _RATE_HZ


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
        waves = _narrowed(asked)
        found = [np.empty(len(wave), dtype=np.float32) for wave in waves]
        for at in range(max((len(wave) for wave in waves), default=0)):
            rows = [row for row, wave in enumerate(waves) if at < len(wave)]
            streams = [asked[row][0] for row in rows]
            for row, probability in zip(rows, self._step(streams, [waves[row][at] for row in rows]), strict=True):
                found[row][at] = probability
        return found

    def _step(self, streams: Sequence[VoiceStream], frames: Sequence[_Wave]) -> Probabilities:
        heard = np.empty((len(streams), _CONTEXT + _FRAME), dtype=np.float32)
        state = np.empty((_STATE[0], len(streams), _STATE[1]), dtype=np.float32)
        for index, (stream, frame) in enumerate(zip(streams, frames, strict=True)):
            heard[index, :_CONTEXT] = stream.context
            heard[index, _CONTEXT:] = frame
            state[:, index] = stream.state
        given = {"input": heard, "state": state, "sr": np.array(_RATE_HZ, dtype=np.int64)}
        probabilities, state = self._session.run(None, given)
        for index, stream in enumerate(streams):
            stream.context = heard[index, -_CONTEXT:]
            stream.state = state[:, index]
        return np.asarray(probabilities[:, 0], dtype=np.float32)


def _narrowed(asked: Sequence[tuple[VoiceStream, Pcm]]) -> list[_Wave]:
    """Return the next audio of each stream as the network wants it: frames x 256 samples at 8 kHz, -1 to 1.

    What has the same rate and length is filtered together; each row as it would be alone.
    """
    alike: dict[tuple[int, int], list[int]] = {}
    for row, (stream, pcm) in enumerate(asked):
        alike.setdefault((stream.rate_hz, pcm.size), []).append(row)
    waves: list[_Wave] = [np.empty((0, _FRAME), dtype=np.float32)] * len(asked)
    for (rate_hz, size), rows in alike.items():
        heard = np.empty((len(rows), _TAPS - 1 + size), dtype=np.float32)
        for index, row in enumerate(rows):
            stream, pcm = asked[row]
            heard[index, : _TAPS - 1] = stream.before
            heard[index, _TAPS - 1 :] = pcm
            stream.before = np.concatenate([stream.before, pcm])[-(_TAPS - 1) :]
        heard /= np.float32(32768.0)
        narrow = heard[:, _TAPS - 1 :] if rate_hz == _RATE_HZ else _decimated(heard, rate_hz // _RATE_HZ)
        for index, row in enumerate(rows):
            waves[row] = narrow[index].reshape(-1, _FRAME)
    return waves


def _decimated(heard: _Wave, step: int) -> _Wave:
    """Return one sample for `step` of those after the first ``_TAPS - 1``, filtered; each row as it would be alone.

    `scipy.signal` has this, and takes longer to import than all else that the service imports.
    """
    size = (heard.shape[1] - _TAPS + 1) // step
    narrow = np.zeros((len(heard), size), dtype=np.float32)
    for tap, weight in enumerate(_low_pass(step)):
        narrow += weight * heard[:, tap::step][:, :size]
    return narrow


@cache
def _low_pass(step: int) -> _Wave:
    """Return the taps of a windowed-sinc filter (Hamming), which lets a constant pass as it is."""
    cutoff = 2 * _CUTOFF_HZ / (step * _RATE_HZ)
    taps = np.sinc(cutoff * (np.arange(_TAPS) - (_TAPS - 1) / 2)) * np.hamming(_TAPS)
    return np.asarray(taps / taps.sum(), dtype=np.float32)


def checked_weights(weights: bytes) -> bytes:
    """Return `weights`; raises :class:`UserError` when they are not those of Silero VAD 6.2.3."""
    found = hashlib.sha256(weights).hexdigest()
    if found != WEIGHTS_SHA256:
        raise UserError(
            f"silero_vad.onnx: sha256 is {found}, not {WEIGHTS_SHA256}; not the network of silero-vad 6.2.3; "
            "install evalkit again"
        )
    return weights
