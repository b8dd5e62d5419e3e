"""The definitions of others beside evalkit's own: named by whose they are, and published by."""

from __future__ import annotations

import json

from turn_taking_notes import eventful, interrupted

from evalkit.metrics.turn_taking.by_others import measure_by_others, tau_metric
from evalkit.metrics.turn_taking.panel import measure_calls
from evalkit.metrics.turn_taking.published import TAU_METRICS, read_published
from evalkit.metrics.turn_taking.timeline import CallTimeline
from evalkit.settings.resources import resource_dir


def test_each_benchmark_is_one_whose_values_are_published() -> None:
    """By the same keys, and for tau-voice by the same metrics."""
    found = measure_by_others([CallTimeline.from_json("c", eventful())])
    published = read_published(json.loads((resource_dir("data") / "turn_taking.json").read_text(encoding="utf-8")))
    assert list(found) == list(published)
    assert tuple(found["tau_voice"]) == TAU_METRICS


def test_no_two_metrics_share_a_name() -> None:
    """Not with evalkit's own either."""
    calls = [CallTimeline.from_json("c", interrupted(0.5))]
    found = [one for each in measure_by_others(calls).values() for one in each.values()]
    names = [one.name for one in (*measure_calls(calls), *found)]
    assert len(names) == len(set(names)) == 12 + 8 + 3 + 2
    assert {one.name.partition("_")[0] for one in found} == {"tau", "eva", "fdb"}
    assert tau_metric("S_BC") == "tau_s_bc"
