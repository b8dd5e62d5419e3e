"""Stored runs as providers: whose models they name, what they are known by, and what is none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from evalkit.compose.planning import plan
from evalkit.errors import ConfigError
from evalkit.peers.endpoints import endpoint_of
from evalkit.peers.replayed import recorded_identity, with_recorded_models
from evalkit.peers.served import served
from evalkit.records.case import Case
from evalkit.records.record import CaseRecord
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import prepare, read_settings
from evalkit.settings.resolution import resolve
from evalkit.store.run_directory import RunDirectory

Store = Callable[..., Path]


def _compose(*overrides: str) -> dict[str, Any]:
    return dict(plan(overrides, packaged_source()).jobs[0].config)


def _record(case_id: str) -> CaseRecord:
    case = Case(case_id, "crawl", {"user_text": "Hi."})
    return CaseRecord(
        case=case, trial=1, seed=1, reuse_key="r", settings={}, turns=(), failure=None, attempts=(), cost_usd={},
        served_model="", started_at="", duration_ms=1.0,
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Store a finished run of one case, made with these overrides."""

    def stored(*overrides: str, name: str = "run", case_id: str = "c1") -> Path:
        run = RunDirectory(tmp_path / name)
        run.root.mkdir()
        (run.root / "events").mkdir()
        run.write_config(resolve(_compose(*overrides), tmp_path))
        run.store_record(_record(case_id))
        return run.root

    return stored


def test_a_local_runs_models_are_named(store: Store) -> None:
    """No simulation file had a say in them, and none has now."""
    run = store("assistant.model=local-no-tool", "judge.model=local-judge")
    config = with_recorded_models(_compose("provider=replay", f"provider.run={run}"), Path.cwd())
    assert config["assistant"]["model"] == "local-no-tool"
    assert config["provider"]["models"]["transcription"] == "local-transcription"


def test_a_hosted_runs_models_are_its_defaults(store: Store) -> None:
    """A simulation's own model was granted there, and is granted again."""
    run = store("provider=openai", "mode=run")
    config = with_recorded_models(_compose("provider=replay", f"provider.run={run}", "mode=run"), Path.cwd())
    assert config["assistant"]["model"] is None
    assert config["provider"]["models"]["assistant"] == "gpt-realtime"
    assert read_settings(config, Path.cwd())[1].real_time is False


def test_a_role_of_another_provider_keeps_its_model(store: Store) -> None:
    """A judge that was elsewhere is replayed under its own name; a role that is live now is none of ours."""
    run = store("mode=run", "provider@judge.provider=openai", "simulator.kind=text")
    moved = ["provider@speech.provider=local", "simulator.kind=text"]
    config = with_recorded_models(_compose("mode=run", "provider=replay", f"provider.run={run}", *moved), Path.cwd())
    assert config["provider"]["models"]["judge"] == "gpt-4.1-mini"
    assert config["provider"]["models"]["simulator_text"] == "local-caller"
    assert config["speech"]["provider"]["name"] == "local"


def test_a_run_is_known_by_its_records(store: Store, tmp_path: Path) -> None:
    """A copy is the same run for caches and records, another run is another; no address and no path is stored."""
    run, other = store(), store(name="other", case_id="c2")
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    assert recorded_identity(run) == recorded_identity(copy) != recorded_identity(other)
    prepared = prepare(_compose("provider=replay", f"provider.run={run}"), Path.cwd(), {})
    fingerprint = json.dumps(prepared.fingerprint(prepared.cases[0]))
    assert str(tmp_path) not in fingerprint
    assert recorded_identity(run) in fingerprint
    assert endpoint_of(prepared.settings.provider, None).cache_identity == f"replay:{recorded_identity(run)}"


def test_every_role_gets_the_address(store: Store) -> None:
    """One server per stored run, for as long as the block lasts."""
    run = store()
    settings = prepare(_compose("provider=replay", f"provider.run={run}"), Path.cwd(), {}).settings
    with served(settings) as addressed:
        urls = {addressed.provider.base_url, addressed.assistant.provider.base_url, addressed.judge.provider.base_url}
        (url,) = urls
        assert url is not None
        assert url.startswith("http://127.0.0.1:")
    with served(prepare(_compose(), Path.cwd(), {}).settings) as untouched:
        assert untouched.provider.base_url is None


def test_a_run_without_a_finished_case_is_none(store: Store) -> None:
    """There is nothing to replay."""
    run = store()
    (run / "journal.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="has no finished case"):
        with_recorded_models(_compose("provider=replay", f"provider.run={run}"), Path.cwd())
    assert yaml.safe_load((run / "config.yaml").read_text())["provider"]["name"] == "local"
