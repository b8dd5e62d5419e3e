"""The published values of others, as they ship."""

from __future__ import annotations

import json

import pytest

from evalkit.metrics.turn_taking.published import TAU_METRICS, read_published
from evalkit.settings.resources import resource_dir

SHIPPED = json.loads((resource_dir("data") / "turn_taking.json").read_text(encoding="utf-8"))


def test_ten_systems_have_all_eight_metrics_of_tau() -> None:
    """With a source; shares are shares."""
    tau = read_published(SHIPPED)["tau_voice"]
    assert len(tau.systems) == 10
    for system in tau.systems:
        assert tuple(system.values) == TAU_METRICS, system.system
        assert all(0 <= system.values[name] <= 1 for name in TAU_METRICS if name not in ("L_R", "L_Y", "I_A"))
    assert "a2c0247" in tau.source


def test_events_are_known_for_some_systems() -> None:
    """None where they were not published, never 0."""
    first, _, third, *_ = read_published(SHIPPED)["tau_voice"].systems
    assert first.events == {"turns": 4649, "interruptions": 3171, "backchannels": 165}
    assert set(third.events.values()) == {None}


def test_every_benchmark_says_where_its_values_are_from() -> None:
    """Source, definition and at least five systems with values."""
    published = read_published(SHIPPED)
    assert list(published) == ["tau_voice", "eva", "full_duplex_bench"]
    for key, benchmark in published.items():
        assert benchmark.source
        assert benchmark.definition
        assert len(benchmark.systems) >= 5
        assert all(system.benchmark == key and system.values for system in benchmark.systems)


def test_another_document_is_refused() -> None:
    """By the key that it lacks."""
    with pytest.raises(KeyError, match="source"):
        read_published({"tau_voice": {"systems": []}})
