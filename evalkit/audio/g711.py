"""G.711 by table: mu-law and A-law, bit-exact with libsndfile's int16 path over all 65,536 inputs.

Encoders of different tools differ by one code at bucket edges (381 to 512 of 65,536 inputs), so evalkit stays inside
one table. Arrays are int16 of one channel; bytes are one code per sample.
Formulas: ITU-T G.711 (11/88), with the 14-bit (mu) and 13-bit (A) scales left-aligned in 16 bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]


def _ulaw_encode_table() -> NDArray[np.uint8]:
    pcm = np.arange(-32768, 32768, dtype=np.int32)
    sign = (pcm < 0).astype(np.int32)
    magnitude = np.minimum(np.abs(pcm), 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 15
    codes: NDArray[np.int32] = ~((sign << 7) | (exponent << 4) | mantissa) & 0xFF
    return codes.astype(np.uint8)


def _ulaw_decode_table() -> Pcm:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 15) << 3) + 132) << ((code >> 4) & 7)) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_decode_table() -> Pcm:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _alaw_encode_table() -> NDArray[np.uint8]:
    pcm = np.arange(-32768, 32768, dtype=np.int32)
    # libsndfile drops the four low bits towards zero before it looks the code up, and so do we.
    magnitude = np.minimum(np.abs(pcm) // 16, 2047)
    exponent = np.where(magnitude < 16, 0, np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 3)
    mantissa = (magnitude >> np.maximum(exponent - 1, 0)) & 15
    sign = np.where(pcm >= 0, 0x80, 0)
    codes: NDArray[np.int32] = (sign | (exponent << 4) | mantissa) ^ 0x55
    return codes.astype(np.uint8)


_ULAW_ENCODE, _ULAW_DECODE = _ulaw_encode_table(), _ulaw_decode_table()
_ALAW_ENCODE, _ALAW_DECODE = _alaw_encode_table(), _alaw_decode_table()


def ulaw_encode(pcm: Pcm) -> bytes:
    """Return one mu-law code per sample."""
    return _ULAW_ENCODE[pcm.astype(np.int32) + 32768].tobytes()


def ulaw_decode(codes: bytes) -> Pcm:
    """Return one int16 sample per mu-law code."""
    return _ULAW_DECODE[np.frombuffer(codes, dtype=np.uint8)]


def alaw_encode(pcm: Pcm) -> bytes:
    """Return one A-law code per sample."""
    return _ALAW_ENCODE[pcm.astype(np.int32) + 32768].tobytes()


def alaw_decode(codes: bytes) -> Pcm:
    """Return one int16 sample per A-law code."""
    return _ALAW_DECODE[np.frombuffer(codes, dtype=np.uint8)]
