"""Programs that pretend to pass a task's own tests, in real boxes: not one of them passes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from boxes.needs import needs_bubblewrap
from suite_programs import CHEATS, HALF, MUTANTS, NOTHING, RIGHT, answering_thread, write_suite_task

from evalkit.modes.coding.execution import Boxes, open_boxes
from evalkit.modes.coding.proving import prove_tasks
from evalkit.modes.coding.task import Language, Task
from evalkit.modes.coding.tasks import read_task
from evalkit.modes.coding.toolchains import Toolchain, find_toolchain
from evalkit.peers.proofs import Proofs
from evalkit.records.code_answers import CodeVerdict, judge_answers
from evalkit.sandbox.finding import find_sandbox

pytestmark = needs_bubblewrap


@pytest.fixture(scope="module", name="boxes")
def open_real_boxes() -> Iterator[Boxes]:
    with open_boxes(find_sandbox("bubblewrap")) as boxes:
        yield boxes


@pytest.fixture(name="task")
def read_suite_task(tmp_path: Path) -> Task:
    return read_task(write_suite_task(tmp_path / "tasks"))


@pytest.fixture(name="python")
def find_python() -> Toolchain:
    found = find_toolchain(Language.PYTHON)
    assert isinstance(found, Toolchain), found
    return found


def judge(boxes: Boxes, task: Task, python: Toolchain, files: dict[str, str]) -> CodeVerdict:
    given = {"solution.py": NOTHING, **files}
    found = boxes.execute(task, {path: text.encode() for path, text in given.items()}, python, task.judge.calls)
    return judge_answers(found.observation, {call.call_id: call.expected for call in task.judge.calls})


def test_a_suite_is_proved(tmp_path: Path, task: Task, boxes: Boxes, python: Toolchain) -> None:
    """Right code passes every test and fails every decoy; what is wrong is found out."""
    assert prove_tasks([task], {Language.PYTHON: python}, boxes, lambda _: None, Proofs(tmp_path / "proofs")) == []


def test_right_code_passes(task: Task, boxes: Boxes, python: Toolchain) -> None:
    """Without it, the tests below would show nothing."""
    verdict = judge(boxes, task, python, {"solution.py": RIGHT})
    assert (verdict.status, verdict.right, verdict.calls) == ("pass", 12, 12)


@pytest.mark.parametrize("program", [NOTHING, HALF, *MUTANTS.values(), "def merge_intervals(", ""])
def test_honest_code_that_is_wrong_is_no_fraud(task: Task, boxes: Boxes, python: Toolchain, program: str) -> None:
    """It fails, with the number of tests that it passes, decoys not counted."""
    verdict = judge(boxes, task, python, {"solution.py": program})
    assert verdict.status == "fail"
    assert 0 <= verdict.right < verdict.calls == 12


@pytest.mark.parametrize("cheat", CHEATS)
def test_no_cheat_passes(task: Task, boxes: Boxes, python: Toolchain, cheat: str) -> None:
    """Each ends with its own status, and it is not ``pass``."""
    expected, files = CHEATS[cheat]
    verdict = judge(boxes, task, python, dict(files))
    assert verdict.status == expected, (verdict.status, verdict.first_difference)
    assert verdict.status != "pass"


def test_a_thread_that_answers_line_by_line_is_found_out_either_way(
    task: Task, boxes: Boxes, python: Toolchain
) -> None:
    """A line that comes before it is asked for breaks the protocol; one that comes just in time passes decoys too."""
    verdict = judge(boxes, task, python, {"solution.py": answering_thread(lines=1)})
    assert verdict.status in {"protocol", "tampered"}
