"""What listening costs: by the minute, nothing for what is known, unknown where no price is."""

from __future__ import annotations

import pytest

from evalkit.providers.prices import ModelPrice, Prices
from evalkit.providers.transcription import Transcription
from evalkit.runner.grader_services import listening_cost_usd

PRICES = Prices("2026-01-01", {"ears": ModelPrice(per_minute=0.006), "free-*": ModelPrice(free=True)})


@pytest.mark.parametrize(
    ("heard", "cost_usd"),
    [
        (Transcription("hello", "ears", cached=False, duration_ms=30_000), 0.003),
        (Transcription("hello", "ears", cached=True, duration_ms=30_000), 0.0),
        (Transcription("hello", "ears", cached=False, duration_ms=None), None),
        (Transcription("hello", "elsewhere", cached=False, duration_ms=30_000), None),
        (Transcription("hello", "free-ears", cached=False, duration_ms=30_000), 0.0),
    ],
)
def test_what_listening_costs(heard: Transcription, cost_usd: float | None) -> None:
    """An unknown price is None, never 0."""
    assert listening_cost_usd(heard, PRICES) == (None if cost_usd is None else pytest.approx(cost_usd))
