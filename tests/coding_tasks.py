"""Small coding tasks for tests, written as their authors would write them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BROKEN = "def double(number):\n    return number + number + 1\n\n\ndef name():\n    return 'double'\n"

DRIVER = """\
def call(fn, args):
    import doubling
    return getattr(doubling, fn)(*args)
"""

TASK_YAML = """\
title: Double a number
language: python
kind: bugfix
difficulty: easy
tags: [numbers]
editable: ["doubling.py"]
limits: {run_s: 5}
"""

CALLS: Sequence[Mapping[str, Any]] = (
    {"id": "zero", "fn": "double", "args": [0], "expect": 0},
    {"id": "three", "fn": "double", "args": [3], "expect": 6},
    {"id": "minus", "fn": "double", "args": [-2], "expect": -4},
    {"id": "text", "fn": "double", "args": ["ab"], "expect": "abab"},
    {"id": "nothing", "fn": "double", "args": [None], "error": "TypeError"},
    {"id": "name", "fn": "name", "args": [], "expect": "double"},
)


def diff_of(body: str) -> str:
    """Return a diff that replaces the body of ``double``."""
    return (
        "diff --git a/doubling.py b/doubling.py\n--- a/doubling.py\n+++ b/doubling.py\n"
        f"@@ -1,5 +1,5 @@\n def double(number):\n-    return number + number + 1\n+    {body}\n \n \n def name():\n"
    )


ORACLE = diff_of("return number + number")
HALF = diff_of("return abs(number) + abs(number)")
MUTANTS = {"squares": diff_of("return number * number"), "never": diff_of("return 0")}


def lines_of(calls: Sequence[Mapping[str, Any]]) -> str:
    """Return calls as the lines of a JSONL file."""
    return "".join(f"{json.dumps(call)}\n" for call in calls)


def write_task(tasks_dir: Path, name: str = "python_double", **changed: str | bytes | None) -> Path:
    """Write a whole task and return its folder; `changed` has other contents by path, None: no such file."""
    folder = tasks_dir / name
    files: dict[str, str | bytes | None] = {
        "task.yaml": TASK_YAML,
        "prompt.md": "`double(number)` in `doubling.py` must return twice its argument, whatever can be added.\n",
        "workspace/doubling.py": BROKEN,
        "public_tests/examples.jsonl": lines_of([{"id": "one", "fn": "double", "args": [1], "expect": 2}]),
        "judge/driver.py": DRIVER,
        "judge/cases.jsonl": lines_of(CALLS),
        "judge/oracle.diff": ORACLE,
        "judge/half.diff": HALF,
        **{f"judge/mutants/{mutant}.diff": diff for mutant, diff in MUTANTS.items()},
        **changed,
    }
    for path, content in files.items():
        if content is not None:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder
