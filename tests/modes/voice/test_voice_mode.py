"""What crawl, walk and run share as modes: formats and rates, pacing, engines, mocks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalkit.compose.planning import plan
from evalkit.errors import ConfigError, DataError
from evalkit.modes.voice.settings import ToolMockSettings
from evalkit.modes.voice.voice_mode import bytes_shown, load_mocks, overlay_spec
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import read_settings


def _read(*overrides: str) -> tuple[Any, Any]:
    return read_settings(plan(overrides, packaged_source()).jobs[0].config, Path.cwd())


HOSTED = "provider=openai"


@pytest.mark.parametrize(("audio_format", "rate_hz"), [("pcm16", 24_000), ("g711_ulaw", 8_000), ("g711_alaw", 8_000)])
def test_rates_follow_from_formats(audio_format: str, rate_hz: int) -> None:
    """The protocol knows one rate per format."""
    _, settings = _read(f"audio.input_format={audio_format}", f"audio.output_format={audio_format}")
    assert settings.audio.sample_rate_hz == settings.audio.output_sample_rate_hz == rate_hz


def test_a_rate_that_the_format_cannot_have_is_a_contradiction() -> None:
    """8 kHz PCM16 is not on the wire, and the message says which rate is; both ways at once."""
    with pytest.raises(ConfigError) as caught:
        _read("audio.sample_rate_hz=8000", "audio.output_format=g711_ulaw", "audio.output_sample_rate_hz=24000")
    first, second = caught.value.problems
    assert first.startswith("audio.sample_rate_hz: 8000 does not fit audio.input_format=pcm16")
    assert "24000 Hz only" in first
    assert second.startswith("audio.output_sample_rate_hz: 24000 does not fit audio.output_format=g711_ulaw")
    assert _read("audio.sample_rate_hz=24000")[1].audio.sample_rate_hz == 24_000


@pytest.mark.parametrize(
    ("line", "real_time"),
    [
        (("mode=crawl", HOSTED), False),
        (("mode=walk", HOSTED), False),
        (("mode=run", HOSTED), True),
        (("mode=run",), False),
        (("mode=run", HOSTED, "real_time=false"), False),
        (("mode=crawl", "real_time=true"), True),
    ],
)
def test_sound_is_paced_where_somebody_says_so_or_a_call_is_held_far_away(
    line: tuple[str, ...], real_time: bool
) -> None:
    """On this machine nobody has to be waited for."""
    assert _read(*line)[1].real_time is real_time


@pytest.mark.parametrize(
    ("line", "engines"),
    [
        (("mode=crawl",), {"speech", "transcription"}),
        (("mode=walk",), {"speech", "transcription"}),
        (("mode=crawl", "assistant.model=local-echo"), {"speech"}),
        (("mode=walk", "assistant.model=local-echo"), set()),
        (("mode=crawl", "provider@assistant.provider=openai"), {"speech"}),
        (("mode=walk", "provider@assistant.provider=openai"), set()),
        (("mode=run", HOSTED), set()),
    ],
)
def test_engines_are_started_by_need(line: tuple[str, ...], engines: set[str]) -> None:
    """A recording is not spoken, and a hosted assistant hears for itself."""
    mode, settings = _read(*line)
    assert mode.engines(settings) == engines


def test_the_chunk_is_the_default_where_nobody_named_one() -> None:
    """20 ms, as the protocol's own examples have it."""
    assert _read("chunk_ms=null")[1].chunk_ms == 20
    assert _read("chunk_ms=60")[1].chunk_ms == 60


def test_a_job_is_described_by_who_is_under_test_and_where() -> None:
    """One line."""
    mode, settings = _read("mode=walk", HOSTED, "max_examples=2", "trials=3")
    told = mode.describe(settings, mode.read(settings))
    assert told.startswith(
        "walk, 2 cases x 3 trials, assistant gpt-realtime at openai (https://api.openai.com/v1), chunk 20 ms, as fast"
    )


def test_mocks_come_from_a_file_or_are_none(tmp_path: Path) -> None:
    """A file that holds no mocks is named."""
    path = tmp_path / "mocks.json"
    path.write_text(json.dumps([{"name": "look_up", "output": 1}]))
    assert [mock.name for mock in load_mocks(path)] == ["look_up"]
    assert load_mocks(None) == ()
    path.write_text('{"name": "look_up"}')
    with pytest.raises(DataError, match=r"mocks\.json"):
        load_mocks(path)


def test_what_lies_over_every_mock_is_the_configs() -> None:
    """Failures first, and a delay."""
    spec = overlay_spec(ToolMockSettings(None, 2, "try later", 50.0))
    assert (spec.fail_first_calls, spec.error_message, spec.delay_ms) == (2, "try later", 50.0)


def test_what_an_assistant_is_shown_is_counted_in_bytes() -> None:
    """Letters outside ASCII are more than one."""
    assert bytes_shown("é", ()) == 2
    assert bytes_shown("a", ({"name": "f"},)) == 1 + len('{"name": "f"}')
