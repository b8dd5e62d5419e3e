"""Sound without the silence around it, so that the words found in it do not depend on where a turn was cut."""

from __future__ import annotations

import numpy as np

from evalkit.audio.g711 import Pcm

_AUDIBLE = 32
_MARGIN_S = 0.25


def words_alone(pcm: Pcm, rate_hz: int) -> Pcm:
    """Return `pcm` from its first audible sample (1/1000 of full scale) to its last, within 250 ms of silence.

    Where nothing is audible it is returned as it is.
    """
    audible = np.flatnonzero((pcm > _AUDIBLE) | (pcm < -_AUDIBLE))
    if not audible.size:
        return pcm
    margin = np.zeros(round(_MARGIN_S * rate_hz), dtype=np.int16)
    return np.concatenate([margin, pcm[audible[0] : audible[-1] + 1], margin])
