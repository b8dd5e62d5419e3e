"""The quota of a run that shares with nobody."""

from __future__ import annotations

import pytest

from evalkit.engine.quota import OwnQuota


async def test_slots_are_free_and_costs_add_up() -> None:
    """Nobody waits, and what was spent before counts."""
    quota = OwnQuota(spent_usd=0.25)
    async with quota.slot(), quota.slot():
        quota.add_spent_usd(0.5)
    assert quota.spent_usd() == pytest.approx(0.75)
