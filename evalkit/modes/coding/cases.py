"""A task as a case of the engine: what the record depends on in its inputs, what is expected beside them."""

from __future__ import annotations

from hashlib import sha256

from evalkit.modes.coding.task import Task
from evalkit.records.case import Case

EXPECTED = "expected_answers"
"""Where a case carries what is expected of each call, outside its inputs: other expectations do not make it another."""


def make_case(task: Task) -> Case:
    """Return the case that asks for `task`. It holds no file's content, but the hash of each that counts."""
    limits = task.limits
    return Case(
        case_id=task.task_id,
        mode="coding",
        inputs={
            "title": task.title,
            "language": str(task.language),
            "kind": task.kind,
            "difficulty": task.difficulty,
            "judged_by": task.judged_by,
            "tags": list(task.tags),
            "editable": list(task.editable),
            "limits": {"run_s": limits.run_s, "build_s": limits.build_s, "memory_mb": limits.memory_mb},
            "prompt_sha256": sha256(task.prompt.encode()).hexdigest(),
            "workspace_sha256": task.workspace_sha256,
            "examples_sha256": task.examples_sha256,
            "driver_sha256": task.driver_sha256,
            "calls": [{"id": call.call_id, **call.request} for call in task.judge.calls],
        },
        extra={EXPECTED: {call.call_id: call.expected for call in task.judge.calls}},
        required_graders=("tests",),
    )
