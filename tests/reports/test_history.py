"""Which prices were used when."""

from __future__ import annotations

from evalkit.reports.history import PriceDates

DATES = PriceDates((("2026-01-01", "2025-12-01"), ("2026-06-01", "2026-05-20")))


def test_which_prices_when() -> None:
    """The newest that had begun; before the first, the first; without any, none."""
    assert [DATES.at(moment) for moment in ("2025-01-01", "2026-03-01", "2026-06-01", "2027-01-01")] == [
        "2025-12-01", "2025-12-01", "2026-05-20", "2026-05-20",
    ]  # fmt: skip
    assert (DATES.latest, PriceDates().latest, PriceDates().at("2026-01-01")) == ("2026-05-20", "", "")
