"""Questions about a line: Hydra answers, nothing runs, and a wrong line is told as everywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from evalkit.compose.line import parse_line
from evalkit.compose.questions import answer
from evalkit.errors import ConfigError
from evalkit.runner.jobs import packaged_source


def _ask(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    answer(parse_line(args), packaged_source())
    return capsys.readouterr().out


@pytest.mark.parametrize("question", [("-c", "job"), ("--cfg", "job"), ("--cfg=job",), ("-c", "job", "--resolve")])
def test_a_jobs_config_is_shown_as_it_will_run(capsys: pytest.CaptureFixture[str], question: tuple[str, ...]) -> None:
    """File names are filled in, and the keys are those of its mode."""
    config = yaml.safe_load(_ask(capsys, *question, "mode=walk", "chunk_ms=40"))
    assert (config["mode"]["name"], config["chunk_ms"]) == ("walk", 40)
    assert Path(config["mode"]["data_csv"]).is_file()
    assert "speech" not in config


def test_hydras_own_config_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """What is decided when a run begins stays open."""
    assert "${now:" in _ask(capsys, "-c", "hydra")


def test_where_a_config_comes_from_is_told() -> None:
    """The defaults list, each group with its option; Hydra logs it, so it has a process of its own here."""
    line = [sys.executable, "-m", "evalkit", "--info", "defaults", "mode=walk"]
    told = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    assert "mode/walk" in told
    assert "family/voice" in told


def test_nothing_runs_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No directory, whatever is asked."""
    monkeypatch.chdir(tmp_path)
    assert _ask(capsys, "-c", "job", "run_name=asked")
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_line_is_told_before_hydra_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """With the nearest name, and nothing printed."""
    with pytest.raises(ConfigError, match="did you mean 'chunk_ms'"):
        _ask(capsys, "-c", "job", "chunkms=40")
    assert capsys.readouterr().out == ""
