"""What a line will take, from a prepared run: before anything starts, and calling nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.audio.wav import read_wav
from evalkit.compose.planning import plan
from evalkit.metrics.forecast import add_up
from evalkit.runner.forecast import describe_sweep, forecast_job, price_dates
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import Prepared, prepare

ENVIRON = {"OPENAI_API_KEY": "sk-x"}


def _prepare(*overrides: str) -> Prepared:
    return prepare(plan(overrides, packaged_source()).jobs[0].config, Path.cwd(), ENVIRON)


def test_recordings_are_reckoned_as_long_as_they_are(tmp_path: Path) -> None:
    """Walk: no estimate where there is a file."""
    config = plan(["mode=walk", "max_examples=4"], packaged_source()).jobs[0].config
    prepared = prepare(config, tmp_path, {})
    recordings = [read_wav(Path(str(case.inputs["audio_path"]))) for case in prepared.cases]
    minutes = sum(1000 * len(recording.pcm) / recording.sample_rate_hz for recording in recordings) / 60_000
    found = forecast_job(prepared)
    assert found.caller_minutes == pytest.approx((minutes, minutes))
    assert "speech" not in found.cost_usd


def test_calls_reckon_with_callers_and_judges(tmp_path: Path) -> None:
    """Run: every role that costs something is in it, and more turns cost more."""
    few, many = (
        forecast_job(prepare(plan([*line, f"max_turns={turns}"], packaged_source()).jobs[0].config, tmp_path, ENVIRON))
        for line in [["mode=run", "provider=openai"]]
        for turns in (2, 9)
    )
    assert {"assistant", "simulator", "speech", "judge"} <= set(many.cost_usd)
    assert few.total_usd is not None
    assert many.total_usd is not None
    assert few.total_usd.high < many.total_usd.high


def test_graders_that_ask_and_listen_are_reckoned() -> None:
    """A judge is asked as often as it votes; who listens hears every answer."""
    base = ("provider=openai", "max_examples=3", "mode.graders=[tool_call]")
    plain, heard = (
        forecast_job(_prepare(*base)),
        forecast_job(_prepare(*base[:2], "mode.graders=[audio_text_mismatch]")),
    )
    assert "transcription" not in plain.cost_usd
    assert "transcription" in heard.cost_usd
    one, three = (
        forecast_job(_prepare("mode=run", "provider=openai", "max_examples=3", f"judge.votes={votes}")).cost_usd[
            "judge"
        ]
        for votes in (1, 3)
    )
    assert one is not None
    assert three is not None
    assert three == pytest.approx(tuple(3 * cost for cost in one))


def test_trials_are_reckoned_as_often_as_they_are_made() -> None:
    """Twice the trials are twice the sound."""
    one, two = (forecast_job(_prepare("max_examples=3", f"trials={trials}")) for trials in (1, 2))
    assert (one.cases, one.case_trials, two.cases, two.case_trials) == (3, 3, 3, 6)
    assert two.caller_minutes == pytest.approx(tuple(2 * minutes for minutes in one.caller_minutes))


def test_a_sweep_is_described_by_its_jobs_and_their_sum() -> None:
    """Each job by what makes it another, and one line for all of them together."""
    planned = plan(["max_examples=2", "chunk_ms=20,40"], packaged_source(), multirun=True)
    prepared = [prepare(job.config, Path.cwd(), {}) for job in planned.jobs]
    forecast = add_up([forecast_job(job) for job in prepared])
    first, second, total = describe_sweep(planned.jobs, forecast, price_dates(prepared))
    assert "chunk_ms=20" in first
    assert "chunk_ms=40" in second
    assert total.startswith("2 jobs, 4 cases, 4 case-trials; ")
    assert price_dates(prepared) in total
