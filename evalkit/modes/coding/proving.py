"""Proves tasks before a model meets them: the right solution passes, and everything that is not right does not.

=================== ====================================================================================
of every task       must
=================== ====================================================================================
the oracle          apply as it stands, pass every hidden call and every public example
the workspace       build, and fail at least one hidden call
the half solution   build, pass some hidden calls and fail others
each mutant         build, and fail at least one hidden call
=================== ====================================================================================

A proof is kept by the content of the task, its harness, its toolchain and the sandbox: what was proved once is not run
again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from functools import partial

import evalkit
from evalkit.modes.coding.edits import DiffEdit, RefusedEdit
from evalkit.modes.coding.execution import Boxes
from evalkit.modes.coding.patch import apply_edit
from evalkit.modes.coding.programs import harness_sha256
from evalkit.modes.coding.task import Language, Task, TaskCall
from evalkit.modes.coding.toolchains import Toolchain
from evalkit.modes.mode import Say
from evalkit.peers.proofs import Proofs
from evalkit.records.code_answers import CodeStatus, CodeVerdict, judge_answers

_MOST_CALLS_NAMED = 3


@dataclass(frozen=True)
class Claim:
    """One solution of a task and what is claimed of it: to pass, or to be found out."""

    name: str
    diff: str | None
    calls: tuple[TaskCall, ...]


@dataclass(frozen=True)
class _Problem:
    """Why a claim does not hold, and what its program came to, empty where that says nothing."""

    claim: str
    message: str
    reason: str = ""


def prove_tasks(
    tasks: Sequence[Task],
    toolchains: Mapping[Language, Toolchain],
    boxes: Boxes,
    say: Say,
    proofs: Proofs | None = None,
) -> list[str]:
    """Return a message for every claim about `tasks` that does not hold; `say` is told of every task that is done.

    Raises SandboxError where a box could not be made.
    """
    kept = Proofs.open() if proofs is None else proofs
    pending = find_unproved(tasks, toolchains, boxes.sandbox.name, kept)
    if len(pending) < len(tasks):
        say(f"proved before, with the same content: {len(tasks) - len(pending)} of {len(tasks)} tasks")
    asked = {
        boxes.pool.submit(partial(_find_problem, task, claim, toolchains[task.language], boxes)): task
        for task in pending
        for claim in claims_of(task)
    }
    left = {task.task_id: sum(each is task for each in asked.values()) for task in pending}
    problems: dict[str, list[_Problem]] = {task.task_id: [] for task in pending}
    done = 0
    for future in _finished(asked):
        task = asked[future]
        problems[task.task_id] += future.result()
        left[task.task_id] -= 1
        if not left[task.task_id]:
            done += 1
            found = problems[task.task_id]
            say(f"{done}/{len(pending)} {task.task_id}: {'proved' if not found else 'NOT proved'}")
            if not found:
                kept.add(_proof_of(task, toolchains, boxes.sandbox.name))
    return [message for task in pending for message in sorted(_told_once(problems[task.task_id]))]


def find_unproved(
    tasks: Sequence[Task], toolchains: Mapping[Language, Toolchain], sandbox: str, proofs: Proofs
) -> list[Task]:
    """Return the tasks that were not proved yet with the content they have."""
    return [task for task in tasks if not proofs.has(_proof_of(task, toolchains, sandbox))]


def claims_of(task: Task) -> Iterator[Claim]:
    """Yield every claim about `task`."""
    hidden = task.judge.calls
    yield Claim("oracle", task.judge.oracle, hidden)
    yield Claim("oracle on the public examples", task.judge.oracle, task.examples)
    yield Claim("workspace", None, hidden)
    yield Claim("half", task.judge.half, hidden)
    for name, diff in task.judge.mutants.items():
        yield Claim(f"mutant {name}", diff, hidden)


def _told_once(problems: Sequence[_Problem]) -> Iterator[str]:
    """Yield the messages, without those that only repeat what is wrong with the oracle: one mistake of a driver."""
    known = {problem.reason for problem in problems if problem.claim == "oracle" and problem.reason}
    for problem in problems:
        if problem.claim == "oracle" or problem.reason not in known:
            yield problem.message


def _finished(asked: Mapping[Future[list[_Problem]], Task]) -> Iterator[Future[list[_Problem]]]:
    try:
        yield from as_completed(asked)
    finally:
        for future in asked:
            future.cancel()


def _find_problem(task: Task, claim: Claim, toolchain: Toolchain, boxes: Boxes) -> list[_Problem]:
    """Return what is wrong with one claim: nothing, or one message."""
    where = f"{task.folder}: {claim.name}"
    files: Mapping[str, bytes] = task.workspace
    if claim.diff is not None:
        edited = apply_edit(DiffEdit(claim.diff), task.workspace, task.editable, lenient=False)
        if isinstance(edited, RefusedEdit):
            message = f"{where}: cannot be applied to workspace/ as it stands: {edited.reason}"
            return [_Problem(claim.name, message)]
        files = edited.files
    found = boxes.execute(task, files, toolchain, claim.calls)
    verdict = judge_answers(found.observation, {call.call_id: call.expected for call in claim.calls})
    problem = _judge_claim(claim, verdict)
    reason = "" if verdict.status is CodeStatus.FAIL else verdict.first_difference
    return [_Problem(claim.name, f"{where}: {problem}", reason)] if problem else []


def _judge_claim(claim: Claim, verdict: CodeVerdict) -> str:
    """Return why `claim` does not hold; empty: it does."""
    passed, said = verdict.status is CodeStatus.PASS, f"{verdict.right} of {verdict.calls} calls"
    if claim.name.startswith("oracle"):
        wrong = list(verdict.differences.items())
        named = "; ".join(f"{call_id}: {difference}" for call_id, difference in wrong[:_MOST_CALLS_NAMED])
        more = f"; and {len(wrong) - _MOST_CALLS_NAMED} more" if len(wrong) > _MOST_CALLS_NAMED else ""
        ended = "" if verdict.status is CodeStatus.FAIL else f" {verdict.first_difference}:"
        return "" if passed else f"must pass, but ended as {verdict.status} ({said}):{ended} {named}{more}".rstrip(": ")
    if verdict.status is CodeStatus.BUILD_ERROR:
        return f"must build, but does not: {verdict.first_difference}"
    if passed:
        return f"must fail a hidden call, but passes all {verdict.calls}; add a call that finds it out"
    if claim.name == "half" and verdict.right == 0:
        return f"must be right on some hidden calls, but is on none ({verdict.status}: {verdict.first_difference})"
    return ""


def _proof_of(task: Task, toolchains: Mapping[Language, Toolchain], sandbox: str) -> tuple[str, ...]:
    toolchain = toolchains[task.language]
    return (
        "coding task",
        evalkit.__version__,
        task.content_sha256,
        harness_sha256(task.language),
        toolchain.version,
        sandbox,
    )
