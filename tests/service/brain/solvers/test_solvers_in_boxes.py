"""Every solver gets its one status, judged as a run judges it: in real boxes, by an interpreted and a compiled task."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from coding_tasks import TASK_YAML, lines_of, write_task

from evalkit.errors import ConfigError
from evalkit.modes.coding.answer import extract_edit
from evalkit.modes.coding.edits import RefusedEdit
from evalkit.modes.coding.execution import Boxes, open_boxes
from evalkit.modes.coding.patch import apply_edit, editable_files
from evalkit.modes.coding.prompt import write_prompt
from evalkit.modes.coding.task import EditFormat, Task
from evalkit.modes.coding.tasks import read_task
from evalkit.modes.coding.toolchains import Toolchain, find_toolchain
from evalkit.records.code_answers import judge_answers
from evalkit.sandbox.finding import find_sandbox
from evalkit.service.brain.conversation import Conversation, UserTurn
from evalkit.service.brain.solvers.solvers import SOLVERS, solver_models

STATUSES = {
    "oracle": "pass",
    "noop": "fail",
    "half": "fail",
    "test-deleter": "protected_path",
    "exit0": "crash",
    "forger": "fail",
    "equal-all": "fail",
    "loop": "timeout",
    "hog": "memory",
    "forker": "fail",
    "flood": "output",
    "latin1": "pass",
    "wrong-language": "build_error",
    "prose": "no_patch",
    "stale-diff": "invalid_patch",
    "lenient-diff": "pass",
}
HEADER = """\
#ifndef TWICE_HPP
#define TWICE_HPP

// Two times a number.
inline long twice(long number) {
    return number + number + 1;
}

#endif
"""
DRIVER = """\
#include "twice.hpp"

Value call(const std::string&, const std::vector<Value>& args) {
    return Value(twice(args.at(0).integer()));
}
"""


def diff_of(body: str) -> str:
    return (
        "diff --git a/twice.hpp b/twice.hpp\n--- a/twice.hpp\n+++ b/twice.hpp\n"
        "@@ -3,7 +3,7 @@\n \n // Two times a number.\n"
        f" inline long twice(long number) {{\n-    return number + number + 1;\n+    return {body};\n }}\n \n #endif\n"
    )


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Task]:
    """A task in Python and one in C++, with half a second of time and little memory."""
    folder = tmp_path_factory.mktemp("tasks")
    about = TASK_YAML.replace("run_s: 5", "run_s: 2, memory_mb: 256")
    calls = [{"id": f"of{number}", "fn": "twice", "args": [number], "expect": 2 * number} for number in (-2, 0, 3)]
    files = {
        "task.yaml": about.replace("python", "cpp").replace("doubling.py", "twice.hpp"),
        "prompt.md": "`twice` in `twice.hpp` must return two times its argument.\n",
        "workspace/doubling.py": None,
        "workspace/twice.hpp": HEADER,
        "judge/driver.py": None,
        "judge/driver.hpp": DRIVER,
        "judge/cases.jsonl": lines_of(calls),
        "judge/oracle.diff": diff_of("number + number"),
        "judge/half.diff": diff_of("number < 0 ? 0 : number + number"),
        "judge/mutants/squares.diff": diff_of("number * number"),
        "judge/mutants/never.diff": diff_of("0"),
    }
    return {
        "python": read_task(write_task(folder, "python_double", **{"task.yaml": about})),
        "cpp": read_task(write_task(folder, "cpp_twice", **files)),
    }


@pytest.fixture(scope="module")
def boxes() -> Iterator[Boxes]:
    try:
        sandbox = find_sandbox()
    except ConfigError as error:
        pytest.skip(str(error))
    with open_boxes(sandbox) as opened:
        yield opened


def status_of(task: Task, name: str, boxes: Boxes) -> str:
    prompt = write_prompt(task, EditFormat.DIFF, include_tests=False)
    text = solver_models([task.folder.parent])[name](Conversation("", (), (UserTurn(prompt),))).text
    edit = extract_edit(text, EditFormat.DIFF, editable_files(task.workspace, task.editable))
    found = edit if isinstance(edit, RefusedEdit) else apply_edit(edit, task.workspace, task.editable)
    if isinstance(found, RefusedEdit):
        return str(found.status)
    toolchain = find_toolchain(task.language)
    if not isinstance(toolchain, Toolchain):
        pytest.skip(toolchain.reason)
    execution = boxes.execute(task, found.files, toolchain, task.judge.calls)
    expected = {call.call_id: call.expected for call in task.judge.calls}
    return str(judge_answers(execution.observation, expected).status)


def sleepers() -> set[int]:
    """Return the processes that the forker starts, as far as they are to be seen from here."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == b"sleep\x00600\x00":
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("language", ["python", "cpp"])
@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_gets_its_one_status(tasks: dict[str, Task], boxes: Boxes, name: str, language: str) -> None:
    """A syntax error of an interpreted language is the answer to every call, so a wrong one: fail."""
    is_error_of_calls = (name, language) == ("wrong-language", "python")
    before = sleepers()
    assert status_of(tasks[language], name, boxes) == ("fail" if is_error_of_calls else STATUSES[name])
    if name == "forker":
        gone_by = time.monotonic() + 10
        while sleepers() - before and time.monotonic() < gone_by:  # another run's may come and go
            time.sleep(0.1)
        assert sleepers() <= before


def test_the_table_has_every_solver() -> None:
    """Nobody adds one without its status."""
    assert set(STATUSES) == set(SOLVERS)
