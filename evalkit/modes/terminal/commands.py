"""Runs the commands that a case checks with: on a copy of the workspace, in a box of their own, without the agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalkit.errors import SandboxError
from evalkit.modes.terminal.agent import Python, fill_in
from evalkit.modes.terminal.workspace import Tree
from evalkit.records.grade import GraderSpec
from evalkit.records.json import Json
from evalkit.sandbox.box import MIB, BoxJob, BoxLimits, Sandbox

_KEPT_CHARS = 8_000
_DEFAULT_S = 30.0


def run_commands(specs: Sequence[GraderSpec], tree: Tree, sandbox: Sandbox, python: Python) -> dict[str, Json]:
    """Return, for each check of type ``command``, how it ended and what it wrote; blocks.

    The workspace is the agent's, with the files of the check placed over it: the agent cannot have changed those.
    """
    found: dict[str, Json] = {}
    for spec in specs:
        if spec.grader_type == "command":
            found[spec.grader_id] = _run(spec.options, tree, sandbox, python)
    return found


def _run(options: Mapping[str, Any], tree: Tree, sandbox: Sandbox, python: Python) -> dict[str, Json]:
    placed = {path: str(text).encode() for path, text in (options.get("files") or {}).items()}
    over = set(placed) | {
        "/".join(path.split("/")[:count]) for path in placed for count in range(1, path.count("/") + 1)
    }
    kept = {
        path: entry.content
        for path, entry in tree.items()
        if entry.kind == "file"
        and entry.content is not None
        and path not in over
        and _is_plain(path)
        and not any(path.startswith(f"{other}/") for other in placed)
    }
    wall_s = float(options.get("timeout_s", _DEFAULT_S))
    argv = tuple(fill_in(part, {"python": python.program}) for part in options["argv"])
    try:
        job = BoxJob(argv, {**kept, **placed}, read_only=python.read_only)
        limits = BoxLimits(wall_s=wall_s, cpu_s=int(wall_s) + 1, memory_bytes=1024 * MIB, processes=128)
        result = sandbox.run(job, limits)
    except (SandboxError, ValueError) as error:
        return {"problem": f"no box for it: {error}"}
    return {
        "ending": str(result.ending),
        "exit_code": result.exit_code,
        "stdout": result.stdout.decode("utf-8", "replace")[-_KEPT_CHARS:],
        "stderr": result.stderr.decode("utf-8", "replace")[-_KEPT_CHARS:],
    }


def _is_plain(path: str) -> bool:
    """Whether a box can hold a file of this name."""
    return (
        path.isprintable() and all(len(part.encode()) <= 255 for part in path.split("/")) and len(path.encode()) <= 1024
    )
