"""A stored run is served again over the socket and gives the same, in every mode; and what cannot be is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import Cli, Finished, read_json

RECORDED = {
    "crawl": ["max_examples=2", "trials=2", "audio.input_format=g711_ulaw", "audio.output_format=g711_ulaw"],
    "walk": ["mode=walk", "max_examples=2"],
    "run": ["mode=run", "max_examples=1"],
}


@pytest.fixture(scope="module")
def recorded(warm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finished]:
    """A run of each mode, made with the embedded provider."""
    cli = Cli(tmp_path_factory.mktemp("recorded"), warm_env)
    return {mode: cli(*line, "report.plots=false") for mode, line in RECORDED.items()}


def _told(run: Path) -> dict[str, Any]:
    """Return all that was said, called, answered and failed, by case-trial."""
    told = {}
    for path in sorted((run / "records").glob("*.json")):
        record = read_json(path)
        names = ("user_text", "steps", "status", "usage")
        told[path.stem] = [[turn[name] for name in names] for turn in record["turns"]], record["failure"]
    return told


def _graded(run: Path) -> dict[Any, Any]:
    grades = [json.loads(line) for line in (run / "grades.jsonl").read_text(encoding="utf-8").splitlines()]
    return {(grade["key"], grade["turn_index"], grade["grader_id"]): grade["grade"] for grade in grades}


@pytest.mark.parametrize("mode", RECORDED)
def test_a_run_is_repeated_without_a_provider(mode: str, recorded: dict[str, Finished], cold_cli: Cli) -> None:
    """The documented line, with an empty cache: the same texts, calls, outputs and grades, no service started."""
    before = recorded[mode]
    assert before.code == 0, before.err
    line = ["rerun", str(before.directory), "provider=replay", f"provider.run={before.directory}"]
    after = cold_cli(*line, "report.plots=false", EVALKIT_CACHE=str(cold_cli.cwd / "empty"))
    assert after.code == 0, after.err
    assert _told(after.directory) == _told(before.directory)
    assert _graded(after.directory) == _graded(before.directory)
    assert any(grade is not None for grade in _graded(after.directory).values())
    if mode == "run":
        scored = cold_cli("score", str(after.directory), EVALKIT_CACHE=str(cold_cli.cwd / "other"))
        assert scored.code == 0, scored.err
        assert _graded(after.directory) == _graded(before.directory)
    record = read_json(next((after.directory / "records").glob("*.json")))
    assert record["settings"]["service"] is None
    assert record["settings"]["assistant"]["provider"] == "replay"
    assert record["settings"]["assistant"]["base_url"] is None


def test_another_request_is_refused_with_what_differs(recorded: dict[str, Finished], cold_cli: Cli) -> None:
    """The run ends, exit 3, and says for which case what was recorded and what was sent."""
    run = recorded["walk"].directory
    done = cold_cli("rerun", str(run), "provider=replay", f"provider.run={run}", "assistant.voice=cedar")
    assert done.code == 3
    message = " ".join(done.err.split())
    assert "by replay_mismatch at session_update" in message
    assert 'session.audio.output.voice was null in the recording and is "cedar" now' in message
    assert {record[1]["error_type"] for record in _told(done.directory).values()} == {"replay_mismatch"}
    assert set(_graded(done.directory).values()) == {None}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ([], "provider.run: null; provider=replay needs the directory of a stored run"),
        (["provider.run=absent"], "absent is not a directory"),
        (["provider.run=."], "holds no config.yaml, journal.jsonl, records, events"),
        (["provider.base_url=http://127.0.0.1:1/v1", "provider.run=."], "at an address of its own"),
    ],
)
def test_no_run_to_replay_starts_nothing(cold_cli: Cli, line: list[str], words: str) -> None:
    """Exit 2, one message, nothing left behind."""
    done = cold_cli("provider=replay", *line)
    assert done.code == 2
    assert words in done.err
    assert not (cold_cli.cwd / "outputs").exists()
