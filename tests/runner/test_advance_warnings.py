"""What is said before a run is paid for: gates that cannot be reached, money, a launcher unused."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.compose.planning import plan
from evalkit.runner.advance_warnings import warn_in_advance
from evalkit.runner.execution import execute
from evalkit.runner.forecast import forecast_job
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import prepare_all

HOSTED = ["provider=openai", "assistant.model=of-tomorrow"]
IN_REAL_TIME = ["provider=openai", "real_time=true"]
VOICE_TO_VOICE = ["gate.max_latency_ms=900", "gate.latency_column=latency_voice_to_voice_ms"]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")


def _warnings(*overrides: str, multirun: bool = False) -> list[str]:
    planned = plan(["max_examples=2", *overrides], packaged_source(), multirun=multirun)
    prepared = prepare_all(planned, Path.cwd())
    return warn_in_advance(planned, prepared, [forecast_job(job) for job in prepared])


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            ["gate.max_cost_usd=3", *HOSTED],
            "gate.max_cost_usd=3 will be missed: no full price is known for assistant of-tomorrow; give one in",
        ),
        (
            ["gate.min_grade=0.9", "mode.graders=[audio_text_mismatch]"],
            (
                "gate.min_grade=0.9 will be missed: nothing decides whether a case passes; "
                "add to mode.graders what the cases require (tool_call, tool_call_args)"
            ),
        ),
        (
            VOICE_TO_VOICE,
            (
                "gate.max_latency_ms=900 will be missed: latency_voice_to_voice_ms is measured only where sound is "
                "sent in real time (real_time=true); gate.latency_column may be latency_first_audio_ms, "
                "latency_first_text_ms, latency_response_done_ms"
            ),
        ),
        (
            ["gate.max_latency_ms=900", "provider=openai", "real_time=false"],
            "gate.max_latency_ms=900 is about latencies that are not comparable: real_time is false",
        ),
        (
            ["gate.max_latency_ms=900", "real_time=true"],
            "gate.max_latency_ms=900 is about latencies that are not comparable: the embedded provider remembers",
        ),
    ],
)
def test_a_gate_that_nothing_can_be_held_against_is_told(overrides: list[str], words: str) -> None:
    """In one line: the key, what will become of it and why, and what to do."""
    (warning,) = _warnings(*overrides)
    assert warning.startswith(f"warning: {words}")


@pytest.mark.parametrize(
    "overrides",
    [
        ["gate.max_cost_usd=3", "gate.min_grade=0.9"],
        ["gate.max_cost_usd=3", "provider=openai"],
        ["gate.max_latency_ms=900", *IN_REAL_TIME],
        [*VOICE_TO_VOICE, *IN_REAL_TIME],
        [*VOICE_TO_VOICE, *IN_REAL_TIME, "mode=run"],
        HOSTED,
        ["mode.graders=[]"],
    ],
)
def test_a_gate_that_can_be_reached_is_not_worth_a_word(overrides: list[str]) -> None:
    """Nor is what would miss a gate that nobody set."""
    assert _warnings(*overrides) == []


@pytest.mark.parametrize(
    ("limit", "model", "words"),
    [
        ("null", "gpt-realtime", None),
        ("1000", "gpt-realtime", None),
        ("0.00001", "gpt-realtime", "will stop before it is done"),
        ("1", "of-tomorrow", "cannot be kept: no full price is known for assistant of-tomorrow"),
    ],
)
def test_money_that_will_not_do_is_told(limit: str, model: str, words: str | None) -> None:
    """Before it is spent; and a limit that nobody can hold is told too."""
    told = _warnings("provider=openai", f"assistant.model={model}", f"limits.max_cost_usd={limit}")
    assert len(told) == (0 if words is None else 1)
    assert words is None or words in told[0]


def test_a_sweep_says_each_thing_once() -> None:
    """However many of its jobs it is about."""
    (warning,) = _warnings("gate.min_grade=0.9", "mode.graders=[]", "seed=1,2,3", multirun=True)
    assert "gate.min_grade=0.9 will be missed" in warning


def test_a_fault_that_hits_no_case_of_any_job_is_told() -> None:
    """A plan may serve several jobs; what none of them runs is hardly meant."""
    (warning,) = _warnings("service.faults=stall/case:status-lamp+reset/case:nosuch")
    assert warning.startswith("warning: service.faults: case 'nosuch' is not run")
    assert _warnings("mode=crawl,walk", "service.faults=stall/case:status-lamp", multirun=True) == []


def test_a_launcher_without_a_sweep_is_told() -> None:
    """It would be ignored in silence."""
    (warning,) = _warnings("hydra/launcher=joblib")
    assert warning == "warning: hydra/launcher=joblib has no effect on a single run; for a sweep put -m first"
    assert _warnings("hydra/launcher=joblib", "seed=1,2", multirun=True) == []


@pytest.mark.parametrize("multirun", [False, True])
def test_a_run_says_it_before_it_starts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, multirun: bool
) -> None:
    """And then goes on: a warning stops nothing."""
    told: list[str] = []

    def stop(*_: object, **__: object) -> None:
        told.append(capsys.readouterr().err)
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("evalkit.runner.execution.shared_services", stop)
    planned = plan(["max_examples=1", *VOICE_TO_VOICE], packaged_source(), multirun=multirun)
    with pytest.raises(KeyboardInterrupt):
        execute(planned, stop)
    assert "gate.max_latency_ms=900 will be missed" in " ".join(told[0].split())
