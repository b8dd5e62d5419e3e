"""Modes by name, and what is said about one that is not there or is not a mode."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from evalkit.errors import ConfigError
from evalkit.modes import registry
from evalkit.modes.mode import Mode
from evalkit.modes.registry import find_mode
from evalkit.settings.schemas import mode_names


def test_every_installed_mode_is_found_under_the_name_it_gives_itself() -> None:
    """One instance each, however often it is asked for."""
    assert mode_names()
    for name in mode_names():
        mode = find_mode(name)
        assert isinstance(mode, Mode)
        assert (mode.name, mode.layout.mode) == (name, name)
        assert find_mode(name) is mode


def test_a_mode_that_is_not_installed_is_answered_with_the_nearest() -> None:
    """And with all there are."""
    with pytest.raises(ConfigError) as caught:
        find_mode("crwal")
    assert "mode 'crwal' is not installed; did you mean 'crawl'?" in str(caught.value)
    assert ", ".join(mode_names()) in str(caught.value)


def test_an_entry_point_that_is_not_a_mode_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever packaged it learns which line is wrong, and where the documentation is."""
    point = EntryPoint("jsonlib", "json:dumps", registry.GROUP)
    monkeypatch.setattr(registry, "find_entry_points", lambda _: {"jsonlib": point})
    with pytest.raises(ConfigError, match=r"entry point jsonlib = 'json:dumps' of evalkit\.modes is not a mode"):
        find_mode("jsonlib")
