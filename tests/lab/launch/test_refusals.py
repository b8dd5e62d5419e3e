"""What no launch may name, whatever it is written like."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evalkit.lab.launch.refusals import find_refused, find_refused_config, find_refused_source
from evalkit.lab.settings import LabSettings

ALLOWED = [
    "max_examples=2",
    "mode=walk",
    "provider=openai",
    "provider@judge.provider=openai",
    "mode.data_csv=cases.csv",
    "mode.data_csv='sub folder/cases.csv'",
    "mode.data_csv=${data:crawl/clinic.csv}",
    "mode.data_csv=one.csv,two.csv",
    "service.faults=flaky",
    "service.faults=null",
    "run_name=/etc/passwd is only a name",
    "run_name='{braces}'",
    "service.tasks_dir=${mode.tasks_dir}",
    "hydra/launcher=joblib",
    "mode.sandbox=bubblewrap",
    "mode.graders=[tool_call,wer]",
    "+agent.environment.DEMO_VARIANT=forgets",
    "limits.max_cost_usd=1.5",
]
REFUSED = [
    ("mode.data_csv=/etc/passwd", "lies outside"),
    ("+mode.data_csv=/etc/passwd", "lies outside"),
    ("++mode.data_csv=../../etc/passwd", "lies outside"),
    ("mode.data_csv='/etc/passwd'", "lies outside"),
    ("mode.data_csv=cases.csv,/etc/passwd", "lies outside"),
    ("mode.data_csv=choice(cases.csv,/etc/passwd)", "lies outside"),
    ("mode.data_csv=~/cases.csv", "lies outside"),
    ("mode.data_csv=\\/etc/passwd", "lies outside"),
    ("mode.data_csv=${data:../../../../etc/passwd}", "lies outside"),
    ("judge.provider.run=/etc", "lies outside"),
    ("output_dir=/var/www", "lies outside"),
    ("service.faults=/etc/plan.json", "lies outside"),
    ("run_name=${oc.env:OPENAI_API_KEY}", "filled in from elsewhere"),
    ("run_name=${data:x}${oc.env:OPENAI_API_KEY}", "filled in from elsewhere"),
    ("limits={prices_file:/etc/passwd}", "several keys at once"),
    ("agent.argv=[sh,-c,id]", "names a program"),
    ("agent.acp_argv=[sh]", "names a program"),
    ("agent.read_only=[/home]", "names a program"),
    ("mode.sandbox=none", "without walls"),
    ("mode.sandbox=auto,none", "without walls"),
    ("mode.allow_unattended=True", "without walls"),
    ("hydra.launcher._target_=os.system", "how jobs are started"),
    ("hydra/launcher=submitit_slurm", "how jobs are started"),
    ("hydra.searchpath=[file:///tmp]", "how jobs are started"),
]
NEVER = ["--config-dir=/tmp", "-m", "rerun", "a b=1", "key=line\nbreak", "key=\x00", "key=\ud800", "~mode"]


@pytest.mark.parametrize("word", ALLOWED)
def test_what_may_be_launched(word: str, lab_settings: LabSettings) -> None:
    """Names, shipped data, and files in the working directory."""
    assert find_refused([word], lab_settings) == []


@pytest.mark.parametrize(("word", "told"), REFUSED)
def test_what_may_not(word: str, told: str, lab_settings: LabSettings) -> None:
    """Each says what lifts it, and is lifted by that."""
    (message,) = find_refused([word], lab_settings)
    assert told in message
    assert "--allow-paths" in message
    assert find_refused([word], replace(lab_settings, allow_paths=True)) == []


@pytest.mark.parametrize("word", NEVER)
def test_what_is_no_override(word: str, lab_settings: LabSettings) -> None:
    """Flags and commands are not taken, whatever the lab was started with."""
    assert len(find_refused([word], replace(lab_settings, allow_paths=True))) == 1


def test_a_line_has_an_end(lab_settings: LabSettings) -> None:
    """Neither thousands of words nor a huge one."""
    assert len(find_refused(["seed=1"] * 301, lab_settings)) == 1
    assert len(find_refused([f"run_name={'x' * 9000}"], lab_settings)) == 1


def _config(**changes: object) -> dict[str, object]:
    provider = {"name": "openai", "base_url": "https://api.openai.com/v1", "api_key_env": "OPENAI_API_KEY"}
    return {"mode": {"name": "crawl", "data_csv": "cases.csv"}, "provider": provider, **changes}


def test_what_is_composed_is_looked_at_too(lab_settings: LabSettings) -> None:
    """A preset, or a run that was copied in, sets keys that nobody typed."""
    assert find_refused_config(_config(), lab_settings) == []
    (outside,) = find_refused_config(_config(mode={"name": "crawl", "data_csv": "/etc/passwd"}), lab_settings)
    assert outside.startswith("mode.data_csv: '/etc/passwd' lies outside")
    (unguarded,) = find_refused_config(_config(mode={"name": "terminal", "sandbox": "none"}), lab_settings)
    assert "without walls" in unguarded
    (program,) = find_refused_config(_config(agent={"argv": ["sh"]}), lab_settings)
    assert program.startswith("agent.argv: ['sh'] names a program")
    everything = _config(mode={"name": "terminal", "sandbox": "none"}, agent={"argv": ["sh"]})
    assert find_refused_config(everything, replace(lab_settings, allow_paths=True)) == []


@pytest.mark.parametrize("url", ["https://evil.test/v1", "http://127.0.0.1:9/v1"])
def test_no_key_is_sent_where_no_option_sends_it(url: str, lab_settings: LabSettings) -> None:
    """The address or the variable changed, for the run or for one role; without a key any address will do."""
    stranger = {"name": "compatible", "base_url": url, "api_key_env": "OPENAI_API_KEY"}
    (told,) = find_refused_config(_config(judge={"provider": stranger}), lab_settings)
    assert told.startswith(f"judge.provider.base_url: {url!r} would be sent the key in OPENAI_API_KEY")
    other = {"name": "openai", "base_url": "https://api.openai.com/v1", "api_key_env": "AWS_SECRET_ACCESS_KEY"}
    assert len(find_refused_config(_config(provider=other), lab_settings)) == 1
    assert find_refused_config(_config(provider={**stranger, "api_key_env": None}), lab_settings) == []
    brain = {"brain_url": url, "brain_api_key_env": "OPENAI_API_KEY"}
    (told,) = find_refused_config(_config(service=brain), lab_settings)
    assert told.startswith(f"service.brain_url: {url!r} would be sent the key in OPENAI_API_KEY")
    assert find_refused_config(_config(service={**brain, "brain_api_key_env": None}), lab_settings) == []


def test_a_run_that_was_copied_in(tmp_path: Path, lab_settings: LabSettings) -> None:
    """Its stored config is not composed where it would read the environment."""
    stored = tmp_path / "run" / ".hydra" / "config.yaml"
    stored.parent.mkdir(parents=True)
    stored.write_text("mode: {name: crawl, data_csv: '${data:crawl/support.csv}', tasks_dir: '${mode.data_csv}'}\n")
    assert find_refused_source(tmp_path / "run", lab_settings) == []
    stored.write_text("run_name: ${oc.env:OPENAI_API_KEY}\n")
    (told,) = find_refused_source(tmp_path / "run", lab_settings)
    assert "filled in from elsewhere ('${oc.env:OPENAI_API_KEY}" in told
    assert find_refused_source(tmp_path / "run", replace(lab_settings, allow_paths=True)) == []
    stored.write_text("- 1")
    assert "holds no keys" in find_refused_source(tmp_path / "run", lab_settings)[0]
    assert "cannot be read" in find_refused_source(tmp_path / "gone", lab_settings)[0]


def test_a_sweep_that_was_copied_in(tmp_path: Path, lab_settings: LabSettings) -> None:
    """Its plan names where it was composed from; other options than ours could start anything."""
    from evalkit.settings.resources import resource_dir

    source = {"config_dir": str(resource_dir("conf")), "config_name": "config", "search_dirs": []}
    plan = {"source": source, "overrides": ["max_examples=1,2"], "jobs": [{"config": _config()}]}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    assert find_refused_source(tmp_path, lab_settings) == []
    (tmp_path / "plan.json").write_text(json.dumps({**plan, "source": {**source, "config_dir": "/tmp/evil"}}))
    assert "composed from other options" in find_refused_source(tmp_path, lab_settings)[0]
    (tmp_path / "plan.json").write_text(json.dumps({**plan, "overrides": ["agent.argv=[sh]"]}))
    assert "names a program" in find_refused_source(tmp_path, lab_settings)[0]
    (tmp_path / "plan.json").write_text("[]")
    assert "cannot be read" in find_refused_source(tmp_path, lab_settings)[0]
