"""A folder made by ``evalkit new`` is accepted and runs at once."""

from __future__ import annotations

import pytest
from harness import Cli


@pytest.mark.parametrize("mode", ["crawl", "walk", "run"])
def test_a_new_folder_checks_and_runs_at_once(cli: Cli, mode: str) -> None:
    """With the lines its own README gives, in the folder itself."""
    made = cli("new", "my-agent", f"mode={mode}")
    assert made.code == 0, made.err
    inside = Cli(cli.cwd / "my-agent", cli.env)
    line = ["--config-dir", "conf", "experiment=my-agent"]
    assert " ".join(line) in (inside.cwd / "README.md").read_text()
    checked = inside("check", *line)
    assert checked.code == 0, checked.err
    done = inside(*line, "max_examples=2", "report.plots=false")
    assert done.code == 0, done.err
    assert done.summary["mode"] == mode
    assert done.summary["run_name"] == "my-agent"
    assert done.directory.is_relative_to(inside.cwd)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["new"], "takes a name"),
        (["new", "a/b"], "is not a name"),
        (["new", "x", "mode=crawll"], "did you mean 'crawl'?"),
        (["new", "x", "chunk_ms=3"], "takes a name and a mode"),
    ],
)
def test_a_wrong_line_makes_nothing(cold_cli: Cli, args: list[str], expected: str) -> None:
    """One clear message, exit 2."""
    done = cold_cli(*args)
    assert done.code == 2
    assert expected in done.err
    assert list(cold_cli.cwd.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(cold_cli: Cli) -> None:
    """Nobody's work is overwritten."""
    (cold_cli.cwd / "mine").mkdir()
    done = cold_cli("new", "mine", "mode=crawl")
    assert done.code == 2
    assert "is there already" in done.err
    assert list((cold_cli.cwd / "mine").iterdir()) == []
