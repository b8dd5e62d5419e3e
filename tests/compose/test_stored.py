"""A stored run's config as a source of lines: its values hold, what the line names replaces them, files stay found."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from evalkit.compose.line import parse_line
from evalkit.compose.planning import plan
from evalkit.compose.stored import stored_source
from evalkit.errors import ConfigError
from evalkit.runner.jobs import Plan, packaged_source
from evalkit.runner.prepare import read_settings
from evalkit.settings.resources import resource_dir
from evalkit.settings.schemas import run_keys
from evalkit.settings.validation import find_problems

ARCHIVES = Path(__file__).parents[1] / "data" / "stored_runs"
Store = Callable[..., Path]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Store what Hydra stores of a run that was made in ``tmp_path/there`` with these overrides."""

    def stored(*overrides: str, **choices: str) -> Path:
        there = tmp_path / "there"
        run = there / "run"
        (run / ".hydra").mkdir(parents=True)
        _write(run / ".hydra" / "config.yaml", plan(overrides, packaged_source()).jobs[0].config)
        runtime = {"cwd": str(there), "choices": {"mode": "crawl", "assistant": "support", **choices}}
        _write(run / ".hydra" / "hydra.yaml", {"hydra": {"runtime": runtime}})
        return run

    return stored


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(yaml.safe_dump(dict(document)), encoding="utf-8")


def _plan(run: Path, *args: str) -> Plan:
    line = parse_line(args)
    with stored_source(run, line) as source:
        return plan(line.overrides, source, multirun=line.multirun)


def _rerun(run: Path, *args: str) -> Mapping[str, Any]:
    (job,) = _plan(run, *args).jobs
    return job.config


def test_what_was_stored_holds_and_the_line_lies_over_it(store: Store) -> None:
    """Key by key; whatever is not named is what it was."""
    run = store("chunk_ms=40", "seed=7", "channel=telephone", "limits.grace_s=3", "output_dir=/somewhere")
    before = yaml.safe_load((run / ".hydra" / "config.yaml").read_text())
    before["voice"]["output_csv"] = str(run.parent / before["voice"]["output_csv"])
    assert _rerun(run) == before
    assert _rerun(run, "seed=8") == {**before, "seed": 8}


def test_a_group_on_the_line_replaces_its_node_and_no_other(store: Store) -> None:
    """A channel, an assistant, and one role's provider."""
    run = store("chunk_ms=40", "channel=telephone", "judge.votes=3")
    config = _rerun(run, "channel=noisy", "assistant=clinic", "provider@judge.provider=openai")
    assert config["channel"]["name"] == "noisy"
    assert "clinic" in config["assistant"]["system_prompt_file"]
    assert (config["judge"]["provider"]["name"], config["judge"]["votes"], config["chunk_ms"]) == ("openai", 3, 40)
    assert config["provider"]["name"] == "local"


def test_a_preset_that_overrides_a_group_brings_all_of_it(store: Store) -> None:
    """``experiment=clinic`` is another assistant and other cases; the rest of the stored run stays."""
    config = _rerun(store("chunk_ms=40", "assistant.voice=cedar"), "experiment=clinic")
    shipped = plan(["experiment=clinic"], packaged_source()).jobs[0].config
    assert config["assistant"] == shipped["assistant"]
    assert config["mode"]["data_csv"] == shipped["mode"]["data_csv"]
    assert config["chunk_ms"] == 40


def test_a_preset_of_ones_own_overrides_a_group(store: Store, tmp_path: Path) -> None:
    """Found in ``--config-dir``; its plain values win over the stored ones too."""
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    preset = "# @package _global_\ndefaults:\n  - override /channel: lossy\nseed: 5\n"
    (tmp_path / "mine" / "experiment" / "bad_line.yaml").write_text(preset)
    run = store("channel=telephone", "seed=7", "chunk_ms=40")
    config = _rerun(run, "--config-dir", str(tmp_path / "mine"), "experiment=bad_line")
    assert (config["channel"]["name"], config["seed"], config["chunk_ms"]) == ("lossy", 5, 40)


@pytest.mark.parametrize(
    ("key", "file"),
    [
        ("mode.data_csv", "mine/cases.csv"),
        ("service.faults", "plan.json"),
        ("judge.calibration_file", "labels.jsonl"),
        ("voice.output_csv", "out/recordings.csv"),
        ("limits.prices_file", "prices.json"),
        ("output_dir", "out"),
    ],
)
def test_files_are_where_they_were_whoever_asks(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, file: str
) -> None:
    """A relative path counts from the folder of the first run, not from that of the second."""
    run = store(f"{key}={file}")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    node: Any = _rerun(run)
    for name in key.split("."):
        node = node[name]
    assert node == str(tmp_path / "there" / file)


def test_a_plan_of_faults_in_a_file_is_read_from_where_it_was(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rerun from another folder has the faults of the run it repeats; a plan on the line is no file."""
    run = store("service.faults=plan.json")
    (run.parent / "plan.json").write_text(json.dumps([{"fault": "stall", "at": "committed"}]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert read_settings(_rerun(run), Path.cwd())[1].service.faults == "stall@committed"
    config = _rerun(run, "service.faults=close@mid_response")
    assert read_settings(config, Path.cwd())[1].service.faults == "close@mid_response"


def test_a_stored_run_to_replay_is_where_it_was(store: Store, tmp_path: Path) -> None:
    """Also inside one role's own provider."""
    run = store("provider@judge.provider=replay", "judge.provider.run=out/earlier")
    assert _rerun(run)["judge"]["provider"]["run"] == str(tmp_path / "there" / "out" / "earlier")


def test_another_mode_has_its_own_data_and_the_assistant_that_was_chosen(store: Store) -> None:
    """What both modes have stays; what only the first has is gone."""
    run = store("assistant=clinic", "chunk_ms=40", "seed=7", "speech.voice=cedar", assistant="clinic")
    config = _rerun(run, "mode=walk")
    assert find_problems(config) == []
    assert config["mode"]["data_csv"] == str(resource_dir("data") / "walk" / "support.csv")
    assert "clinic" in config["assistant"]["system_prompt_file"]
    assert (config["audio"]["input_format"], config["seed"]) == ("g711_ulaw", 7)
    assert "speech" not in config


def test_the_first_modes_default_assistant_is_no_choice(store: Store) -> None:
    """Simulations bring prompt and tools of their own, as they would have without the stored run."""
    config = _rerun(store("assistant.voice=cedar"), "mode=run")
    assert (config["assistant"]["system_prompt_file"], config["assistant"]["tools_file"]) == (None, None)
    assert config["assistant"]["voice"] == "cedar"


def test_a_sweep_over_modes_has_in_each_what_that_mode_has(store: Store) -> None:
    """Each job is a valid config."""
    jobs = _plan(store("seed=7"), "-m", "mode=crawl,walk").jobs
    assert [job.config["mode"]["name"] for job in jobs] == ["crawl", "walk"]
    assert [find_problems(job.config) for job in jobs] == [[], []]
    assert [job.config["seed"] for job in jobs] == [7, 7]


@pytest.mark.parametrize("mode", ["crawl", "walk", "run"])
def test_a_run_of_the_version_before_has_the_keys_its_mode_has_today(mode: str, tmp_path: Path) -> None:
    """What its mode does not ask for any more is gone, what came since has its shipped value, the rest is as it was."""
    with tarfile.open(ARCHIVES / f"{mode}_before.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    run = tmp_path / f"{mode}_before"
    config = _rerun(run)
    assert find_problems(config) == []
    assert set(config) == {path.split(".")[0] for path in run_keys(mode)}
    stored = yaml.safe_load((run / ".hydra" / "config.yaml").read_text())
    assert config["run_name"] == stored["run_name"]
    assert config["max_examples"] == stored["max_examples"]
    assert config["assistant"]["model"] == stored["assistant"]["model"]


def test_what_is_not_a_run_is_told(store: Store, tmp_path: Path) -> None:
    """A folder without a config, one that is broken, and a mode that nobody has."""
    with pytest.raises(ConfigError, match=r"holds no \.hydra/config\.yaml; expected a directory that a run wrote"):
        _rerun(tmp_path)
    run = store()
    path = run / ".hydra" / "config.yaml"
    config = yaml.safe_load(path.read_text())
    _write(path, {**config, "mode": {**config["mode"], "name": "quiz_of_nobody"}})
    with pytest.raises(ConfigError, match="mode 'quiz_of_nobody' is not installed; installed modes: "):
        _rerun(run)
    for text, words in (("a: [", "is not YAML"), ("- a", "holds no keys"), ("seed: 1", "has no mode.name")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=words):
            _rerun(run)
