"""What a model is told before it tries again (``mode.repair_rounds``): what its patch did to the public examples.

Only public things are in it: the reason why a patch does not fit, what the compiler said, and what the program
answers to the examples. Hidden calls are never asked before the last round is over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from evalkit.modes.coding.execution import Execution
from evalkit.modes.coding.prompt import ask_again, fenced
from evalkit.modes.coding.task import EditFormat, Task, TaskCall
from evalkit.records.code_answers import ANSWERED, find_difference

_LOG_CHARS = 4000


def tell_refused(reason: str, edit_format: EditFormat) -> str:
    """Return what a model is told whose patch was not applied."""
    return f"Your change was not applied: {reason}.\n\n{ask_again(edit_format)}"


def tell_execution(task: Task, execution: Execution, edit_format: EditFormat) -> str:
    """Return what a model is told about its program; empty where every public example was answered rightly."""
    wrong = list(_wrong_examples(task, execution))
    if execution.status == ANSWERED and not wrong:
        return ""
    parts = []
    if execution.status != ANSWERED:
        parts.append(f"Your program ended as {execution.status}: {execution.reason}.")
    if wrong:
        parts.append("\n".join(["Examples that it did not answer rightly:", *wrong]))
    parts += [*_log("The compiler said", execution.build_log), *_log("The program wrote", execution.run_log)]
    return "\n\n".join([*parts, ask_again(edit_format)])


def _wrong_examples(task: Task, execution: Execution) -> Iterator[str]:
    for call in task.examples if execution.run_ms is not None else ():
        difference = find_difference(call.expected, execution.answers.get(call.call_id))
        if difference:
            yield f"- `{_shown(call)}`: {difference}"


def _shown(call: TaskCall) -> str:
    return f"{call.fn}({', '.join(json.dumps(arg, ensure_ascii=False) for arg in call.args)})"


def _log(title: str, log: bytes) -> Iterator[str]:
    text = log.decode("utf-8", "replace").strip()
    if text:
        yield f"{title}:\n\n{fenced(text[-_LOG_CHARS:])}"
