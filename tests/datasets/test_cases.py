"""Crawl and walk cases: one per row, exact, and every problem of a file in one error."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.audio.formats import AudioFormat
from evalkit.audio.wav import write_pcm16, write_wav
from evalkit.datasets.cases import load_crawl_cases, load_walk_cases
from evalkit.datasets.recordings import Recordings
from evalkit.datasets.tools import load_tools
from evalkit.errors import DataError
from evalkit.records.case import CASE_ID_PATTERN, Case, ExpectedCall
from evalkit.records.json import canonical
from evalkit.records.passing import CALL_GRADERS

DATA = Path(__file__).resolve().parents[2] / "data"
TOOLS: tuple[dict[str, Any], ...] = (
    {
        "type": "function",
        "name": "cancel_order",
        "description": "",
        "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}},
    },
)
COLUMNS = ["example_id", "user_text", "gt_tool_call", "gt_tool_call_arg"]
GOOD = ["007", "Cancel order 0071.", "cancel_order", '{"order_id": "0071"}']


def write(path: Path, *rows: list[str], columns: list[str] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([columns or COLUMNS, *rows])
    return path


def problems(load: Callable[[], Any]) -> list[str]:
    with pytest.raises(DataError) as caught:
        load()
    return list(caught.value.problems)


def crawl_problems(path: Path, *rows: list[str]) -> list[str]:
    return problems(lambda: load_crawl_cases(write(path, *rows), TOOLS))


def test_a_row_becomes_a_case(tmp_path: Path) -> None:
    """Id, text, expected call, rules and further columns arrive as they stand."""
    path = write(
        tmp_path / "c.csv",
        [*GOOD, '{"order_id": "id"}', "plain", "NA"],
        ["b", "Hello?", "", "", "", "", ""],
        columns=[*COLUMNS, "gt_tool_call_match", "category", "notes"],
    )
    assert load_crawl_cases(path, TOOLS) == [
        Case(
            case_id="007",
            mode="crawl",
            inputs={"user_text": "Cancel order 0071."},
            expected_calls=(ExpectedCall("cancel_order", {"order_id": "0071"}, {"order_id": "id"}),),
            extra={"category": "plain", "notes": "NA"},
            required_graders=CALL_GRADERS,
        ),
        Case(
            case_id="b",
            mode="crawl",
            inputs={"user_text": "Hello?"},
            expects_no_call=True,
            extra={"category": "", "notes": ""},
            required_graders=CALL_GRADERS,
        ),
    ]


def test_text_that_nobody_can_say_is_a_problem_of_the_data(tmp_path: Path) -> None:
    """A crawl case is spoken, so a text of signs alone is named here; whoever only reads the texts takes it."""
    row = ["b", "?! \U0001f600", "", ""]
    (problem,) = crawl_problems(tmp_path / "c.csv", GOOD, row)
    assert problem.startswith(f"{tmp_path / 'c.csv'}: row 3: column 'user_text': is '?! \U0001f600', which no voice")
    assert len(load_crawl_cases(tmp_path / "c.csv", TOOLS, is_spoken=False)) == 2


@pytest.mark.parametrize("domain", ["support", "clinic"])
def test_the_shipped_cases_load(domain: str) -> None:
    """The shipped sets are good, in order, with unique hashes."""
    path = DATA / "crawl" / f"{domain}.csv"
    cases = load_crawl_cases(path, load_tools(DATA / "tools" / f"{domain}.json"))
    with path.open(encoding="utf-8", newline="") as stream:
        assert [case.case_id for case in cases] == [row["example_id"] for row in csv.DictReader(stream)]
    assert len({case.sha256 for case in cases}) == len(cases)


@pytest.mark.parametrize(
    ("case_id", "said"),
    [
        ("", "is empty; every row needs an id"),
        ("a/b", "'a/b' is not a safe file name"),
        ("../x", "is not a safe file name"),
        (" a", "is not a safe file name"),
        ("a.", "is not a safe file name"),
        ("-a", "is not a safe file name"),
        ("é", "is not a safe file name"),
        ("a\n", "is not a safe file name"),
        ("x" * 121, "is not a safe file name"),
        ("a.t2", "ends like the name of a later trial"),
    ],
)
def test_ids_are_safe_file_names(tmp_path: Path, case_id: str, said: str) -> None:
    """An id that could not name a file, or could be taken for a trial, is refused in its row."""
    path = tmp_path / "c.csv"
    (problem,) = crawl_problems(path, GOOD, [case_id, *GOOD[1:]])
    assert problem.startswith(f"{path}: row 3: column 'example_id': ")
    assert said in problem


def test_ids_are_unique(tmp_path: Path) -> None:
    """An id that stands twice, also in other case, is refused with the row it stood in before."""
    rows = [["a", *GOOD[1:]], ["B", *GOOD[1:]], ["a", *GOOD[1:]], ["b", *GOOD[1:]]]
    same, alike = crawl_problems(tmp_path / "c.csv", *rows)
    assert "row 4: column 'example_id': 'a' stands in row 2 already" in same
    assert "'b' stands in row 3 already as 'B'" in alike


@given(case_id=st.text(min_size=1, max_size=8) | st.from_regex(r"[a-zA-Z0-9._-]{1,10}", fullmatch=True))
def test_an_accepted_id_is_a_safe_one(tmp_path_factory: pytest.TempPathFactory, case_id: str) -> None:
    """Whatever stands in the id's cell, what gets through is safe and unchanged."""
    path = tmp_path_factory.mktemp("ids") / "c.csv"
    path.write_bytes(
        b"example_id,user_text,gt_tool_call,gt_tool_call_arg\n"
        + ('"' + case_id.replace('"', '""') + '",hi,,\n').encode("utf-8", "replace")
    )
    try:
        (case,) = load_crawl_cases(path, ())
    except DataError:
        return
    assert case.case_id == case_id
    assert CASE_ID_PATTERN.fullmatch(case_id)


def test_all_problems_of_a_file_at_once(tmp_path: Path) -> None:
    """Several bad rows, and several bad cells of one row, are listed together, each with its cell."""
    path = tmp_path / "c.csv"
    found = crawl_problems(
        path,
        GOOD,
        ["a/b", "  ", "cancel_ordr", ""],
        ["c", "hi", "cancel_order", '{"order_id": }'],
        ["d", "hi", "", "{}"],
    )
    assert [problem.removeprefix(f"{path}: ").split(": ")[0:2] for problem in found] == [
        ["row 3", "column 'example_id'"],
        ["row 3", "column 'user_text'"],
        ["row 3", "column 'gt_tool_call'"],
        ["row 4", "column 'gt_tool_call_arg'"],
        ["row 5", "column 'gt_tool_call_arg'"],
    ]


def test_the_row_of_a_problem_is_the_spreadsheets(tmp_path: Path) -> None:
    """Broken JSON in row 7 is reported in row 7, although cells before it hold line breaks."""
    rows = [[f"id{number}", "one\ntwo\nthree", "", ""] for number in range(2, 7)]
    (problem,) = crawl_problems(tmp_path / "c.csv", *rows, ["bad", "hi", "cancel_order", "{broken"])
    assert "row 7: column 'gt_tool_call_arg': '{broken' is not valid JSON: line 1, column 2" in problem


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "A", "x/y", ""]),
            st.sampled_from(["hi", "", " "]),
            st.sampled_from(["", "cancel_order", "other"]),
            st.text(alphabet='{}[]":,order_id01 \\u', max_size=20) | st.sampled_from(["", "{}", '{"order_id": "1"}']),
        ).map(list),
        max_size=4,
    )
)
def test_any_rows_are_cases_or_a_message(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    """Whatever the cells hold, the result is one hashable case per row or a DataError."""
    path = write(tmp_path_factory.mktemp("rows") / "c.csv", *rows)
    try:
        cases = load_crawl_cases(path, TOOLS)
    except DataError:
        return
    assert len(cases) == sum(any(row) for row in rows), "a row without a cell is none"
    assert all(case.sha256 and canonical(case.inputs) for case in cases)


@given(content=st.binary(max_size=300))
def test_any_bytes_are_cases_or_a_message(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """A file of arbitrary bytes, with or without a good header, gives cases or a DataError and nothing else."""
    path = tmp_path_factory.mktemp("bytes") / "c.csv"
    for head in (b"", b"example_id,user_text,gt_tool_call,gt_tool_call_arg,audio_path\n"):
        path.write_bytes(head + content)
        for load in (
            lambda: load_crawl_cases(path, TOOLS),
            lambda: load_walk_cases(path, TOOLS, AudioFormat.G711_ULAW, Recordings()),
        ):
            try:
                assert all(isinstance(case, Case) for case in load())
            except DataError:
                continue


def walk_row(case_id: str, audio_path: str) -> list[str]:
    return [case_id, "Cancel order 0071.", "cancel_order", '{"order_id": "0071"}', audio_path]


def load_walk(path: Path, codec: AudioFormat, *rows: list[str]) -> list[Case]:
    return load_walk_cases(write(path, *rows, columns=[*COLUMNS, "audio_path"]), TOOLS, codec, Recordings())


@pytest.mark.parametrize("codec", [AudioFormat.PCM16, AudioFormat.G711_ULAW, AudioFormat.G711_ALAW])
def test_walk_names_its_audio(tmp_path: Path, codec: AudioFormat) -> None:
    """The audio lies beside the CSV and is named by absolute path and content, with its codec and rate."""
    wav = tmp_path / "data" / "audio" / "a.wav"
    write_wav(wav, bytes(range(200)), codec)
    (case,) = load_walk(tmp_path / "data" / "w.csv", codec, walk_row("a", "audio/a.wav"))
    assert case.mode == "walk"
    assert case.inputs == {
        "user_text": "Cancel order 0071.",
        "audio_path": str(wav),
        "audio_sha256": sha256(wav.read_bytes()).hexdigest(),
        "codec": codec.value,
        "sample_rate_hz": codec.sample_rate_hz,
    }
    assert case.extra == {}


def test_walk_cases_are_the_same_anywhere(tmp_path: Path) -> None:
    """The hash of a case goes by the audio's content, not by where it lies."""
    hashes = set()
    for folder, fill in (("one", b"\x7f"), ("two", b"\x7f"), ("three", b"\x01")):
        write_wav(tmp_path / folder / "a.wav", fill * 800, AudioFormat.G711_ULAW)
        (case,) = load_walk(tmp_path / folder / "w.csv", AudioFormat.G711_ULAW, walk_row("a", "a.wav"))
        hashes.add(case.sha256)
    assert len(hashes) == 2


def test_every_wrong_audio_is_named(tmp_path: Path) -> None:
    """A missing, empty, broken, wrongly coded or wrongly sampled file is a problem of its row, all at once."""
    write_wav(tmp_path / "good.wav", b"\x7f" * 800, AudioFormat.G711_ULAW)
    write_wav(tmp_path / "alaw.wav", b"\x7f" * 800, AudioFormat.G711_ALAW)
    write_pcm16(tmp_path / "pcm.wav", np.zeros(800, np.int16), 24_000)
    write_wav(tmp_path / "none.wav", b"", AudioFormat.G711_ULAW)
    (tmp_path / "junk.wav").write_bytes(b"RIFF....WAVEjunk")
    names = ["good.wav", "god.wav", "", "alaw.wav", "pcm.wav", "none.wav", "junk.wav", "."]
    rows = [walk_row(f"r{number}", name) for number, name in enumerate(names, 2)]
    path = tmp_path / "w.csv"
    found = problems(lambda: load_walk(path, AudioFormat.G711_ULAW, *rows))
    by_row = {
        number: [text for text in found if text.startswith(f"{path}: row {number}: column 'audio_path': ")]
        for number in range(2, 10)
    }
    assert sum(map(len, by_row.values())) == len(found)
    said = {3: "good.wav", 4: "is empty", 5: "g711_alaw", 6: "24000 Hz", 7: "no audio", 8: "junk.wav", 9: "folder"}
    assert not by_row[2]
    for number, words in said.items():
        assert any(words in text for text in by_row[number]), (number, by_row[number])


def test_walk_needs_its_column(tmp_path: Path) -> None:
    """A crawl CSV is no walk CSV; the missing column is named."""
    path = write(tmp_path / "c.csv", GOOD)
    (problem,) = problems(lambda: load_walk_cases(path, TOOLS, AudioFormat.G711_ULAW, Recordings()))
    assert "column 'audio_path' is missing" in problem


def test_a_broken_tools_file_does_not_hide_the_rows(tmp_path: Path) -> None:
    """With tools unknown, everything but the tools is still checked."""
    path = write(tmp_path / "c.csv", ["a/b", "hi", "anything", json.dumps({"x": 1})])
    (problem,) = problems(lambda: load_crawl_cases(path, None))
    assert "example_id" in problem
