"""Whatever bytes a file or a peer brings: a value, or one clean message. A sample in each run, more with -m slow.

The parts have property tests of their own beside them; here valid input is spoilt, which gets further than noise does.
"""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit.audio.formats import AudioFormat
from evalkit.audio.riff import RiffError, build_wav, parse_wav
from evalkit.audio.wav import read_wav
from evalkit.datasets.cases import load_crawl_cases
from evalkit.datasets.files import read_json
from evalkit.datasets.simulations import load_simulations, make_case
from evalkit.datasets.tools import load_tools
from evalkit.errors import DataError
from evalkit.mocks.definitions import parse_mocks
from evalkit.mocks.session import MockSession
from evalkit.realtime.events import InvalidEvent, parse_frame
from evalkit.realtime.trace import AudioRef, Direction, Trace, restore_audio
from evalkit.realtime.turns import ResponseCollector
from evalkit.records.record import ToolCall
from evalkit.settings.resources import resource_dir

DATA = resource_dir("data")
WAV = build_wav(bytes(range(200)), codec_tag=7, channels=1, sample_rate_hz=8000, sample_bytes=1)
SIMULATION = json.loads(next(iter(sorted((DATA / "run").rglob("*.json")))).read_text(encoding="utf-8"))
TOOLS = json.loads((DATA / "tools" / "support.json").read_text(encoding="utf-8"))
MOCKS = [
    {"name": TOOLS[0]["name"], "output": {"ok": True}, "match": {"order_id": "1"}, "delay_ms": 5},
    {"name": TOOLS[0]["name"], "outputs": [1, None], "set": {"seen": True}},
]
FRAME = json.dumps(
    {
        "type": "response.done",
        "response": {
            "id": "r1", "status": "completed",
            "usage": {"input_tokens": 3, "output_token_details": {"audio_tokens": 1}},
            "output": [
                {"id": "i1", "type": "message", "content": [{"type": "output_audio", "transcript": "hello"}]},
                {"id": "i2", "type": "function_call", "name": "look", "call_id": "c1", "arguments": "{}"},
            ],
        },
    }
)  # fmt: skip

_ODD_TEXTS = st.sampled_from(
    ["", "\0", "\ufeff", "\ud800", "1e999", "NaN", "[" * 3000, '{"a":' * 3000, "9" * 5000, "../../etc/passwd", "\u202e"]
)
_ODD = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=5) | _ODD_TEXTS


@st.composite
def spoilt_bytes(draw: st.DrawFn, valid: bytes) -> bytes:
    """`valid` with pieces replaced, cut out, put in or doubled, sizes of 4 GiB among them."""
    data = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 1, 2, 4, 8, 40])))
        huge = st.sampled_from(
            [b"\xff\xff\xff\xff", b"\0\0\0\0", b"data", b"fmt ", b"ds64", b"RF64", b"\xff\xff\xff\x7f"]
        )
        data[start:end] = draw(huge | st.binary(max_size=8) | st.just(bytes(data[start:end]) * 2))
    return bytes(data)


@st.composite
def spoilt_json(draw: st.DrawFn, valid: Any) -> Any:
    """`valid` with values at some places replaced by others, or by another part of itself, and keys lost or renamed."""
    value = json.loads(json.dumps(valid))
    for _ in range(draw(st.integers(1, 3))):
        holder: Any = value
        while isinstance(holder, (dict, list)) and holder:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            key = draw(st.sampled_from(keys))
            if isinstance(holder[key], (dict, list)) and holder[key] and draw(st.integers(0, 3)):
                holder = holder[key]
                continue
            if isinstance(holder, dict) and draw(st.booleans()):
                holder[draw(_ODD_TEXTS | st.text(max_size=4))] = holder.pop(key)
            else:
                holder[key] = draw(_ODD | st.just([holder[key]]) | st.just({"a": holder[key]}))
            break
    return value


def _fuzzed(check: Callable[..., None], examples: int, **drawn: Any) -> None:
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
    settings(max_examples=examples, deadline=None, suppress_health_check=quiet)(given(**drawn)(check))()


def _outcome(read: Callable[[], Any]) -> tuple[Any, tuple[str, ...]]:
    """Return what was read, or None and what is wrong with it. Nothing but a DataError is a refusal."""
    try:
        return read(), ()
    except DataError as error:
        return None, error.problems


_AMOUNTS = [40, pytest.param(1000, marks=pytest.mark.slow)]


@pytest.mark.parametrize("examples", _AMOUNTS)
def test_a_spoilt_wav_file_is_read_or_refused(tmp_path: Path, examples: int) -> None:
    """No crash, and no message without the file's name."""
    path = tmp_path / "a.wav"

    def check(data: bytes) -> None:
        path.write_bytes(data)
        audio, problems = _outcome(lambda: read_wav(path))
        assert all(str(path) in problem for problem in problems)
        assert audio is None or len(audio.payload) <= len(data)

    _fuzzed(check, examples, data=spoilt_bytes(WAV))


@pytest.mark.parametrize("size", [b"\xff\xff\xff\xff", b"\xff\xff\xfe\x7f", b"\0\0\xff\x7f"])
@pytest.mark.parametrize("at", [4, 16, 42, 54])
def test_a_size_of_gigabytes_takes_no_memory(at: int, size: bytes) -> None:
    """Whatever a header declares, only what is there is read."""
    spoilt = WAV[:at] + size + WAV[at + 4 :]
    tracemalloc.start()
    try:
        with suppress(RiffError):
            assert len(parse_wav(spoilt).payload) <= len(WAV)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("examples", _AMOUNTS)
def test_spoilt_frames_are_events_or_refused(examples: int) -> None:
    """A frame is an event or an InvalidEvent; an event is collected, traced and never raises."""
    lines: list[bytes] = []
    trace = Trace(lines.append)

    def check(frame: str) -> None:
        try:
            event = parse_frame(frame)
        except InvalidEvent:
            return
        collector = ResponseCollector("evt_0001", 0.0)
        collector.feed(event, 1.0)
        assert isinstance(collector.result().transcript, str)
        trace.record(source="assistant", direction=Direction.RECEIVED, turn_index=1, at_ms=1.0, payload=event.payload)
        assert json.loads(lines[-1])["type"] == event.type

    texts = spoilt_json(json.loads(FRAME)).map(json.dumps)
    broken = spoilt_bytes(FRAME.encode()).map(lambda data: data.decode("utf-8", "replace"))
    _fuzzed(check, examples, frame=texts | broken)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"type":"x","n":' + "9" * 100_000 + "}"])
def test_depth_and_length_have_an_end(tmp_path: Path, text: str) -> None:
    """Nesting without end and numbers without end are refused in words, from a peer and from a file."""
    with pytest.raises(InvalidEvent):
        parse_frame(text)
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.json"):
        read_json(path)


@pytest.mark.parametrize("examples", _AMOUNTS)
def test_elided_audio_comes_back_or_is_refused(examples: int) -> None:
    """A trace line and its stream give back the bytes; a spoilt stream gives a ValueError, never other bytes."""

    def check(audio: bytes, before: bytes, spoilt: bytes) -> None:
        elided = AudioRef(audio, len(before), "a.wav").to_json()
        assert restore_audio(elided, before + audio + spoilt) == audio
        if spoilt[: len(before) + len(audio)] != before + audio:
            with suppress(ValueError):
                assert restore_audio(elided, spoilt) == audio

    _fuzzed(check, examples, audio=st.binary(max_size=40), before=st.binary(max_size=9), spoilt=st.binary(max_size=60))


@pytest.mark.parametrize("examples", _AMOUNTS)
def test_spoilt_case_files_are_read_or_refused(tmp_path: Path, examples: int) -> None:
    """Any bytes near a CSV of cases are cases, or messages that name the file."""
    path = tmp_path / "cases.csv"
    valid = b"".join((DATA / "crawl" / "support.csv").read_bytes().splitlines(keepends=True)[:4])

    def check(data: bytes) -> None:
        path.write_bytes(data)
        _, problems = _outcome(lambda: load_crawl_cases(path, TOOLS))
        assert all(problem.startswith(str(path)) for problem in problems)

    _fuzzed(check, examples, data=spoilt_bytes(valid))


@pytest.mark.parametrize("examples", _AMOUNTS)
def test_odd_expectations_are_read_or_refused(tmp_path: Path, examples: int) -> None:
    """Any text in the cells of a case is a case, or messages that name its row."""
    path = tmp_path / "cases.csv"

    def check(case_id: str, tool: str, arguments: str) -> None:
        cells = (cell.replace('"', '""').encode("utf-8", "replace").decode() for cell in (case_id, tool, arguments))
        rows = '"{}","Where is it?","{}","{}"\n'.format(*cells)
        path.write_text("example_id,user_text,gt_tool_call,gt_tool_call_arg\n" + rows, encoding="utf-8", newline="")
        cases, problems = _outcome(lambda: load_crawl_cases(path, TOOLS))
        assert all(str(path) in problem for problem in problems)
        assert cases is None or "/" not in cases[0].case_id

    names = st.sampled_from([tool["name"] for tool in TOOLS]) | st.just("")
    told = spoilt_json({"order_id": "1", "reason": ["damaged"]}).map(json.dumps) | _ODD_TEXTS | st.text(max_size=9)
    _fuzzed(check, examples, case_id=_ODD_TEXTS | st.just("a") | st.text(max_size=9), tool=names, arguments=told)


@pytest.mark.parametrize("examples", _AMOUNTS)
def test_spoilt_tools_and_mocks_are_read_or_refused(tmp_path: Path, examples: int) -> None:
    """Any JSON near a list of tools or mocks is one, or messages that say where; what is read also answers."""
    path = tmp_path / "tools.json"

    def check(tools: Any, mocks: Any) -> None:
        path.write_text(json.dumps(tools), encoding="utf-8")
        read, problems = _outcome(lambda: load_tools(path))
        assert all(str(path) in problem for problem in problems)
        answering, problems = _outcome(lambda: parse_mocks(mocks, "mocks.json"))
        assert all("mocks.json" in problem for problem in problems)
        if answering is not None:
            MockSession(answering, read or TOOLS).answer(ToolCall(TOOLS[0]["name"], {"order_id": "1"}, "{}", "c1"))

    _fuzzed(check, examples, tools=spoilt_json(TOOLS[:2]), mocks=spoilt_json(MOCKS))


@pytest.mark.parametrize("examples", _AMOUNTS)
def test_spoilt_simulations_are_read_or_refused(tmp_path: Path, examples: int) -> None:
    """Any JSON near a simulation is one that makes a case, or messages that name a file."""
    index, path = tmp_path / "index.csv", tmp_path / "s.json"
    index.write_text("simulation_id,simulation_path\ns,s.json\n", encoding="utf-8")

    def check(simulation: Any) -> None:
        path.write_text(json.dumps(simulation), encoding="utf-8")
        _, problems = _outcome(lambda: [make_case(found) for found in load_simulations(index)])
        named = (str(tmp_path), str((tmp_path / "../../etc/passwd").resolve()))  # the one odd text that leads elsewhere
        assert all(any(place in problem for place in named) for problem in problems)

    valid = {**SIMULATION, "simulation_id": "s"}
    _fuzzed(check, examples, simulation=spoilt_json(valid))


def test_a_codec_hears_any_bytes() -> None:
    """Every byte string is samples in every format, and goes back over the wire at its length."""

    def check(data: bytes, codec: AudioFormat) -> None:
        whole = len(data) // codec.bytes_per_sample * codec.bytes_per_sample
        assert len(codec.to_wire(codec.from_wire(data))) == whole

    _fuzzed(check, 40, data=st.binary(max_size=50), codec=st.sampled_from(list(AudioFormat)))


async def test_a_flood_of_odd_events_is_bounded() -> None:
    """A response that brings ever new items is cut off instead of filling the memory."""
    collector = ResponseCollector("evt_0001", 0.0)
    text = "x" * 1_000_000
    for number in range(200):
        item = {"id": f"i{number}", "type": "message", "content": [{"type": "output_text", "text": text}]}
        frame = json.dumps({"type": "response.output_item.done", "output_index": number, "item": item})
        collector.feed(parse_frame(frame), 1.0)
        await asyncio.sleep(0)
    result = collector.result()
    assert (collector.refused, result.error_type) == (True, "response_too_large")
    assert len(result.text) < 110 * 1_000_000
