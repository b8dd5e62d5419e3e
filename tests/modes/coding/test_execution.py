"""What comes out of the boxes is an observation: how it ended and what was answered, nothing of what is right."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from coding_tasks import write_task
from scripted_sandbox import AskedBox, ScriptedSandbox, box_result

from evalkit.modes.coding.execution import REFERENCE_S, Boxes, Execution, open_boxes
from evalkit.modes.coding.task import Language, Task
from evalkit.modes.coding.tasks import read_task
from evalkit.modes.coding.toolchains import Toolchain
from evalkit.sandbox.box import BoxResult, Ending

Run = Callable[[Callable[[AskedBox], BoxResult], Language], Execution]
TOOLCHAIN = Toolchain(Language.PYTHON, "/usr/bin/python3", "3.11.2")


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return read_task(write_task(tmp_path))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


@pytest.fixture
def run(task: Task, pool: ThreadPoolExecutor) -> Run:
    def make(answer: Callable[[AskedBox], BoxResult], language: Language = Language.PYTHON) -> Execution:
        changed = replace(task, language=language)
        boxes = Boxes(ScriptedSandbox(answer), pool)
        toolchain = replace(TOOLCHAIN, language=language)
        return boxes.execute(changed, changed.workspace, toolchain, changed.judge.calls)

    return make


def _answers(count: int) -> tuple[bytes, ...]:
    return tuple(json.dumps({"ok": number}).encode() for number in range(count))


@pytest.mark.parametrize(
    ("result", "status", "reason"),
    [
        (box_result(answers=_answers(6)), "answered", ""),
        (box_result(answers=_answers(6), exit_code=3), "answered", ""),
        (box_result(answers=_answers(2), exit_code=0), "crash", "exit code 0, 2 of 6 calls answered"),
        (box_result(answers=(), exit_code=139), "crash", "exit code 139, 0 of 6 calls answered"),
        (box_result(Ending.TIMEOUT, answers=_answers(5)), "timeout", "not done within 5 s, 5 of 6 calls answered"),
        (box_result(Ending.MEMORY), "memory", "more than 512 MiB of memory, 0 of 6 calls answered"),
        (box_result(Ending.OUTPUT), "output", "more than 16 MiB written to stdout and stderr, 0 of 6 calls answered"),
        (box_result(Ending.PROTOCOL, answers=_answers(6)), "protocol", "the answers do not fit the calls"),
        (box_result(answers=(b"{}", *_answers(5))), "protocol", "the answer to zero cannot be read"),
        (box_result(Ending.TIMEOUT, answers=(b"\xff",)), "protocol", "the answer to zero cannot be read"),
    ],
)
def test_how_the_box_ended_is_the_status(run: Run, result: BoxResult, status: str, reason: str) -> None:
    """One status each, with what a person wants to know."""
    found = run(lambda _: result, Language.PYTHON)
    assert (found.status, found.reason[: len(reason)]) == (status, reason)


def test_answers_stand_by_their_call(run: Run) -> None:
    """Those that came, also where the program did not come to its end; none behind one that cannot be read."""
    assert run(lambda _: box_result(answers=_answers(2)), Language.PYTHON).answers == {
        "zero": {"ok": 0},
        "three": {"ok": 1},
    }
    broken = box_result(answers=(*_answers(1), b"?", *_answers(4)))
    assert list(run(lambda _: broken, Language.PYTHON).answers) == ["zero"]


def test_a_box_is_told_nothing_of_what_is_expected(task: Task, pool: ThreadPoolExecutor) -> None:
    """No file, argument, variable or request of any box holds an expected value, a diff or a call's id."""
    secret = "3f9c-expected"
    calls = tuple(replace(call, call_id=f"id-{secret}", expected={"expect": secret}) for call in task.judge.calls)
    judge = replace(task.judge, calls=calls, oracle=secret, half=secret, mutants={"m": secret})
    for language in Language:
        sandbox = ScriptedSandbox(lambda asked: box_result(collected=b"program" if asked.requests is None else None))
        changed = replace(task, language=language, judge=judge)
        toolchain = Toolchain(language, "/usr/bin/tool", "1")
        Boxes(sandbox, pool).execute(changed, changed.workspace, toolchain, changed.judge.calls)
        assert len(sandbox.asked) == (2 if language in (Language.GO, Language.RUST, Language.CPP) else 1)
        assert secret not in repr(sandbox.asked)


def test_a_program_is_built_without_calls_and_run_without_sources(task: Task, pool: ThreadPoolExecutor) -> None:
    """Only the program's bytes go from the first box to the second."""
    sandbox = ScriptedSandbox(lambda _: box_result(collected=b"\x7fELF", wall_s=2, stderr=b"warning: unused"))
    changed = replace(task, language=Language.GO)
    found = Boxes(sandbox, pool).execute(
        changed, task.workspace, replace(TOOLCHAIN, language=Language.GO), task.judge.calls
    )
    built, ran = sandbox.asked
    assert built.requests is None
    assert ran.requests is not None
    assert list(ran.job.workspace.values()) == [b"\x7fELF"]
    assert ran.job.executable_paths == set(ran.job.workspace)
    assert not ran.job.files
    assert (found.build_ms, found.build_log) == (2000, b"warning: unused")


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (box_result(exit_code=1, stderr=b"# task\n./a.go:3: error: x\n"), "exit code 1: ./a.go:3: error: x"),
        (box_result(exit_code=2, stdout=b"cannot find main\n"), "exit code 2: cannot find main"),
        (box_result(exit_code=1), "exit code 1: "),
        (box_result(Ending.TIMEOUT), "not built within 60 s"),
        (box_result(Ending.MEMORY), "the compiler was ended: memory"),
        (box_result(), "the compiler left no program"),
    ],
)  # fmt: skip
def test_what_does_not_build_is_a_build_error(run: Run, result: BoxResult, reason: str) -> None:
    """Whatever ended the compiler, nothing is run, and the log is kept."""
    found = run(lambda _: result, Language.RUST)
    assert found.status == "build_error"
    assert found.reason.startswith(reason)
    assert (found.run_ms, found.build_log) == (None, result.stdout + result.stderr)


@pytest.mark.parametrize(("slower", "scale"), [(0.1, 1.0), (1.0, 1.0), (3.0, 3.0), (1000.0, 10.0)])
def test_limits_of_time_follow_the_machine(task: Task, slower: float, scale: float) -> None:
    """A slow machine gets more time, up to ten times; a quick one no less."""
    sandbox = ScriptedSandbox(lambda _: box_result(wall_s=REFERENCE_S * slower))
    with open_boxes(sandbox) as boxes:
        assert boxes.scale == pytest.approx(scale)
        boxes.execute(task, task.workspace, TOOLCHAIN, task.judge.calls)
    assert sandbox.asked[-1].limits.wall_s == pytest.approx(5 * scale)
    assert sandbox.asked[-1].limits.memory_bytes == 512 * 2**20


async def test_boxes_wait_in_a_pool_of_their_own(pool: ThreadPoolExecutor) -> None:
    """Waiting for a box takes no thread from anybody else, and what it raises arrives."""
    boxes = Boxes(ScriptedSandbox(), pool)
    assert await boxes.call(lambda number: number + 1, 2) == 3
    with pytest.raises(ZeroDivisionError):
        await boxes.call(lambda: 1 / 0)
