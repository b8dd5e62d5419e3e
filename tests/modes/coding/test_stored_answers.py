"""Answers that are there already are found by task and trial, wherever people keep them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.errors import DataError
from evalkit.modes.coding.stored_answers import read_stored_answers


def _write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_a_folder_has_a_file_for_each_task(tmp_path: Path) -> None:
    """Or a folder with a file; later trials by their number, up to the first that is missing."""
    files = {
        "go_a.md": "A",
        "go_b.txt": "B",
        "go_c__response.txt": "C",
        "go_a.t2.md": "A2",
        "go_a.t4.md": "A4",
        "README.md": "no",
    }
    found = read_stored_answers(_write(tmp_path, **files), ["go_a", "go_b", "go_c", "go_d"])
    assert {key: answer.texts for key, answer in found.found.items()} == {
        "go_a": ("A",), "go_a.t2": ("A2",), "go_b": ("B",), "go_c": ("C",),
    }  # fmt: skip
    assert not found.has("go_d")
    assert found.find_missing(["go_a"], 2) == []
    assert "the first: go_a.t3" in found.find_missing(["go_a", "go_d"], 3)[0]


def test_a_file_of_lines(tmp_path: Path) -> None:
    """An object a line, with the model where it is known."""
    lines = [{"task_id": "go_a", "response": "A", "model": "m"}, {"task_id": "go_a", "response": "A2", "trial": 2}]
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n", encoding="utf-8")
    found = read_stored_answers(path, ["go_a"])
    assert (found.found["go_a"].model, found.found["go_a.t2"].texts) == ("m", ("A2",))


def test_one_text_is_the_answer_to_one_task(tmp_path: Path) -> None:
    """To two it could not be."""
    path = _write(tmp_path, **{"answer.txt": "A"}) / "answer.txt"
    assert read_stored_answers(path, ["go_a"]).found["go_a"].texts == ("A",)
    with pytest.raises(DataError, match="is one answer, but 2 tasks are run; choose one"):
        read_stored_answers(path, ["go_a", "go_b"])


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"place.jsonl": "{"}, "line 1: "),
        ({"place.jsonl": '{"task": "a"}'}, "expected an object with"),
        ({"place.jsonl": "[]"}, "expected an object with"),
        ({"place.jsonl": ""}, "has no answer to any task of this run"),
        ({"place.jsonl/other.md": ""}, "has no answer to any task of this run"),
        ({}, "no such file or folder"),
    ],
)
def test_a_place_without_answers_is_an_error(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    """With what was expected there."""
    _write(tmp_path, **{name.replace("/", "__"): text for name, text in files.items()})
    with pytest.raises(DataError, match=expected):
        read_stored_answers(tmp_path / "place.jsonl", ["go_a"])


def test_the_hash_is_that_of_a_tasks_own_answers(tmp_path: Path) -> None:
    """Another answer is another record; that of another task is not."""
    first = read_stored_answers(_write(tmp_path / "1", **{"go_a.md": "A", "go_ab.md": "B"}), ["go_a", "go_ab"])
    other = read_stored_answers(_write(tmp_path / "2", **{"go_a.md": "A", "go_ab.md": "C"}), ["go_a", "go_ab"])
    assert first.sha256("go_a") == other.sha256("go_a")
    assert first.sha256("go_ab") != other.sha256("go_ab")
