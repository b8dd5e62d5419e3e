"""A task is known by what everybody can see of it."""

from __future__ import annotations

from pathlib import Path

from coding_tasks import BROKEN, write_task

from evalkit.service.brain.solvers.known_tasks import find_task, shipped_tasks


def test_a_task_is_found_by_its_statement(tmp_path: Path) -> None:
    """Wherever that stands in the message; the longest of those that do."""
    folder = write_task(tmp_path)
    write_task(tmp_path, "python_other", **{"prompt.md": "\nHalve it.\n"})
    statement = (folder / "prompt.md").read_text().strip()
    for text in (statement, f"# Task\n\n{statement}\n\nHalve it. Then answer."):
        found = find_task(text, [tmp_path])
        assert found is not None
        assert (found.folder, found.language, found.workspace) == (folder, "python", {"doubling.py": BROKEN})
    assert find_task("Do something else.", [tmp_path]) is None


def test_its_solutions_and_what_may_be_changed(tmp_path: Path) -> None:
    """The diffs of the judge's folder, applied."""
    found = find_task((write_task(tmp_path) / "prompt.md").read_text(), [tmp_path])
    assert found is not None
    assert "return number + number\n" in found.solved("oracle")["doubling.py"]
    assert "abs(number)" in found.solved("half")["doubling.py"]
    assert (found.may_change("doubling.py"), found.may_change("tests/x.py")) == (True, False)


def test_what_changes_in_the_folder_is_seen_at_once(tmp_path: Path) -> None:
    """A service may outlive several versions of somebody's task."""
    folder = write_task(tmp_path)
    assert find_task("Treble it.", [tmp_path]) is None
    (folder / "prompt.md").write_text("Treble it.\n")
    assert find_task("Treble it.", [tmp_path]) is not None


def test_the_shipped_tasks_are_found() -> None:
    """In the package or beside it."""
    assert any((folder / "task.yaml").is_file() for folder in shipped_tasks().iterdir())
