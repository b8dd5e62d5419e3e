"""Crawl and walk as modes: what they read, what decides a record, and every problem of the data at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.audio.g711 import Pcm
from evalkit.audio.wav import read_wav, write_wav
from evalkit.compose.planning import plan
from evalkit.errors import ConfigError, DataError
from evalkit.modes.voice.recordings import warn_of_pauses
from evalkit.modes.voice.settings import TurnDetectionSettings
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import Prepared, prepare, read_settings
from evalkit.service.turns.detection import TurnDetection, completed
from evalkit.service.turns.silero import SileroNetwork
from evalkit.service.turns.turn_detector import TurnDetector, TurnEnds


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


ULAW = AudioFormat.G711_ULAW


def _detection(silence_duration_ms: int | None, kind: str = "server_vad") -> TurnDetectionSettings:
    return TurnDetectionSettings(kind, None, None, silence_duration_ms, None, None)


def _count_turns(network: SileroNetwork, wire: bytes, silence_duration_ms: int) -> int:
    """Return of how many turns the embedded provider takes a recording to be made."""
    wanted = {"type": "server_vad", "silence_duration_ms": silence_duration_ms}
    detector = TurnDetector(TurnDetection.from_wire(completed(wanted)), ULAW, 0)
    silence = bytes([ULAW.silence_byte]) * 8
    detector.append(silence * 400 + wire + silence * 2000)
    turns = 0
    while (due := detector.due()) is not None:
        detector.judged(network.judge([(detector.stream, due)])[0])
        while (event := detector.next()) is not None:
            turns += isinstance(event, TurnEnds)
    return turns


@pytest.mark.parametrize("silence_duration_ms", [500, 800, 1000])
def test_recordings_that_will_be_cut_are_those_that_are(silence_duration_ms: int) -> None:
    """By level alone, and the embedded provider's network agrees: on every fourth of those that ship, but for one."""
    data: Any = _prepare("mode=walk").data
    recordings = data.recordings[::4]
    network = SileroNetwork()
    cut = {
        each.path.name
        for each in recordings
        if _count_turns(network, read_wav(each.path).payload, silence_duration_ms) > 1
    }
    warned = {each.path.name for each in recordings if warn_of_pauses([each], _detection(silence_duration_ms))}
    assert len(cut ^ warned) <= 1
    assert bool(cut) == (silence_duration_ms < 1000)


def test_a_warning_names_the_longest_pauses_and_what_would_cut_none(tmp_path: Path) -> None:
    """And how many more; the silence in effect, be it the protocol's."""
    times = np.arange(8 * 300) / 8000
    said = (8000 * np.sin(2 * np.pi * 300 * times)).astype(np.int16)
    rows = ["example_id,user_text,audio_path,gt_tool_call,gt_tool_call_arg"]
    for pause_ms in (400, 700, 750, 800, 850, 900, 1250):
        silence: Pcm = np.zeros(8 * pause_ms, dtype=np.int16)
        write_wav(tmp_path / f"p{pause_ms}.wav", ULAW.to_wire(np.concatenate([said, silence, said])), ULAW)
        rows.append(f"c{pause_ms},Hi.,p{pause_ms}.wav,,")
    (tmp_path / "cases.csv").write_text("\n".join(rows) + "\n")
    line = ("mode=walk", f"mode.data_csv={tmp_path / 'cases.csv'}")
    duplex = (*line, "turn_detection=server_vad")
    named = "p1250.wav (1250 ms), p900.wav (900 ms), p850.wav (850 ms), p800.wav (800 ms), p750.wav (750 ms) and 1 more"
    (told,) = _prepare(*duplex).data.oddities
    pauses = "turn_detection.silence_duration_ms: 500, but 6 of 7 recordings pause for longer"
    assert told == f"{pauses}, and are answered on what was said by then: {named}; 1300 would cut none"
    (told,) = _prepare(*duplex, "turn_detection.silence_duration_ms=null").data.oddities
    assert "500 (the default of the protocol), but 6 of 7" in told
    (told,) = _prepare(*duplex, "turn_detection.silence_duration_ms=1000").data.oddities
    assert told.endswith("said by then: p1250.wav (1250 ms); 1300 would cut none")
    for quiet in ((*duplex, "turn_detection.silence_duration_ms=1300"), line, (*line, "turn_detection=semantic_vad")):
        assert _prepare(*quiet).data.oddities == ()
