"""A folder of tasks is read whole, and whatever is wrong in it is said at once, with the place."""

from __future__ import annotations

from pathlib import Path

import pytest
from coding_tasks import CALLS, DRIVER, ORACLE, TASK_YAML, lines_of, write_task

from evalkit.errors import DataError
from evalkit.modes.coding.task import Language
from evalkit.modes.coding.tasks import find_task_ids, read_task, read_tasks, task_files


def problems_of(folder: Path) -> list[str]:
    with pytest.raises(DataError) as caught:
        read_task(folder)
    return [problem.replace(f"{folder}/", "") for problem in caught.value.problems]


def test_a_task_is_read_whole(tmp_path: Path) -> None:
    """Every part of a task's folder is in the task."""
    task = read_task(write_task(tmp_path))
    assert (task.task_id, task.language, task.limits.run_s) == ("python_double", Language.PYTHON, 5)
    assert task.limits.build_s == 60
    assert list(task.workspace) == ["doubling.py"]
    assert [call.call_id for call in task.judge.calls] == [call["id"] for call in CALLS]
    assert task.judge.driver == DRIVER
    assert (task.judge.oracle, sorted(task.judge.mutants)) == (ORACLE, ["never", "squares"])
    assert len(task_files(task)) == 10
    assert all(path.is_file() for path in task_files(task))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"prompt.md": None}, "prompt.md: no such file"),
        ({"prompt.md": " \n"}, "prompt.md: is empty"),
        ({"prompt.md": b"caf\xe9"}, "prompt.md: line 1: byte 0xe9 is not UTF-8"),
        ({"task.yaml": "title: [unclosed"}, "task.yaml: is not valid YAML"),
        ({"task.yaml": "- a list"}, "task.yaml: is the list"),
        ({"task.yaml": TASK_YAML.replace("easy", "trivial")}, "'difficulty': is the string 'trivial'"),
        ({"task.yaml": TASK_YAML + "titel: x\n"}, "'titel': unknown key; did you mean 'title'?"),
        ({"task.yaml": TASK_YAML.replace("doubling.py", "src/*.py")}, "'src/*.py' matches no file of workspace/"),
        ({"task.yaml": TASK_YAML.replace("language: python", "language: go")}, "must begin with its language"),
        ({"workspace/doubling.py": None}, "workspace: no such folder"),
        ({"workspace/table.bin": b"\x89\xff"}, "workspace/table.bin: line 1: byte 0x89 is not UTF-8"),
        ({"workspace/judge/oracle.diff": ORACLE}, "workspace/judge/oracle.diff: must not stand there"),
        ({"workspace/driver.py": DRIVER}, "workspace/driver.py: must not stand there"),
        ({"judge/driver.py": None}, "judge/driver.py: no such file"),
        ({"judge/cases.jsonl": ""}, "judge/cases.jsonl: has no call"),
        ({"judge/cases.jsonl": "{"}, "judge/cases.jsonl: line 1: is not valid JSON"),
        ({"judge/cases.jsonl": lines_of([CALLS[0], CALLS[0]])}, "line 2: id 'zero' is that of line 1"),
        ({"judge/cases.jsonl": '{"id": "a", "fn": "f", "args": []}'}, "has none of them"),
        ({"judge/oracle.diff": "return number * 2"}, "judge/oracle.diff: begins with 'return number * 2'"),
        ({"judge/mutants/never.diff": None, "judge/mutants/squares.diff": None}, "judge/mutants: has no .diff"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, changed: dict[str, str | bytes | None], expected: str
) -> None:
    """Whoever writes a task reads what was found, where, and what was expected."""
    assert any(expected in problem for problem in problems_of(write_task(tmp_path, **changed)))


def test_everything_is_said_at_once(tmp_path: Path) -> None:
    """Two tasks with three mistakes give three messages, not the first one."""
    write_task(tmp_path, **{"prompt.md": None, "judge/half.diff": None})
    write_task(tmp_path, "python_other", **{"judge/cases.jsonl": "{}"})
    with pytest.raises(DataError) as caught:
        read_tasks(tmp_path)
    text = "\n".join(caught.value.problems)
    assert "python_double/prompt.md" in text
    assert "python_double/judge/half.diff" in text
    assert "python_other/judge/cases.jsonl: line 1: 'id': is missing" in text


def test_a_link_in_the_workspace_is_refused(tmp_path: Path) -> None:
    """A workspace cannot take in files from elsewhere."""
    folder = write_task(tmp_path)
    (folder / "workspace" / "link.py").symlink_to(folder / "judge" / "oracle.diff")
    assert any("workspace/link.py: is a symbolic link" in problem for problem in problems_of(folder))


def test_tasks_are_chosen_by_id_or_glob(tmp_path: Path) -> None:
    """``mode.tasks`` takes names and globs, and a name that nothing has is an error with the nearest one."""
    for name in ("python_double", "python_other", "go_pool"):
        write_task(tmp_path, name)
    assert find_task_ids(tmp_path) == ["go_pool", "python_double", "python_other"]
    assert find_task_ids(tmp_path, ["python_*"]) == ["python_double", "python_other"]
    with pytest.raises(DataError, match=r"no task of .* is called 'python_dubble'; did you mean 'python_double'"):
        find_task_ids(tmp_path, ["python_dubble", "go_*"])


def test_a_folder_without_tasks_is_an_error(tmp_path: Path) -> None:
    """A wrong ``mode.tasks_dir`` is not an empty run."""
    with pytest.raises(DataError, match="has no task"):
        find_task_ids(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        find_task_ids(tmp_path / "nowhere")


def test_nothing_in_the_folder_is_passed_over(tmp_path: Path) -> None:
    """A task whose file is misspelt, and a judge's file that nobody reads, would be missing in silence."""
    folder = write_task(tmp_path, "python_double")
    (folder / "judge" / "case.jsonl").touch()
    (folder / "judge" / "mutants" / "sorts.patch").touch()
    problems = problems_of(folder)
    assert any("judge/case.jsonl: is not read by anything; did you mean 'cases.jsonl'" in found for found in problems)
    assert any("mutants/sorts.patch: is not read by anything; a mutant ends in .diff" in found for found in problems)
    (tmp_path / "python_other").mkdir()
    with pytest.raises(DataError, match=r"python_other: has no task\.yaml; every folder of .* is a task"):
        find_task_ids(tmp_path)
