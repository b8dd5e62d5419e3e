"""What `evalkit new` puts into a folder: complete, named relative to it, and valid as it is."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from evalkit.modes.mode import Starter
from evalkit.modes.registry import find_mode

MODES = ("crawl", "walk", "run")


@pytest.fixture(params=MODES)
def starter(request: pytest.FixtureRequest, tmp_path: Path) -> Starter:
    """A mode's starter."""
    return find_mode(request.param).starter(tmp_path)


def test_every_file_lies_in_the_folder_and_stands_there_once(starter: Starter) -> None:
    """No path leads out of it."""
    paths = [file.path for file in starter.files]
    assert len(paths) == len(set(paths))
    assert all(not Path(path).is_absolute() and ".." not in Path(path).parts for path in paths)
    assert all(file.content for file in starter.files)


def test_whatever_a_file_or_key_names_is_among_the_files(starter: Starter) -> None:
    """The cases' file, prompt, tools, recordings and simulations."""
    files = {file.path: file.content for file in starter.files}
    assert starter.data in files
    rows = list(csv.DictReader(io.StringIO(files[starter.data].decode())))
    assert len(rows) == 4
    named = {row[column] for row in rows for column in ("audio_path", "simulation_path") if column in row}
    named |= {str(path) for node in starter.keys.values() if isinstance(node, dict) for path in node.values()}
    for path in sorted(named):
        assert path in files
        if path.endswith(".json") and path != "tools.json":
            assistant = json.loads(files[path])["assistant"]
            assert {assistant["system_prompt_file"], assistant["tools_file"]} <= set(files)


def test_the_files_that_are_to_be_changed_are_explained(starter: Starter) -> None:
    """Prompt, tools and cases have a line each in the folder's README; a recording needs none."""
    explained = {file.path for file in starter.files if file.about}
    assert {"prompt.txt", "tools.json", starter.data} == explained
