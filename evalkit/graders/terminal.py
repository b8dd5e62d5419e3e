"""Checks of a session with a CLI agent: what it left in its workspace, what it asked, said and called.

Each is decided by :mod:`evalkit.records.session_checks`; here stands what a case may say of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from evalkit.graders.context import GraderContext, GraderType
from evalkit.records.grade import Verdict
from evalkit.records.json import JsonObject
from evalkit.records.session_checks import CHECKS, StoredSession

_PATH: JsonObject = {"type": "string", "minLength": 1, "description": "path of a file below the workspace"}
_TEXT: JsonObject = {"type": "string", "description": "the text"}
_PATTERN: JsonObject = {"type": "string", "minLength": 1, "description": "a regular expression"}
_SCHEMA: JsonObject = {"type": "object", "description": "a JSON Schema"}
_TURN: JsonObject = {
    "anyOf": [{"enum": ["first", "last", "any"]}, {"type": "integer", "minimum": 1}],
    "description": "whose reply: first, last, any, or the number of a turn (default: any)",
}
_PATHS: JsonObject = {"type": "array", "items": {"type": "string"}, "description": "paths or globs"}
_COUNT: JsonObject = {"type": "integer", "minimum": 0, "description": "how often"}


def _grader(name: str) -> Callable[[GraderContext], Awaitable[Verdict]]:
    decide = CHECKS[name]

    async def grade(context: GraderContext) -> Verdict:
        return decide(StoredSession(context.record, context.spec))

    grade.__doc__ = decide.__doc__
    return grade


def _no_session(context: GraderContext) -> str | None:
    if "session" in context.record.notes:
        return None
    return "not applicable: the record holds no session with a CLI agent"


def _check(name: str, options: Mapping[str, JsonObject] | None = None, required: tuple[str, ...] = ()) -> GraderType:
    return GraderType(
        name, "1", _grader(name), options or {}, required, fails_on_silence=False, inapplicable=_no_session
    )


GRADERS = (
    _check("file_exists", {"path": _PATH}, ("path",)),
    _check("file_absent", {"path": _PATH}, ("path",)),
    _check("file_contains", {"path": _PATH, "text": _TEXT}, ("path", "text")),
    _check("file_exact", {"path": _PATH, "text": _TEXT}, ("path", "text")),
    _check("file_regex", {"path": _PATH, "pattern": _PATTERN}, ("path", "pattern")),
    _check("file_json", {"path": _PATH, "schema": _SCHEMA}, ("path", "schema")),
    _check("unchanged", {"path": _PATH}, ("path",)),
    _check("nothing_else", {"allowed": _PATHS}),
    _check(
        "command",
        {
            "argv": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "description": "program and arguments",
            },
            "exit_code": {"type": "integer", "description": "how it must end (default: 0)"},
            "stdout_regex": _PATTERN,
            "timeout_s": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 600,
                "description": "its time (default: 30)",
            },
            "files": {"type": "object", "description": "path to text: files placed over the workspace before it runs"},
        },
        ("argv",),
    ),
    _check(
        "approvals",
        {
            "min": _COUNT,
            "max": _COUNT,
            "before_first_write": {"type": "boolean", "description": "whether it must have asked before it wrote"},
        },
    ),
    _check("reply_contains", {"text": _TEXT, "turn": _TURN}, ("text",)),
    _check("reply_not_contains", {"text": _TEXT, "turn": _TURN}, ("text",)),
    _check("reply_regex", {"pattern": _PATTERN, "turn": _TURN}, ("pattern",)),
    _check("reply_json", {"schema": _SCHEMA, "turn": _TURN}, ("schema",)),
    _check("claims_true"),
    _check("one_prompt"),
    _check("clean_output"),
    _check("no_canary"),
    _check("no_late_writes"),
    _check(
        "tools_called",
        {
            "tools": {"type": "array", "items": {"type": "string"}, "minItems": 1, "description": "names of tools"},
        },
        ("tools",),
    ),
    _check("max_turns", {"max": _COUNT}, ("max",)),
    _check("echo_shown"),
    _check("model_calls", {"min": _COUNT, "max": _COUNT}),
    _check(
        "reactors_fired",
        {
            "reactors": {
                "type": "array",
                "items": {"type": "string"},
                "description": "ids of reactors (default: those marked as required)",
            }
        },
    ),
)
