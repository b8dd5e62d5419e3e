"""Nulls become the defaults they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evalkit.compose.planning import plan
from evalkit.runner.jobs import packaged_source
from evalkit.settings.resolution import find_missing_models, resolve
from evalkit.settings.types import RunSettings


def _resolve(*overrides: str, working_dir: Path = Path("/somewhere")) -> dict[str, Any]:
    return resolve(plan(overrides, packaged_source()).jobs[0].config, working_dir)


def test_a_role_gets_the_root_provider_and_its_default_model() -> None:
    """provider=openai alone is a complete choice."""
    resolved = _resolve("provider=openai")
    assert resolved["assistant"]["model"] == resolved["provider"]["models"]["assistant"] != "local-agent"
    assert resolved["judge"]["provider"]["name"] == "openai"


def test_one_role_can_be_moved_to_another_provider() -> None:
    """provider@judge.provider=openai moves the judge and nobody else."""
    resolved = _resolve("provider@judge.provider=openai")
    assert resolved["judge"]["provider"]["name"] == "openai"
    assert resolved["assistant"]["provider"]["name"] == "local"


def test_typed_paths_count_from_the_working_directory_and_shipped_ones_do_not() -> None:
    """A path on the command line is the user's, ${data:} is the package's."""
    resolved = _resolve("mode.data_csv=my/cases.csv")
    assert resolved["mode"]["data_csv"] == "/somewhere/my/cases.csv"
    assert Path(resolved["assistant"]["tools_file"]).is_file()


def test_every_path_of_the_user_counts_from_the_working_directory() -> None:
    """Also one that few runs have; and a plan of faults only where it is a file."""
    resolved = _resolve("service.faults=plan.json", "judge.calibration_file=c.jsonl", "voice.output_csv=out/r.csv")
    assert resolved["service"]["faults"] == "/somewhere/plan.json"
    assert resolved["judge"]["calibration_file"] == "/somewhere/c.jsonl"
    assert resolved["voice"]["output_csv"] == "/somewhere/out/r.csv"
    assert _resolve("service.faults=stall@committed")["service"]["faults"] == "stall@committed"


def test_an_address_on_object_storage_is_no_path() -> None:
    """It stays as it was written."""
    assert _resolve("output_dir=s3://bucket/mine")["output_dir"] == "s3://bucket/mine"


def test_a_provider_without_a_default_asks_for_a_model() -> None:
    """Azure has deployments, not models: one must be named."""
    resolved = _resolve("provider=azure", "provider.base_url=https://x.example/openai/v1")
    assert "assistant.model=MODEL" in find_missing_models(resolved, ("assistant",))[0]


def test_settings_are_built_from_a_resolved_config() -> None:
    """Frozen types, paths as paths, numbers as floats where the unit is a duration."""
    settings = RunSettings.from_config(_resolve("limits.case_timeout_s=5"))
    assert settings.limits.case_timeout_s == 5.0
    assert isinstance(settings.judge.calibration_file, Path)
    assert settings.output_dir == "/somewhere/outputs"
    assert settings.uses_embedded_provider
