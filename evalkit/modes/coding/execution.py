"""Builds a candidate's program and asks it every call, each in its box; what comes out is an observation, no verdict.

Nothing of what is expected is known here. What is the machine's fault, a box that could not be made, is raised
(:class:`evalkit.errors.SandboxError`); everything else is said by the observation.
"""

from __future__ import annotations

import asyncio
import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from evalkit.modes.coding.programs import MIB, build_limits, plan_program, run_limits, with_built
from evalkit.modes.coding.task import Task, TaskCall
from evalkit.modes.coding.toolchains import Toolchain
from evalkit.modes.coding.wire import read_answer_line, request_line
from evalkit.records.code_answers import ANSWERED, CodeStatus
from evalkit.records.json import Json, JsonObject
from evalkit.sandbox.box import BoxJob, BoxLimits, BoxResult, Ending, Sandbox

P = ParamSpec("P")
T = TypeVar("T")

# How long the reference box takes on the machine on which the tasks' limits were chosen, in seconds.
REFERENCE_S = 0.1
_REFERENCE = ("/bin/sh", "-c", "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done")
_MOST_SCALE = 10.0

_BY_ENDING: Mapping[Ending, CodeStatus] = {
    Ending.TIMEOUT: CodeStatus.TIMEOUT,
    Ending.MEMORY: CodeStatus.MEMORY,
    Ending.OUTPUT: CodeStatus.OUTPUT,
    Ending.PROTOCOL: CodeStatus.PROTOCOL,
}


@dataclass(frozen=True)
class Execution:
    """What came of building and asking a program.

    Attributes:
        status: ``answered``, or how far it came (:class:`~evalkit.records.code_answers.CodeStatus`).
        reason: Why it came no further, in a few words.
        answers: Call id -> answer, of the calls that were answered.
        build_log: What the compiler said.
        run_log: What the program wrote to stdout and stderr.
        build_ms: None where nothing was built.
        run_ms: None where nothing was run.
        peak_memory_mb: The most memory that the program was seen to hold, in MiB.

    """

    status: str
    reason: str = ""
    answers: Mapping[str, JsonObject] = field(default_factory=dict)
    build_log: bytes = b""
    run_log: bytes = b""
    build_ms: float | None = None
    run_ms: float | None = None
    peak_memory_mb: float | None = None

    @property
    def observation(self) -> dict[str, Json]:
        """What a record keeps of it, and a verdict is found by (:mod:`evalkit.records.code_answers`)."""
        return {"status": str(self.status), "reason": self.reason, "answers": dict(self.answers)}


@dataclass(frozen=True)
class Boxes:
    """Runs programs in a sandbox, no more at once than there are threads in its pool.

    Attributes:
        sandbox: Who makes the boxes.
        pool: One thread for each processor.
        scale: How much slower this machine is than the one on which limits of time were chosen, 1 or more.

    """

    sandbox: Sandbox
    pool: ThreadPoolExecutor
    scale: float = 1.0

    async def call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `work` returns, called in a thread of the pool."""
        return await asyncio.wrap_future(self.pool.submit(work, *args, **kwargs))

    def execute(
        self, task: Task, files: Mapping[str, bytes], toolchain: Toolchain, calls: Sequence[TaskCall]
    ) -> Execution:
        """Build `files` and ask every call; blocks. Raises SandboxError where no box could be made."""
        return _execute(self, task, files, toolchain, calls)


@contextmanager
def open_boxes(sandbox: Sandbox) -> Iterator[Boxes]:
    """Give boxes of `sandbox`, their limits of time scaled by what a reference box takes here and now.

    Raises SandboxError where no box could be made.
    """
    limits = BoxLimits(wall_s=30, cpu_s=30)
    took = [sandbox.run(BoxJob(_REFERENCE), limits).wall_s for _ in range(3)]
    scale = min(max(statistics.median(took) / REFERENCE_S, 1.0), _MOST_SCALE)
    with ThreadPoolExecutor(os.cpu_count() or 1, "box") as pool:
        yield Boxes(sandbox, pool, scale)


def _execute(
    boxes: Boxes, task: Task, files: Mapping[str, bytes], toolchain: Toolchain, calls: Sequence[TaskCall]
) -> Execution:
    program = plan_program(task, files, toolchain)
    job, built = program.run, Execution(ANSWERED)
    if program.build is not None:
        limits = build_limits(task.limits, boxes.scale)
        result = boxes.sandbox.run(program.build, limits)
        log, took_ms = result.stdout + result.stderr, result.wall_s * 1000
        if result.collected is None:
            reason = _why_not_built(result, limits)
            return Execution(CodeStatus.BUILD_ERROR, reason, build_log=log, build_ms=took_ms)
        job, built = with_built(job, result.collected), Execution(ANSWERED, build_log=log, build_ms=took_ms)
    limits = run_limits(task.limits, boxes.scale)
    requests = [request_line(task.language, call) for call in calls]
    result = boxes.sandbox.run(job, limits, requests)
    answers, malformed = _read_answers(task, calls, result.answers)
    status, reason = _how_it_ended(result, limits, len(calls), malformed)
    return Execution(
        status,
        reason,
        answers,
        build_log=built.build_log,
        run_log=result.stdout + result.stderr,
        build_ms=built.build_ms,
        run_ms=result.wall_s * 1000,
        peak_memory_mb=result.peak_memory_bytes / MIB,
    )


def _read_answers(task: Task, calls: Sequence[TaskCall], lines: Sequence[bytes]) -> tuple[dict[str, JsonObject], str]:
    """Return the answers by call, and what is wrong with the first line that is none; empty: nothing."""
    answers: dict[str, JsonObject] = {}
    for call, line in zip(calls, lines, strict=False):
        try:
            answers[call.call_id] = read_answer_line(task.language, line)
        except ValueError as error:
            return answers, f"the answer to {call.call_id} cannot be read: {error}"
    return answers, ""


def _how_it_ended(result: BoxResult, limits: BoxLimits, calls: int, malformed: str) -> tuple[str, str]:
    if malformed:
        return CodeStatus.PROTOCOL, malformed
    answered = f"{len(result.answers)} of {calls} calls answered"
    if result.ending in _BY_ENDING:
        said = {
            Ending.TIMEOUT: f"not done within {limits.wall_s:.3g} s",
            Ending.MEMORY: f"more than {limits.memory_bytes // MIB} MiB of memory",
            Ending.OUTPUT: f"more than {limits.flood_bytes // MIB} MiB written to stdout and stderr",
            Ending.PROTOCOL: "the answers do not fit the calls",
        }
        return _BY_ENDING[result.ending], f"{said[result.ending]}, {answered}"
    if len(result.answers) < calls:
        return CodeStatus.CRASH, f"exit code {result.exit_code}, {answered}"
    return ANSWERED, ""


def _why_not_built(result: BoxResult, limits: BoxLimits) -> str:
    if result.ending is Ending.TIMEOUT:
        return f"not built within {limits.wall_s:.3g} s"
    if result.ending is not Ending.EXITED:
        return f"the compiler was ended: {result.ending}"
    if result.exit_code == 0:
        return "the compiler left no program"
    lines = (result.stderr + b"\n" + result.stdout).decode("utf-8", "replace").splitlines()
    first = next((line.strip() for line in lines if "error" in line.lower()), next(filter(str.strip, lines), ""))
    return f"exit code {result.exit_code}: {first[:200]}"
