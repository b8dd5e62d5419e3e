"""What a program's answers to calls are worth: the one comparison, asked by the grader and by the entry gate alike.

An *observation* is what a record keeps of running a candidate's program::

    {"status": "answered", "reason": "", "patch_level": 0, "answers": {"two-overlap": {"ok": [[1, 4]]}, …}}

`status` is ``answered`` where the program answered every call, else the :class:`CodeStatus` that says how far it came;
`patch_level` is how leniently the patch was applied (0: exactly as it stood), None where none was. An answer is
``{"ok": VALUE}`` or ``{"error": KIND, "message": TEXT}``. What is expected of a call is ``{"expect": VALUE}``, perhaps
with a ``"tolerance"``, or ``{"error": KIND}``, where ``true`` stands for any kind.

A call with ``"decoy_of"`` asks for a test that right code fails: the test of that id with another expected value. Both
cannot pass at once, so who answers both alike has not run them, and is ``tampered``. (One decoy alone may be passed by
honest code that is wrong: by the very value that the decoy expects.)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from evalkit.errors import printable
from evalkit.records.json import Json, JsonObject

ANSWERED = "answered"
"""The status of an observation whose answers can be compared."""
_LONGEST = 100


class CodeStatus(StrEnum):
    """How an attempt at a coding task ended; exactly one of them, and ``docs/coding.md`` says what each means."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    BUILD_ERROR = "build_error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    CRASH = "crash"
    PROTOCOL = "protocol"
    TAMPERED = "tampered"
    INVALID_PATCH = "invalid_patch"
    NO_PATCH = "no_patch"
    PROTECTED_PATH = "protected_path"


@dataclass(frozen=True)
class CodeVerdict:
    """What an observation is worth.

    Attributes:
        status: How it ended.
        right: Calls that were answered rightly, decoys not counted.
        calls: Calls that were to be answered, decoys not counted.
        first_difference: The first call that was not answered rightly, and how; empty: every one was.
        differences: Call id -> what is wrong with its answer, of every call that was not answered rightly.

    """

    status: CodeStatus
    right: int
    calls: int
    first_difference: str
    differences: Mapping[str, str]


def judge_answers(observed: JsonObject, expected: Mapping[str, JsonObject], *, strict: bool = False) -> CodeVerdict:
    """Return the verdict on an observation by what is `expected`, call id -> expectation.

    With `strict`, a patch that could only be applied with leniency (level above 0) is no valid patch.
    """
    answers: Any = observed.get("answers") or {}
    differences = {
        call_id: found
        for call_id, wanted in expected.items()
        if (found := find_difference(wanted, answers.get(call_id)))
    }
    counted = [call_id for call_id, wanted in expected.items() if "decoy_of" not in wanted]
    right, asked = sum(call_id not in differences for call_id in counted), len(counted)
    status, level = str(observed["status"]), observed.get("patch_level")
    if strict and isinstance(level, int) and level > 0:
        return CodeVerdict(CodeStatus.INVALID_PATCH, 0, asked, f"the patch fits at level {level} only", {})
    fooled = _find_fooled(answers, expected)
    if fooled:
        reason = f"{len(fooled)} of {asked} tests pass with a wrong expected value as well, such as {fooled[0]}"
        return CodeVerdict(CodeStatus.TAMPERED, right, asked, reason, differences)
    first = next((f"{call_id}: {found}" for call_id, found in differences.items()), "")
    if status != ANSWERED:
        reason = printable(str(observed.get("reason") or first))
        return CodeVerdict(CodeStatus(status), right, asked, reason, differences)
    return CodeVerdict(CodeStatus.FAIL if differences else CodeStatus.PASS, right, asked, first, differences)


def _find_fooled(answers: Mapping[str, JsonObject], expected: Mapping[str, JsonObject]) -> list[str]:
    """Return the tests that were answered as passed, and their decoys too."""
    pairs = [(str(wanted["decoy_of"]), call_id) for call_id, wanted in expected.items() if "decoy_of" in wanted]
    return [
        test
        for test, decoy in pairs
        if test in expected and not any(find_difference(expected[test], answers.get(each)) for each in (test, decoy))
    ]


def find_difference(expected: JsonObject, answer: JsonObject | None) -> str:
    """Return what is wrong with `answer`; empty where it is what was `expected`.

    Compared strictly: true is not 1, "1" is not 1, a list has its order and its length; 1 and 1.0 are one number.
    """
    if answer is None:
        return "no answer"
    if "oversized" in answer:
        return f"got an answer of {answer['oversized']} bytes, of which nothing is kept"
    if "error" in expected:
        kind = expected["error"]
        if "error" not in answer:
            return f"got {_shown(answer.get('ok'))}, expected {_error_name(kind)}"
        return (
            "" if kind is True or answer["error"] == kind else f"got {_shown_error(answer)}, expected the error {kind}"
        )
    if "ok" not in answer:
        return f"got {_shown_error(answer)}, expected {_shown(expected['expect'])}"
    tolerance: Any = expected.get("tolerance")
    return _compare(expected["expect"], answer["ok"], tolerance, "")


def _compare(expected: Json, got: Json, tolerance: float | None, place: str) -> str:
    if _is_number(expected) and _is_number(got):
        same = _is_same_number(expected, got, tolerance)
    elif isinstance(expected, str | bool | None) or type(expected) is not type(got):
        same = type(expected) is type(got) and expected == got
    elif isinstance(expected, Mapping) and isinstance(got, Mapping):
        return _compare_objects(expected, got, tolerance, place)
    elif isinstance(expected, Sequence) and isinstance(got, Sequence):
        return _compare_lists(expected, got, tolerance, place)
    else:
        same = False
    at = f" at {place}" if place else ""
    return "" if same else f"got {_shown(got)}, expected {_shown(expected)}{at}"


def _compare_objects(expected: Mapping[str, Json], got: Mapping[str, Json], tolerance: float | None, place: str) -> str:
    if expected.keys() != got.keys():
        at = f" at {place}" if place else ""
        return f"got the keys {_shown(sorted(got))}, expected {_shown(sorted(expected))}{at}"
    found = (_compare(value, got[key], tolerance, f"{place}.{key}") for key, value in expected.items())
    return next((difference for difference in found if difference), "")


def _compare_lists(expected: Sequence[Json], got: Sequence[Json], tolerance: float | None, place: str) -> str:
    if len(expected) != len(got):
        at = f" at {place}" if place else ""
        return f"got {_shown(got)} ({len(got)} items), expected {_shown(expected)} ({len(expected)} items){at}"
    pairs = zip(expected, got, strict=True)
    found = (_compare(one, other, tolerance, f"{place}[{index}]") for index, (one, other) in enumerate(pairs))
    return next((difference for difference in found if difference), "")


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_same_number(expected: Any, got: Any, tolerance: float | None) -> bool:
    if expected == got:
        return True
    try:
        return tolerance is not None and abs(float(expected) - float(got)) <= tolerance * max(1.0, abs(float(expected)))
    except OverflowError:
        return False


def _error_name(kind: Json) -> str:
    return "an error" if kind is True else f"the error {kind}"


def _shown_error(answer: JsonObject) -> str:
    message = str(answer.get("message") or "")
    return _clip(f"the error {answer.get('error')}{f' ({message})' if message else ''}")


def _shown(value: Json) -> str:
    return _clip(json.dumps(value, ensure_ascii=False))


def _clip(text: str) -> str:
    """Return `text` short and on one line: the program has a say in it, and people read it in terminals."""
    text = printable(text[: 2 * _LONGEST])
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
