"""The prices that a run uses: the shipped table, with the run's own in place of the same entries."""

from __future__ import annotations

from evalkit.providers.prices import Prices, load_prices
from evalkit.service.offered import offered_models
from evalkit.settings.resources import resource_dir
from evalkit.settings.types import RunSettings


def price_table(settings: RunSettings) -> Prices:
    """Return the prices of every model that has one; whatever the embedded provider makes itself costs nothing.

    Raises DataError where ``limits.prices_file`` is not a table.
    """
    table = load_prices(resource_dir("data") / "prices.json", settings.limits.prices_file)
    called = [role for name, role in settings.roles.items() if name not in settings.roles_not_called]
    asked = {role.model for role in called if role.provider.name == "local" and role.model}
    return table.with_free(asked if settings.service.brain == "rules" else asked & offered_models())
