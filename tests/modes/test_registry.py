"""Which modes there are."""

from __future__ import annotations

import pytest

from evalkit.errors import ConfigError
from evalkit.modes.registry import find_mode


@pytest.mark.parametrize("name", ["crawl", "walk", "run"])
def test_a_shipped_mode_has_a_layout_of_its_own(name: str) -> None:
    """Found by name."""
    assert find_mode(name).layout.mode == name


def test_a_mode_that_is_not_installed_is_named() -> None:
    """With those that are, and the nearest."""
    with pytest.raises(ConfigError, match=r"mode 'crawk' is not installed.*did you mean 'crawl'.*crawl"):
        find_mode("crawk")
