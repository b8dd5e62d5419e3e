"""Who takes the turns, in every voice mode: what contradicts it, and what follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evalkit.compose.planning import plan
from evalkit.errors import ConfigError
from evalkit.modes.voice.settings import TurnDetectionSettings
from evalkit.modes.voice.turn_detection import detection_spec
from evalkit.realtime.events import DetectionSpec
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import Prepared, prepare

MODES = pytest.mark.parametrize("mode", ["crawl", "walk", "run"])


def _prepare(*overrides: str) -> Prepared:
    return prepare(plan(overrides, packaged_source()).jobs[0].config, Path.cwd(), {})


@MODES
@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (("turn_detection=server_vad", "real_time=false"), "real_time: false, but with turn_detection=server_vad"),
        (("turn_detection=server_vad", "turn_detection.eagerness=low"), "turn_detection.eagerness: 'low'"),
        (("turn_detection=semantic_vad", "turn_detection.threshold=0.3"), "turn_detection.threshold: 0.3"),
        (("turn_detection.silence_duration_ms=700",), "type=none does not have; expected null"),
        (
            ("turn_detection=server_vad", "provider@assistant.provider=replay", "assistant.provider.run=."),
            "provider=replay answers only when it is asked to",
        ),
        (
            ("gate.turn_taking.max_response_latency_s=1.5",),
            "gate.turn_taking.max_response_latency_s: 1.5, but with turn_detection=none nobody can interrupt anybody",
        ),
    ],
)
def test_a_way_of_taking_turns_that_cannot_be(mode: str, overrides: tuple[str, ...], problem: str) -> None:
    """One sentence that names the key and what to do, before anything is called."""
    with pytest.raises(ConfigError) as refused:
        _prepare(f"mode={mode}", *overrides)
    assert problem in str(refused.value)


@MODES
def test_full_duplex_is_held_in_real_time_and_decides_a_record(mode: str) -> None:
    """Gates on turn-taking are then settings like any other; where the client takes the turns all is as it was."""
    line = (f"mode={mode}", "max_examples=1")
    duplex = _prepare(*line, "turn_detection=server_vad", "gate.turn_taking.min_response_rate=0.9")
    manual = _prepare(*line)
    settings: Any = duplex.settings
    assert settings.gate.turn_taking.min_response_rate == 0.9
    assert duplex.mode.is_paced(settings, duplex.data)  # type: ignore[attr-defined]
    assert duplex.mode.unmeasured_latencies(settings, duplex.data) == {}
    assert "real time, full duplex (server_vad)" in duplex.mode.describe(settings, duplex.data)
    assert "duplex" not in manual.mode.describe(manual.settings, manual.data)
    told: Any = duplex.fingerprint(duplex.cases[0])["turn_detection"]
    assert (told["type"], told["silence_duration_ms"]) == ("server_vad", 500)
    assert "turn_detection" not in manual.fingerprint(manual.cases[0])


@pytest.mark.parametrize(
    ("chosen", "asked"),
    [
        (TurnDetectionSettings("none", None, None, None, None, None), None),
        (
            TurnDetectionSettings("server_vad", 0.4, None, 800, None, None),
            DetectionSpec("server_vad", 0.4, None, 800, None, None),
        ),
        (
            TurnDetectionSettings("semantic_vad", None, None, None, None, "low"),
            DetectionSpec("semantic_vad", eagerness="low"),
        ),
    ],
)
def test_a_server_is_asked_for_what_the_settings_say(
    chosen: TurnDetectionSettings, asked: DetectionSpec | None
) -> None:
    """Nothing is asked for where the client takes the turns."""
    assert detection_spec(chosen) == asked
