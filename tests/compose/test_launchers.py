"""A launcher that cannot run here says so before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from slurm_programs import SlurmPrograms

from evalkit.compose import launchers
from evalkit.compose.launchers import LAUNCHERS, find_launcher_problems
from evalkit.compose.planning import plan
from evalkit.errors import ConfigError
from evalkit.runner.jobs import packaged_source
from evalkit.settings.resources import resource_dir


def _settings(name: str) -> dict[str, object]:
    text = (resource_dir("conf") / "hydra" / "launcher" / f"{name}.yaml").read_text(encoding="utf-8")
    settings: dict[str, object] = yaml.safe_load(text)
    return settings


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_launcher_that_is_not_installed_names_its_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the words to type."""
    monkeypatch.setattr(launchers.importlib.util, "find_spec", lambda _: None)
    (problem,) = find_launcher_problems(name, _settings(name))
    assert f"hydra/launcher={name}" in problem
    assert f"pip install '.[{LAUNCHERS[name].extra}]'" in problem


def test_every_extra_is_one_of_the_package() -> None:
    """What a message says to install can be installed."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert all(f"\n{kind.extra} = [" in text and f'"{kind.distribution}>=' in text for kind in LAUNCHERS.values())


@pytest.mark.parametrize("value", ["many", 0, True, 1.5])
def test_a_setting_that_is_no_number_of_jobs_is_answered(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the launcher itself would end in a traceback."""
    monkeypatch.setattr(launchers.importlib.util, "find_spec", lambda _: object())
    problems = find_launcher_problems("joblib", {**_settings("joblib"), "n_jobs": value})
    assert problems == [f"hydra.launcher.n_jobs: {value!r} is not allowed; expected integer >= 1"]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("signal_delay_s", -1, "integer >= 0"),
        ("max_num_timeout", "often", "integer >= 0"),
        ("queue_silent_min", 0, "number > 0"),
        ("lost_after_s", "long", "number > 0"),
        ("partition", ["cpu"], "text or null"),
        ("gres", {"gpu": 1}, "text or null"),
        ("setup", "module load python", "a list of texts"),
        ("environment", [1], "a list of texts"),
        ("stderr_to_stdout", "yes", "true or false"),
        ("additional_parameters", "nice", "names with their values: {mail-type: END}"),
        ("tasks_per_node", 2, "1: a job is one process"),
        ("nodes", 2, "1: a job is one process"),
        ("signal_delay_s", 14400, "less than timeout_min, which is 14400 s: a job would be told to end as it begins"),
    ],
)
def test_what_slurm_would_stumble_over_is_answered(
    key: str, value: object, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence for each, before Slurm is asked at all."""
    monkeypatch.setattr(launchers.importlib.util, "find_spec", lambda _: object())
    monkeypatch.setattr(launchers.shutil, "which", lambda _: "/usr/bin/sbatch")
    problems = find_launcher_problems("submitit_slurm", {**_settings("submitit_slurm"), key: value})
    assert problems == [f"hydra.launcher.{key}: {value!r} is not allowed; expected {expected}"]


def test_what_slurm_refuses_is_answered_in_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked once everything else is right; a partition may have a number for a name, and a limit may be none."""
    monkeypatch.setattr(launchers.importlib.util, "find_spec", lambda _: object())
    programs = SlurmPrograms(tmp_path, monkeypatch)
    programs.answer("sbatch", failure="sbatch: error: invalid partition specified: 2080")
    settings = {**_settings("submitit_slurm"), "partition": 2080, "timeout_min": None}
    refused = "hydra/launcher=submitit_slurm: Slurm would not take a job: invalid partition specified: 2080"
    assert find_launcher_problems("submitit_slurm", settings) == [f"{refused}; see hydra.launcher.*"]
    programs.answer("sbatch")
    assert find_launcher_problems("submitit_slurm", settings) == []


def test_what_costs_money_is_never_tried_again_by_a_launcher() -> None:
    """Ray by itself runs a task that died three times more, Slurm one that ran out of time."""
    assert _settings("ray")["ray"]["remote"]["max_retries"] == 0  # type: ignore[index]
    assert _settings("submitit_slurm")["max_num_timeout"] == 0


def test_our_settings_hold_where_a_plugin_has_some_of_the_same_name() -> None:
    """hydra/launcher=joblib is four jobs at once, not one for each processor; and Hydra warns of nothing."""
    pytest.importorskip("joblib")
    line = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=0", "seed=1,2"]
    with pytest.raises(ConfigError, match="n_jobs: 0"):
        plan(line, packaged_source(), multirun=True)
    planned = plan(["hydra/launcher=joblib", "seed=1,2"], packaged_source(), multirun=True)
    assert planned.launcher == "joblib"


@pytest.mark.parametrize("multirun", [True, False])
def test_a_launcher_that_nobody_knows_is_answered(*, multirun: bool) -> None:
    """In one line: the nearest name, all there are, and what installs them."""
    with pytest.raises(ConfigError) as caught:
        plan(["hydra/launcher=joblibb"], packaged_source(), multirun=multirun)
    (problem,) = caught.value.problems
    assert problem.startswith("hydra/launcher: 'joblibb' is not a launcher; did you mean 'joblib'?; launchers: basic, ")
    assert all(f"{name} (pip install '.[{kind.extra}]')" in problem for name, kind in LAUNCHERS.items())


def test_a_launcher_of_ones_own_is_known(tmp_path: Path) -> None:
    """An option that --config-dir adds is no typo."""
    (tmp_path / "hydra" / "launcher").mkdir(parents=True)
    settings = "_target_: hydra._internal.core_plugins.basic_launcher.BasicLauncher\n"
    (tmp_path / "hydra" / "launcher" / "mine.yaml").write_text(settings, encoding="utf-8")
    planned = plan(["hydra/launcher=mine", "seed=1,2"], packaged_source([str(tmp_path)]), multirun=True)
    assert planned.launcher == "mine"
