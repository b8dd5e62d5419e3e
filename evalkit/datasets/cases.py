"""Crawl and walk cases from CSV: one row, one case, everything checked before the first call.

Crawl needs ``example_id, user_text, gt_tool_call, gt_tool_call_arg``, walk ``audio_path`` as well, and
``gt_tool_call_match`` is optional (see :mod:`evalkit.datasets.expectations`). Further columns are copied
into the record. All problems of a file are raised together, each as ``path: row 7: column 'gt_tool_call_arg': …``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evalkit.audio.formats import AudioFormat
from evalkit.datasets.expectations import ARGUMENTS_COLUMN, MATCH_COLUMN, TOOL_COLUMN, read_expectation
from evalkit.datasets.ids import find_id_problems
from evalkit.datasets.recordings import Recordings
from evalkit.datasets.speakable import find_speech_problem
from evalkit.datasets.tables import Table, TableRow, read_table
from evalkit.errors import DataError
from evalkit.records.case import Case
from evalkit.records.json import JsonObject
from evalkit.records.passing import CALL_GRADERS

ID_COLUMN = "example_id"
TEXT_COLUMN = "user_text"
AUDIO_COLUMN = "audio_path"

_CRAWL_COLUMNS = (ID_COLUMN, TEXT_COLUMN, TOOL_COLUMN, ARGUMENTS_COLUMN)
_WALK_COLUMNS = (*_CRAWL_COLUMNS, AUDIO_COLUMN)


def load_crawl_cases(path: Path, tools: Sequence[JsonObject] | None, *, is_spoken: bool = True) -> list[Case]:
    """Return the cases in the CSV file `path`, in its order.

    Args:
        path: The CSV file.
        tools: What may be called; None when that is not known, so that rows are not compared with it.
        is_spoken: Whether a voice is going to say the texts, which then must be sayable.

    Raises:
        DataError: Everything that is wrong with the file.

    """
    table = read_table(path, _CRAWL_COLUMNS)
    problems = find_id_problems(table, ID_COLUMN)
    cases = [_read_case(table, row, "crawl", _CRAWL_COLUMNS, tools, problems) for row in table.rows]
    if is_spoken:
        texts = ((row, row.cells[TEXT_COLUMN]) for row in table.rows)
        found = ((row, find_speech_problem(text)) for row, text in texts if text.strip())
        problems += [f"{table.where(row, TEXT_COLUMN)}: {problem}" for row, problem in found if problem]
    if problems:
        raise DataError(problems)
    return cases


def load_walk_cases(
    path: Path, tools: Sequence[JsonObject] | None, input_format: AudioFormat, recordings: Recordings
) -> list[Case]:
    """Return the cases in the CSV file `path`, whose `audio_path` (relative to the file) is a WAV of `input_format`.

    Where PCM is sent, PCM16 at 24 kHz and G.711 will do: what is not sent so is transcoded for the wire.

    The inputs name the audio by absolute path and by the hash of the file. `recordings` reads the files, and knows
    afterwards what else there is to say of them.

    Raises:
        DataError: Everything that is wrong with the CSV and with each WAV.

    """
    table = read_table(path, _WALK_COLUMNS)
    problems = find_id_problems(table, ID_COLUMN)
    cases = []
    folder = table.path.parent.resolve()
    for row in table.rows:
        name = row.cells[AUDIO_COLUMN]
        audio_path = (folder / name).resolve() if name.strip() else None
        case = _read_case(table, row, "walk", _WALK_COLUMNS, tools, problems)
        where = table.where(row, AUDIO_COLUMN)
        audio = _describe_audio(where, audio_path, input_format, recordings, problems)
        cases.append(replace(case, inputs={**case.inputs, **audio}))
    if problems:
        raise DataError(problems)
    return cases


def _read_case(
    table: Table,
    row: TableRow,
    mode: str,
    columns: Sequence[str],
    tools: Sequence[JsonObject] | None,
    problems: list[str],
) -> Case:
    cells = row.cells
    if not cells[TEXT_COLUMN].strip():
        problems.append(f"{table.where(row, TEXT_COLUMN)}: is blank, expected what the caller says")
    expected, found = read_expectation(cells, tools)
    problems.extend(f"{table.where(row, problem.column)}: {problem.message}" for problem in found)
    return Case(
        case_id=cells[ID_COLUMN],
        mode=mode,
        inputs={"user_text": cells[TEXT_COLUMN]},
        expected_calls=expected,
        expects_no_call=not cells[TOOL_COLUMN],
        extra={name: text for name, text in cells.items() if name not in (*columns, MATCH_COLUMN)},
        required_graders=CALL_GRADERS,
    )


def _describe_audio(
    where: str, audio_path: Path | None, codec: AudioFormat, recordings: Recordings, problems: list[str]
) -> JsonObject:
    """Return the audio inputs of a row; what is wrong with them goes to `problems`."""
    if audio_path is None:
        problems.append(f"{where}: is empty, expected the path of a WAV file, relative to the CSV file")
        return {}
    try:
        recording = recordings.get(audio_path)
    except DataError as error:
        problems.extend(f"{where}: {problem}" for problem in error.problems)
        return {}
    # A G.711 recording can be had as PCM; the other way round would make phone audio of what was none.
    codec = recording.codec if codec.is_pcm else codec
    from evalkit.audio.wav import find_mismatches  # of recordings only: texts need nothing that reads sound

    problems.extend(f"{where}: {problem}" for problem in find_mismatches(recording, codec, codec.sample_rate_hz))
    return {
        "audio_path": str(recording.path),
        "audio_sha256": recording.sha256,
        "codec": codec.value,
        "sample_rate_hz": codec.sample_rate_hz,
    }
