"""The settings of crawl, walk and run: what each has, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evalkit.compose.planning import plan
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import read_settings


def _settings(*overrides: str) -> Any:
    return read_settings(plan(overrides, packaged_source()).jobs[0].config, Path.cwd())[1]


@pytest.mark.parametrize(
    ("mode", "roles"),
    [
        ("crawl", {"assistant", "judge", "speech"}),
        ("walk", {"assistant", "judge"}),
        ("run", {"assistant", "judge", "speech", "simulator"}),
    ],
)
def test_a_mode_has_the_roles_it_needs_and_no_others(mode: str, roles: set[str]) -> None:
    """A recording is not spoken, and nobody simulates a caller who says one thing."""
    settings = _settings(f"mode={mode}")
    assert set(settings.roles) == roles
    assert set(settings.config) >= roles
    assert not {"speech", "simulator"} - roles & set(settings.config)


def test_a_walks_config_has_nothing_of_speech() -> None:
    """No node, no default model of a role it has not, no voice to make."""
    config = _settings("mode=walk").config
    assert not {"speech", "simulator", "voice", "max_turns"} & set(config)
    assert set(config["provider"]["models"]) == {"assistant", "judge", "transcription"}


def test_what_was_null_is_told_to_the_simulations() -> None:
    """What the line names is closed; what it leaves null a file may settle."""
    settings = _settings("mode=run", "assistant.voice=cedar", "chunk_ms=null")
    assert {"simulator.voice", "chunk_ms", "real_time"} <= settings.open_keys
    assert "assistant.voice" not in settings.open_keys
