"""The prices that a run uses: the shipped table, with the run's own in place of the same entries."""

from __future__ import annotations

from evalkit.providers.prices import Prices, load_prices
from evalkit.settings.resources import resource_dir
from evalkit.settings.types import RunSettings


def price_table(settings: RunSettings) -> Prices:
    """Return the prices of every model that has one. Raises DataError where ``limits.prices_file`` is not a table."""
    return load_prices(resource_dir("data") / "prices.json", settings.limits.prices_file)
