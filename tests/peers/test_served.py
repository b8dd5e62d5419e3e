"""Local code models as a provider: known by name, missed before a run starts, served while it lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalkit.compose.planning import plan
from evalkit.peers import served as served_module
from evalkit.peers.served import find_coder_problems, served
from evalkit.runner.jobs import packaged_source
from evalkit.settings.resolution import resolve
from evalkit.settings.types import LOCAL_CODER, RunSettings


def _settings(tmp_path: Path, *overrides: str) -> RunSettings:
    composed = dict(plan(("mode=crawl", *overrides), packaged_source()).jobs[0].config)
    return RunSettings.from_config(resolve(composed, tmp_path))


def _judged_by(settings: RunSettings, model: str) -> RunSettings:
    provider = replace(settings.judge.provider, name=LOCAL_CODER)
    return replace(settings, judge=replace(settings.judge, provider=provider, model=model))


def test_a_model_is_served_while_the_block_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the role that asks for it gets the address, and one child serves all who ask for one model."""
    started: list[Any] = []

    @contextmanager
    def serve(what: Any) -> Iterator[str]:
        started.append(what)
        yield "http://127.0.0.1:5/v1"

    monkeypatch.setattr(served_module, "_serve", serve)
    settings = _judged_by(_settings(tmp_path), "qwen2.5-coder-0.5b")
    with served(settings) as addressed:
        assert addressed.judge.provider.base_url == "http://127.0.0.1:5/v1"
        assert addressed.provider.base_url is None
    assert started == ["qwen2.5-coder-0.5b"]


def test_nothing_starts_where_nobody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run on the embedded provider starts no child of its own."""
    monkeypatch.setattr(served_module, "_serve", lambda what: pytest.fail(f"started {what}"))
    settings = _settings(tmp_path)
    with served(settings) as addressed:
        assert addressed.provider == settings.provider


def test_an_unknown_model_is_named_with_the_nearest(tmp_path: Path) -> None:
    """The message says what there is."""
    [problem, *_] = find_coder_problems(_judged_by(_settings(tmp_path), "qwen2.5-coder-05b"))
    assert "'qwen2.5-coder-05b' is not a model of local_coder" in problem
    assert "did you mean" in problem
    assert "qwen2.5-coder-1.5b" in problem


def test_a_missing_runtime_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message can be copied into a shell."""
    monkeypatch.setattr(served_module.importlib.util, "find_spec", lambda _: None)
    assert find_coder_problems(_judged_by(_settings(tmp_path), "qwen2.5-coder-0.5b")) == [
        "provider=local_coder needs xllamacpp; install it with: pip install '.[local-coder]'"
    ]
    assert find_coder_problems(_settings(tmp_path)) == []
