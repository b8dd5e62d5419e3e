"""Every wrong input gets one clear message and exit 2, and leaves nothing behind; nobody is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import Cli

TOOLS = [
    {
        "type": "function",
        "name": "look_up",
        "description": "Look something up.",
        "parameters": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    }
]
HEADER = "example_id,user_text,gt_tool_call,gt_tool_call_arg"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a tools file."""
    (tmp_path / "tools.json").write_text(json.dumps(TOOLS))
    return tmp_path


def _csv(folder: Path, *rows: str, header: str = HEADER) -> str:
    (folder / "cases.csv").write_text("\n".join([header, *rows]) + "\n")
    return "mode.data_csv=cases.csv"


def _good_rows(count: int) -> list[str]:
    return [f'c{number},hello there,look_up,"{{""id"": ""{number}""}}"' for number in range(count)]


CASES = {
    "unknown key": (["chunkms=40"], "did you mean 'chunk_ms'?"),
    "unknown option": (["mode=crwl"], "did you mean 'crawl'?"),
    "out of range": (["chunk_ms=1"], "expected integer ≥ 5"),
    "missing csv": (["mode.data_csv=nowhere.csv"], "nowhere.csv"),
    "no key": (["provider=openai"], "OPENAI_API_KEY"),
    "no url": (["provider=compatible"], "provider.base_url"),
    "wrong rate": (["audio.sample_rate_hz=8000"], "24000 Hz only"),
    "service by hand": (["provider.base_url=http://127.0.0.1:1/v1"], "use provider=compatible"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_line_is_answered_and_leaves_nothing(cold_cli: Cli, name: str) -> None:
    """Exit 2, the reason, no traceback, no directory."""
    overrides, expected = CASES[name]
    _expect(cold_cli, overrides, expected)


def test_a_missing_column_is_named(cold_cli: Cli, files: Path) -> None:
    """With the columns that are there."""
    override = _csv(files, "c1,hello", header="example_id,user_txt")
    _expect(cold_cli, [override, "assistant.tools_file=tools.json"], "user_text")


def test_duplicate_ids_are_named_with_their_rows(cold_cli: Cli, files: Path) -> None:
    """Also when they differ in case only, since files would overwrite each other."""
    override = _csv(files, *_good_rows(2), "C1,hello,,")
    _expect(cold_cli, [override, "assistant.tools_file=tools.json"], "row 4")


def test_broken_json_in_row_7_is_found_in_row_7(cold_cli: Cli, files: Path) -> None:
    """Rows are numbered as a spreadsheet numbers them."""
    override = _csv(files, *_good_rows(5), 'c9,hello,look_up,"{""id"": "')
    _expect(cold_cli, [override, "assistant.tools_file=tools.json"], "row 7")


def test_text_that_nobody_can_say_is_a_mistake_in_the_data(cold_cli: Cli, files: Path) -> None:
    """It used to fail at the speech endpoint, as infrastructure, and a resume was advised that could not help."""
    override = _csv(files, "c1,\U0001f600,,")
    _expect(cold_cli, [override, "assistant.tools_file=tools.json"], "row 2: column 'user_text'")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'[{"example_id": "c1"}]', "holds JSON, expected CSV"),
        (b"\x89PNG\r\n\x1a\n", "is a PNG picture, expected CSV"),
        (f"{HEADER}\nc1,{'x' * 131_073},,\n".encode(), "row 2: column 'user_text': has 131,073 characters"),
    ],
)
def test_what_is_no_table_is_named_for_what_it_is(cold_cli: Cli, files: Path, content: bytes, expected: str) -> None:
    """Another kind of file, or a cell without end, and not a word about encodings or quotes."""
    (files / "cases.csv").write_bytes(content)
    _expect(cold_cli, ["mode.data_csv=cases.csv", "assistant.tools_file=tools.json"], expected)


def test_an_id_with_a_slash_is_refused(cold_cli: Cli, files: Path) -> None:
    """An id becomes a file name."""
    override = _csv(files, "../c1,hello,,")
    _expect(cold_cli, [override, "assistant.tools_file=tools.json"], "../c1")


def test_a_tools_file_that_is_no_list_is_refused(cold_cli: Cli, files: Path) -> None:
    """It says what was found and what was expected."""
    (files / "tools.json").write_text("{}")
    _expect(cold_cli, [_csv(files, *_good_rows(1)), "assistant.tools_file=tools.json"], "list")


def test_everything_that_is_wrong_is_listed_at_once(cold_cli: Cli, files: Path) -> None:
    """Three rows, three messages."""
    override = _csv(files, "a/b,hello,,", "c2,hello,lok_up,{}", "c3,,,")
    done = cold_cli(override, "assistant.tools_file=tools.json")
    assert done.code == 2
    assert all(f"row {number}" in done.err for number in (2, 3, 4))


def test_one_bad_job_of_a_sweep_starts_none(cold_cli: Cli) -> None:
    """Nothing was paid for when the second of two jobs cannot run."""
    _expect(cold_cli, ["-m", "mode.data_csv=${data:crawl/support.csv},nowhere.csv"], "job 1")


def _expect(cli: Cli, overrides: list[str], expected: str) -> None:
    done = cli(*overrides)
    assert done.code == 2, done.err
    assert expected in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert not (cli.cwd / "outputs").exists()
