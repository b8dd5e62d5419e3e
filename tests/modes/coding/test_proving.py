"""A task enters a run only when its right solution passes and everything else is found out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from coding_tasks import BROKEN, CALLS, HALF, ORACLE, TASK_YAML, lines_of, write_task
from scripted_sandbox import AskedBox, ScriptedSandbox, box_result

from evalkit.modes.coding.execution import Boxes
from evalkit.modes.coding.proving import claims_of, prove_tasks
from evalkit.modes.coding.task import Language
from evalkit.modes.coding.tasks import read_task
from evalkit.modes.coding.toolchains import Toolchain
from evalkit.peers.proofs import Proofs
from evalkit.sandbox.box import BoxResult

TOOLCHAINS = {Language.PYTHON: Toolchain(Language.PYTHON, "/usr/bin/python3", "3.11")}


def run_here(asked: AskedBox) -> BoxResult:
    """Run the test's own little program in this process: it is ours."""
    space: dict[str, Callable[..., object]] = {}
    exec(asked.job.workspace["doubling.py"], space)  # noqa: S102 - written by this test
    answers = []
    for line in asked.requests or ():
        call = json.loads(line)
        try:
            answers.append({"ok": space[call["fn"]](*call["args"])})
        except Exception as error:  # noqa: BLE001
            answers.append({"error": type(error).__name__, "message": ""})
    return box_result(answers=tuple(json.dumps(answer).encode() for answer in answers))


@pytest.fixture
def boxes() -> Iterator[Boxes]:
    with ThreadPoolExecutor(2) as pool:
        yield Boxes(ScriptedSandbox(run_here), pool)


def prove(folder: Path, boxes: Boxes, said: list[str] | None = None, proofs: Path | None = None) -> list[str]:
    task = read_task(folder)
    say = (said if said is not None else []).append
    found = prove_tasks([task], TOOLCHAINS, boxes, say, Proofs(proofs or folder.parent / "proofs"))
    return [problem.replace(f"{folder}: ", "") for problem in found]


def test_a_fair_task_is_proved_once(tmp_path: Path, boxes: Boxes) -> None:
    """A second look at the same content runs nothing; another content is tried again."""
    folder, said = write_task(tmp_path / "tasks"), list[str]()
    assert prove(folder, boxes, said) == []
    assert said == ["1/1 python_double: proved"]
    sandbox = boxes.sandbox
    assert isinstance(sandbox, ScriptedSandbox)
    tried = len(sandbox.asked)
    assert tried == len(list(claims_of(read_task(folder)))) == 6
    assert prove(folder, boxes, said) == []
    assert (len(sandbox.asked), said[-1]) == (tried, "proved before, with the same content: 1 of 1 tasks")
    write_task(tmp_path / "tasks", **{"judge/cases.jsonl": lines_of(CALLS[:-1])})
    assert prove(folder, boxes, said) == []
    assert len(sandbox.asked) == 2 * tried


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"judge/oracle.diff": HALF}, "oracle: must pass, but ended as fail (4 of 6 calls): minus: got 4, expected -4"),
        ({"judge/half.diff": ORACLE}, "half: must fail a hidden call, but passes all 6"),
        ({"judge/mutants/never.diff": ORACLE}, "mutant never: must fail a hidden call, but passes all 6"),
        ({"judge/cases.jsonl": lines_of(CALLS[:2])}, "half: must fail a hidden call, but passes all 2"),
        ({"judge/oracle.diff": ORACLE.replace("+ 1\n", "+ 7\n")}, "oracle: cannot be applied"),
        ({"judge/half.diff": ORACLE.replace("@@ -1,5", "@@ -1,9")}, "half: cannot be applied"),
        ({"workspace/doubling.py": BROKEN.replace(" + 1", "")}, "workspace: must fail a hidden call"),
        ({"public_tests/examples.jsonl": lines_of([{"id": "x", "fn": "double", "args": [1], "expect": 3}])},
         "oracle on the public examples: must pass, but ended as fail (0 of 1 calls): x: got 2, expected 3"),
        ({"judge/half.diff": ORACLE.replace("+    return number + number", "+    raise KeyError")},
         "half: must be right"),
    ],
)  # fmt: skip
def test_what_is_not_fair_is_named(tmp_path: Path, boxes: Boxes, changed: dict[str, str], expected: str) -> None:
    """With the solution and the call, and it is not kept as proved."""
    if "must be right" in expected:
        changed = {**changed, "judge/cases.jsonl": lines_of(CALLS[:3])}
    folder, said = write_task(tmp_path / "tasks", **changed), list[str]()
    found = prove(folder, boxes, said)
    assert any(problem.startswith(expected) for problem in found), found
    assert said == ["1/1 python_double: NOT proved"]
    assert prove(folder, boxes) == found


def _not_building(asked: AskedBox) -> BoxResult:
    is_oracle_or_half = b"number + number\n" in (text := asked.job.workspace["doubling.py"]) or b"abs" in text
    return box_result(exit_code=1, stderr=b"error: no Go files" if is_oracle_or_half else b"error: another")


def test_a_task_that_does_not_build_says_so_once(tmp_path: Path) -> None:
    """What is wrong with the right solution is not said of every mutant again; what is wrong with one of them is."""
    as_go = {
        "task.yaml": TASK_YAML.replace("python", "go"),
        "judge/driver.go": "package main\n",
        "judge/driver.py": None,
    }
    task = read_task(write_task(tmp_path / "tasks", "go_double", **as_go))
    with ThreadPoolExecutor(1) as pool:
        boxes = Boxes(ScriptedSandbox(_not_building), pool)
        toolchains = {Language.GO: Toolchain(Language.GO, "/usr/bin/go", "1.19")}
        found = prove_tasks([task], toolchains, boxes, lambda _: None, Proofs(tmp_path / "proofs"))
    told = [problem.partition("go_double: ")[2] for problem in found]
    assert [problem.partition(":")[0] for problem in told] == ["mutant never", "mutant squares", "oracle", "workspace"]
    assert "must pass, but ended as build_error" in told[2]
    assert sum("must build, but does not: exit code 1: error: another" in problem for problem in told) == 3
