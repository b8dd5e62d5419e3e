"""Crawl and walk as modes: what they read, what decides a record, and every problem of the data at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evalkit.audio.wav import read_wav
from evalkit.compose.planning import plan
from evalkit.errors import ConfigError, DataError
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import Prepared, prepare, read_settings


def _prepare(*overrides: str) -> Prepared:
    return prepare(plan(overrides, packaged_source()).jobs[0].config, Path.cwd(), {})


def test_cases_prompt_and_tools_are_read_with_every_file_by_content() -> None:
    """Provenance has each file that decided something, recordings too."""
    prepared = _prepare("mode=walk", "max_examples=2")
    data: Any = prepared.data
    assert len(data.cases) == 2
    assert data.system_prompt
    assert data.tools
    paths = {entry["path"] for entry in data.datasets}
    settings = prepared.settings
    assert {str(settings.mode.data_csv), str(settings.assistant.tools_file)} <= paths  # type: ignore[attr-defined]
    assert {case.inputs["audio_path"] for case in data.cases} <= paths
    assert all(entry["sha256"] for entry in data.datasets)


def test_recordings_stand_beside_their_cases_in_a_walk_and_nowhere_else() -> None:
    """In their order, measured; a crawl has none, and no table of them."""
    walk, crawl = _prepare("mode=walk", "max_examples=3").data, _prepare("max_examples=3").data
    recordings: Any = walk.recordings  # type: ignore[attr-defined]
    for case, recording in zip(walk.cases, recordings, strict=True):
        audio = read_wav(Path(str(case.inputs["audio_path"])))
        assert recording.path == Path(str(case.inputs["audio_path"]))
        assert recording.levels.duration_ms == pytest.approx(1000 * len(audio.pcm) / audio.sample_rate_hz)
        assert recording.path.name in walk.table
    assert crawl.recordings == ()  # type: ignore[attr-defined]
    assert crawl.table == ""


def test_all_that_is_wrong_with_the_data_is_told_at_once(tmp_path: Path) -> None:
    """Prompt, tools, cases and mocks."""
    gone = {key: tmp_path / key for key in ("prompt.txt", "tools.json", "cases.csv", "mocks.json")}
    line = (
        f"assistant.system_prompt_file={gone['prompt.txt']}",
        f"assistant.tools_file={gone['tools.json']}",
        f"mode.data_csv={gone['cases.csv']}",
        f"tool_mocks.mocks_file={gone['mocks.json']}",
    )
    with pytest.raises(DataError) as caught:
        _prepare(*line)
    assert len(caught.value.problems) == 4
    assert all(any(str(path) in problem for problem in caught.value.problems) for path in gone.values())


def test_an_assistant_must_bring_prompt_and_tools() -> None:
    """No simulation would name them, and the message says what to choose."""
    config = plan(["assistant=simulation"], packaged_source()).jobs[0].config
    with pytest.raises(ConfigError) as caught:
        read_settings(config, Path.cwd())
    assert len(caught.value.problems) == 2
    assert all("choose an assistant, for example assistant=support" in problem for problem in caught.value.problems)


def test_a_recording_that_breaks_the_bounds_stops_a_run_and_can_still_be_shown() -> None:
    """With all of them at once."""
    config = plan(["mode=walk", "max_examples=3", "conformance.max_duration_ms=101"], packaged_source()).jobs[0].config
    mode, settings = read_settings(config, Path.cwd())
    data = mode.read(settings)
    assert len(data.problems) == len(data.cases) == 3
    assert data.table
    with pytest.raises(DataError):
        prepare(config, Path.cwd(), {})


def test_a_record_is_decided_by_the_settings_and_not_by_the_case() -> None:
    """All cases of a run share them; the speech role is among them where somebody speaks."""
    crawl, walk = _prepare("max_examples=2"), _prepare("mode=walk", "max_examples=2")
    assert crawl.fingerprint(crawl.cases[0]) == crawl.fingerprint(crawl.cases[1])
    assert "speech" in crawl.fingerprint(crawl.cases[0])
    assert "speech" not in walk.fingerprint(walk.cases[0])


def test_mocks_decide_a_record_where_tools_are_answered(tmp_path: Path) -> None:
    """By content; where calls end the turn, they decide nothing."""
    found = []
    for content in ('[{"name": "get_order_status", "output": 1}]', '[{"name": "get_order_status", "output": 2}]'):
        (tmp_path / "mocks.json").write_text(content)
        for answers in ("true", "false"):
            line = (f"mode.answer_tools={answers}", f"tool_mocks.mocks_file={tmp_path / 'mocks.json'}")
            prepared = _prepare("max_examples=1", *line)
            found.append(prepared.fingerprint(prepared.cases[0]))
    assert found[0] != found[2]
    assert found[1] == found[3]


def test_a_job_is_described_with_the_calls_its_cases_expect() -> None:
    """And with how many expect none."""
    prepared = _prepare("max_examples=4")
    expected = [call.name for case in prepared.cases for call in case.expected_calls]
    told = prepared.mode.describe(prepared.settings, prepared.data)
    for name in set(expected):
        assert f"{name} {expected.count(name)}" in told
    assert told.endswith(f"no call: {sum(case.expects_no_call for case in prepared.cases)}")
