"""The words of an application that tells none: what the transcription role hears in the sound of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.audio.g711 import Pcm
from evalkit.audio.wav import encode_pcm16
from evalkit.peers.request_policy import RequestPolicy
from evalkit.providers.transcription import listening_cost_usd
from evalkit.records.faults import Stage

if TYPE_CHECKING:
    from evalkit.peers.peers import Peers


@dataclass(frozen=True)
class HeardWords:
    """What was heard in a sound, and what listening cost; None: that is not known."""

    text: str
    cost_usd: float | None


Recognise = Callable[[Pcm, int], Awaitable[HeardWords]]
"""A sound and its sample rate in Hz -> the words in it. Raises CaseFailure at stage ``recognition``."""


def words_only(
    recognise: Recognise | None, add_costs: Callable[[Mapping[str, float | None]], None]
) -> Callable[[Pcm, int], Awaitable[str]] | None:
    """Return what hears as `recognise` does and returns the words alone; `add_costs` gets what it cost, by role."""
    if recognise is None:
        return None

    async def hear(pcm: Pcm, sample_rate_hz: int) -> str:
        heard = await recognise(pcm, sample_rate_hz)
        add_costs({"transcription": heard.cost_usd})
        return heard.text

    return hear


def make_recogniser(peers: Peers) -> Recognise | None:
    """Return what hears with the transcription role; None where the provider has no model for that."""
    transcriber = peers.transcription(stage=Stage.RECOGNITION)
    if transcriber is None:
        return None
    policy = RequestPolicy.from_settings(peers.settings, slot=peers.clients.slot)

    async def recognise(pcm: Pcm, sample_rate_hz: int) -> HeardWords:
        audio = encode_pcm16(pcm, sample_rate_hz)
        heard = await policy.answer(lambda: transcriber.hear(audio))
        return HeardWords(heard.text, listening_cost_usd(heard, peers.prices))

    return recognise
