"""What rising realism costs, read from the folders of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stored_run import StoredRun

from evalkit.modes.registry import layout_of
from evalkit.runs.realism import read_realism

VOICE: dict[str, Any] = {"input": "voice", "channel": {"name": "clean"}, "turn_detection": {"type": "none"}}
PHONE: dict[str, Any] = {**VOICE, "channel": {"name": "telephone"}}


def _write(root: Path, changes: dict[str, Any]) -> Path:
    StoredRun(root, changes=changes, sound=False).write()
    return root


def test_runs_of_two_steps_are_a_ladder(tmp_path: Path) -> None:
    """Each step's run is named with its directory; a folder that holds no run is passed over."""
    folders = [_write(tmp_path / "phone", PHONE), _write(tmp_path / "voice", VOICE), tmp_path / "nothing"]
    found = read_realism(folders, layout_of)
    assert found is not None
    (ladder,) = found.ladders
    assert [(each.step.name, Path(each.directory).name) for each in ladder.steps] == [
        ("clean voice", "voice"),
        ("voice over telephone", "phone"),
    ]
    assert found.left_out == ()


def test_a_run_without_grades_is_named(tmp_path: Path) -> None:
    """Nothing can be said of its step, and that is said."""
    folders = [_write(tmp_path / "phone", PHONE), _write(tmp_path / "voice", VOICE)]
    (folders[0] / "grades.jsonl").unlink()
    found = read_realism(folders, layout_of)
    assert found is not None
    assert found.ladders == ()
    assert any(line.startswith("phone: ") and "grades" in line for line in found.left_out)


def test_runs_of_one_step_have_none(tmp_path: Path) -> None:
    """Two models with the same kind of sound."""
    folders = [_write(tmp_path / name, VOICE) for name in ("one", "other")]
    assert read_realism(folders, layout_of) is None
