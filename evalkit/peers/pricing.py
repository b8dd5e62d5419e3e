"""The prices a run goes by: the shipped table, and the run's own laid over it."""

from __future__ import annotations

from evalkit.providers.prices import Prices, load_prices
from evalkit.settings.resources import resource_dir
from evalkit.settings.types import RunSettings


def price_table(settings: RunSettings) -> Prices:
    """Return the prices of every model that has one. Raises DataError for ``limits.prices_file`` that is no table."""
    return load_prices(resource_dir("data") / "prices.json", settings.limits.prices_file)
