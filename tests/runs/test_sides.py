"""A stored run as one side of a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stored_run import StoredRun

from evalkit.errors import ConfigError
from evalkit.modes.registry import find_mode
from evalkit.runs.sides import make_side
from evalkit.runs.stored_run import open_run


def _side(root: Path, **changes: Any) -> Any:
    StoredRun(root, changes=changes, sound=False).write()
    run = open_run(root, "compare")
    return make_side(run, find_mode(run.mode).layout)


def test_a_side_has_what_is_in_force(tmp_path: Path) -> None:
    """Records, grades, plan, files and config are the run's own."""
    side = _side(tmp_path / "a run")
    assert (side.layout.mode, side.planned, len(side.records)) == ("crawl", 6, 6)
    assert {grade.key for grade in side.grades} == {"good", "bad", "hostile", "ungraded"}
    assert side.datasets == {"cases.csv": "feed"}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"run_name": "nightly"}, "nightly (model-a)"),
        ({"assistant": {"model": None}, "run_name": "nightly"}, "nightly"),
        ({}, "model-a"),
        ({"assistant": {"model": None}}, "a run"),
    ],
)
def test_it_is_called_by_its_name_and_its_model(tmp_path: Path, changes: dict[str, Any], name: str) -> None:
    """Or by what there is of them."""
    assert _side(tmp_path / "a run", **changes).name == name


def test_a_run_whose_grades_are_gone_is_no_side(tmp_path: Path) -> None:
    """Everything would look ungraded."""
    root = tmp_path / "a run"
    StoredRun(root, sound=False).write().grades_path.unlink()
    run = open_run(root, "compare")
    with pytest.raises(ConfigError, match="is missing, though"):
        make_side(run, find_mode(run.mode).layout)
