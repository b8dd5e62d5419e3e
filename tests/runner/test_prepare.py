"""From a composed config to all that a run needs: every problem found first and at once, and nobody called."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.compose.planning import plan
from evalkit.errors import ConfigError, DataError, UserError
from evalkit.modes.voice.crawl import CRAWL
from evalkit.records.grade import GraderSpec
from evalkit.runner.forecast import forecast_job
from evalkit.runner.jobs import Plan, packaged_source
from evalkit.runner.prepare import (
    Prepared,
    find_gated_case_problems,
    find_unknown_models,
    handing_on,
    needs_of,
    prepare,
    prepare_all,
    read_run,
    read_settings,
    take_or_prepare,
)
from evalkit.service.offered import offered_models
from evalkit.settings.resources import resource_dir


def _plan(*overrides: str, multirun: bool = False) -> Plan:
    return plan(overrides, packaged_source(), multirun=multirun)


def _prepare(*overrides: str, environ: Any = None) -> Prepared:
    return prepare(_plan(*overrides).jobs[0].config, Path.cwd(), environ or {})


def _problems(*overrides: str, environ: Any = None) -> str:
    with pytest.raises(UserError) as caught:
        _prepare(*overrides, environ=environ)
    return "\n".join(caught.value.problems)


def test_a_run_that_may_start_has_its_mode_settings_cases_and_files() -> None:
    """With the hash of everything that was read, the price table of the run's own among it."""
    prices = resource_dir("data") / "prices.json"
    prepared = _prepare("max_examples=3", f"limits.prices_file={prices}")
    assert prepared.mode.name == "crawl"
    assert len(prepared.cases) == 3
    assert prepared.config["assistant"]["model"] == "local-agent"
    assert {str(prices), str(prepared.settings.mode.data_csv)} <= {entry["path"] for entry in prepared.datasets}
    assert [spec.grader_id for spec in prepared.graders(prepared.cases[0])] == list(prepared.settings.mode.graders)


def test_what_is_wrong_with_providers_prices_and_gate_is_told_at_once(tmp_path: Path) -> None:
    """A missing key, a missing model, prices that are gone, and a latency that the mode has not."""
    azure = ("provider@judge.provider=azure", "judge.provider.base_url=https://house.example/openai/v1")
    told = _problems(
        "provider=openai",
        *azure,
        f"limits.prices_file={tmp_path / 'gone.json'}",
        "gate.latency_column=latency_first_ms",
    )
    assert "OPENAI_API_KEY is not set" in told
    assert str(tmp_path / "gone.json") in told
    assert "gate.latency_column: 'latency_first_ms' is not a latency of mode=crawl; did you mean" in told


def test_a_judge_is_looked_for_only_where_somebody_asks_it() -> None:
    """Its key stops no run that judges nothing, and stops the one that does."""
    moved = "provider@judge.provider=openai"
    assert _prepare(moved, "mode.graders=[tool_call]").cases
    assert "OPENAI_API_KEY is not set" in _problems("mode=run", moved)


def test_somebody_must_listen_where_a_grader_does() -> None:
    """A provider without a model for it is named, with what to do."""
    without = "provider.models.transcription=null"
    assert "provider.models.transcription: null, but a grader listens" in _problems(without)
    assert _prepare(without, "mode.graders=[tool_call]").grader_needs == frozenset()


def test_a_walk_needs_no_speech_model_and_no_key() -> None:
    """Recordings are not spoken: a provider without speech is enough."""
    house = ("provider=compatible", "provider.base_url=http://127.0.0.1:9/v1", "provider.models.speech=null")
    line = ("mode=walk", *house, "assistant.model=a")
    assert _prepare(*line, "mode.graders=[tool_call]").cases
    assert "speech.model: null" in _problems("mode=crawl", *line[1:], "mode.graders=[tool_call]")


def test_a_grader_that_is_wrong_is_found_also_in_cases_that_are_left_out(tmp_path: Path) -> None:
    """max_examples decides what is run, not what is checked."""
    with pytest.raises(DataError, match=r"mode\.graders: grader 'tool_cal': type 'tool_cal' is not one of"):
        _prepare("mode.graders=[tool_cal]")
    (tmp_path / "prompt.txt").write_text("Help.")
    (tmp_path / "tools.json").write_text("[]")
    for name, grader in (("one", "contains"), ("two", "contians")):
        simulation = {
            "simulation_id": name,
            "scenario": "asks",
            "assistant": {"system_prompt_file": "prompt.txt", "tools_file": "tools.json"},
            "simulator": {"system_prompt": "You call."},
            "turns": {"fixed_first_user_turn": "Hi."},
            "graders": {"turn_level": [{"id": "said", "type": grader, "texts": ["hello"]}]},
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(simulation))
    (tmp_path / "index.csv").write_text("simulation_id,simulation_path\none,one.json\ntwo,two.json\n")
    told = _problems("mode=run", f"mode.data_csv={tmp_path / 'index.csv'}", "max_examples=1")
    assert f"{tmp_path / 'two.json'}: grader 'said': type 'contians'" in told


def test_data_with_problems_can_be_read_to_be_shown_and_not_run() -> None:
    """`evalkit check` shows the table of recordings beside what is wrong with them."""
    config = _plan("mode=walk", "max_examples=2", "conformance.max_duration_ms=101").jobs[0].config
    assert read_run(config, Path.cwd(), {}).data.problems
    with pytest.raises(DataError):
        prepare(config, Path.cwd(), {})


def test_a_case_that_must_never_fail_must_be_run() -> None:
    """By its name, with the nearest."""
    assert "did you mean 'status-lamp'?" in _problems("gate.never_fail=[status-lmap]", "max_examples=3")
    gate = read_settings(_plan("gate.never_fail=[a,b]").jobs[0].config, Path.cwd())[1].gate
    assert find_gated_case_problems(gate, ["a", "b"]) == []


def test_the_embedded_provider_is_needed_for_a_role_a_judge_or_a_listener() -> None:
    """And for nobody else."""
    openai = ("provider=openai", "mode.graders=[tool_call]")
    key = {"OPENAI_API_KEY": "sk-x"}
    assert _prepare().uses_embedded_provider
    assert not _prepare(*openai, environ=key).uses_embedded_provider
    assert _prepare(*openai, "provider@speech.provider=local", environ=key).uses_embedded_provider
    assert not _prepare(*openai, "provider@judge.provider=local", environ=key).uses_embedded_provider
    judged = _prepare("mode=run", openai[0], "provider@judge.provider=local", environ=key)
    assert judged.uses_embedded_provider
    assert judged.engines == frozenset()


def test_who_listens_needs_a_recogniser_and_nobody_else_loads_one() -> None:
    """Engines are started by need, of roles and of graders."""
    hosted = ("mode=walk", "provider@assistant.provider=openai")
    key = {"OPENAI_API_KEY": "sk-x"}
    assert _prepare(*hosted, environ=key).engines == {"transcription"}
    assert _prepare(*hosted, "mode.graders=[tool_call]", environ=key).engines == frozenset()


def test_what_graders_need_follows_from_their_types() -> None:
    """Each once; a type that nobody knows needs nothing, and is told elsewhere."""
    specs = [GraderSpec(name, name) for name in ("tool_call", "audio_text_mismatch", "wer", "llm_as_judge", "tool_cal")]
    assert needs_of(specs) == {"transcribe", "judge"}


def test_a_sweep_with_bad_jobs_starts_none_and_names_them_all() -> None:
    """Each problem with its job and what makes it that job."""
    planned = _plan("mode.data_csv=gone.csv,also_gone.csv", multirun=True)
    with pytest.raises(ConfigError) as caught:
        prepare_all(planned, Path.cwd())
    first, second = caught.value.problems
    assert first.startswith("job 0 (mode.data_csv=gone.csv): ")
    assert second.startswith("job 1 (mode.data_csv=also_gone.csv): ")


@pytest.mark.parametrize("count", [50, 400])
def test_jobs_that_differ_in_idle_keys_are_read_and_forecast_once(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are; each is what it is by itself, but for the objects that it shares with the others."""
    planned = _plan("assistant.model=local-agent,local-echo", f"seed=range({count // 2})", multirun=True)
    asked: list[str] = []

    def counting(name: str, do: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: asked.append(name) or do(*given)

    monkeypatch.setattr(CRAWL, "read", counting("read", CRAWL.read))
    monkeypatch.setattr(CRAWL, "forecast", counting("forecast", CRAWL.forecast))
    together = prepare_all(planned, Path.cwd())
    forecasts = [forecast_job(prepared) for prepared in together]
    assert sorted(asked) == ["forecast"] * 2 + ["read"] * 2
    for place in (0, 7, count // 2, count - 1):
        alone = prepare(planned.jobs[place].config, Path.cwd(), os.environ)
        assert together[place] == alone
        assert repr(together[place].config) == repr(alone.config)
        assert forecasts[place] == forecast_job(alone)
    assert len({id(prepared.data) for prepared in together}) == 2
    assert len({id(prepared.settings.limits) for prepared in together}) == 2


def test_jobs_that_differ_in_what_decides_their_cases_are_read_each(tmp_path: Path) -> None:
    """And a job is read anew in the next sweep: a file may be another one by then."""
    first, second = prepare_all(_plan("max_examples=1,2", multirun=True), tmp_path)
    assert (len(first.cases), len(second.cases)) == (1, 2)
    data = tmp_path / "cases.csv"
    found = []
    for order in ("48213", "48214"):
        call = f'get_order_status,"{{""order_id"": ""{order}""}}"'
        data.write_text(f"example_id,user_text,gt_tool_call,gt_tool_call_arg\none,Where is {order}?,{call}\n")
        (job,) = prepare_all(_plan(f"mode.data_csv={data}"), tmp_path)
        found.append(job.cases[0].inputs["user_text"])
    assert found == ["Where is 48213?", "Where is 48214?"]


def test_what_was_prepared_is_handed_on_while_the_block_lasts() -> None:
    """Data is read once per process; another config, folder or time is prepared anew."""
    planned = _plan("max_examples=1")
    config = planned.jobs[0].config
    prepared = prepare_all(planned, Path.cwd())
    with handing_on(prepared, planned, Path.cwd()):
        assert take_or_prepare(config, Path.cwd()) is prepared[0]
        assert take_or_prepare({**config, "seed": 1}, Path.cwd()) is not prepared[0]
        assert take_or_prepare(config, Path.cwd().parent) is not prepared[0]
    assert take_or_prepare(config, Path.cwd()) is not prepared[0]


def test_a_contradiction_of_the_mode_is_told_with_the_others() -> None:
    """What no single key is guilty of, whoever finds it."""
    told = _problems("mode=run", "provider=compatible", "mode.answer_tools=false", "audio.sample_rate_hz=8000")
    assert "provider.base_url: null; provider=compatible needs the URL of an endpoint" in told
    assert "mode.answer_tools: false, but the tools of a simulated call are always answered" in told
    assert "24000 Hz only" in told


def test_a_chat_brain_that_nobody_asks_is_a_mistake() -> None:
    """The models that ship are thought for here, so one of the endpoint's must be named; and its key must be there."""
    chat = ("mode=run", "service.brain=chat", "service.brain_url=http://127.0.0.1:1/v1")
    problems = _problems(*chat)
    assert "service.brain: chat, and nobody asks it: assistant.model=local-agent" in problems
    assert "assistant.model=NAME" in problems
    keyed = (*chat, "service.brain_api_key_env=MY_KEY", "assistant.model=qwen3")
    assert "service.brain_api_key_env: the environment variable MY_KEY is not set" in _problems(*keyed)
    for asks in ("assistant.model=qwen3", "simulator.model=qwen3", "judge.model=qwen3"):
        prepared = _prepare(*chat, asks)
        assert find_unknown_models(prepared.settings, ["assistant", "simulator", "judge"], offered_models()) == []
