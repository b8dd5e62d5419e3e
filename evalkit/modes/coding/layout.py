"""How the results of coding tasks look: columns, what stands in the summary, and the programs on a run's page."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evalkit.modes.coding.cases import EXPECTED
from evalkit.records.code_answers import CodeStatus, judge_answers
from evalkit.records.json import Json
from evalkit.records.layout import Breakdown, PageSection, ResultLayout, SectionSource, SummarySetting
from evalkit.records.record import CaseRecord
from evalkit.reports.page.diff_view import lay_side_by_side

_COLUMNS = (
    "task_id", "title", "language", "kind", "difficulty", "outcome", "calls_passed", "calls", "patch_level",
    "edit_format", "judged_by", "status", "failure_stage", "error_type", "error_message", "build_ms", "run_ms",
    "peak_memory_mb",
    "prompt_path", "response_path", "reasoning_path", "patch_path", "build_log_path", "run_log_path", "calls_path",
)  # fmt: skip
_SHOWN_CHARS = 300
_TEMPLATE = Path(__file__).parent / "programs.html.j2"


def show_programs(source: SectionSource) -> Mapping[str, object]:
    """Return what the page shows of all programs: who passed by language and difficulty, and each program."""
    programs = [_program(record) for record in source.records]
    shares = [_shares(programs, by) for by in ("language", "difficulty", "kind")]
    return {"programs": programs, "shares": shares, "alone": False}


def show_program(source: SectionSource) -> Mapping[str, object]:
    """Return what the page of one case-trial shows of its program."""
    return {"programs": [_program(record) for record in source.records], "shares": [], "alone": True}


def _program(record: CaseRecord) -> dict[str, Any]:
    inputs, shown = record.case.inputs, _mapping(record.notes.get("shown"))
    observed = _mapping(record.notes.get("observed"))
    status, reason, calls, right, asked = "", "", [], 0, 0
    if observed:
        verdict = judge_answers(observed, _mapping(record.case.extra.get(EXPECTED)))
        status, reason = str(verdict.status), verdict.first_difference
        calls, right, asked = list(_calls(record, observed, verdict.differences)), verdict.right, verdict.calls
    elif record.failure is not None:
        status, reason = "no grade", record.failure.message
    return {
        "key": record.key,
        **{name: str(inputs.get(name, "")) for name in ("title", "language", "difficulty", "kind", "judged_by")},
        "scored": record.scored and bool(status),
        "passed": status == CodeStatus.PASS,
        "status": status or "not run",
        "reason": reason,
        "level": observed.get("patch_level"),
        "diff": lay_side_by_side(str(shown.get("diff", ""))),
        "logs": [
            (title, str(shown[name]))
            for name, title in (("build_log", "Build log"), ("run_log", "What the program wrote"))
            if shown.get(name)
        ],
        "calls": calls,
        "right": right,
        "asked": asked,
    }


def _calls(
    record: CaseRecord, observed: Mapping[str, Any], differences: Mapping[str, str]
) -> Iterator[dict[str, object]]:
    answers, expected = _mapping(observed.get("answers")), _mapping(record.case.extra.get(EXPECTED))
    asked: Any = record.case.inputs.get("calls") or ()
    if not answers:
        return
    for call in asked:
        args = ", ".join(json.dumps(arg, ensure_ascii=False) for arg in call["args"])
        yield {
            "id": str(call["id"]),
            "call": _cut(f"{call['fn']}({args})"),
            "expected": _cut(_said(expected.get(call["id"]), "expect")),
            "got": _cut(_said(answers.get(call["id"]), "ok")),
            "is_right": call["id"] not in differences,
        }


def _said(answer: Json, value: str) -> str:
    found = _mapping(answer)
    if value in found:
        return json.dumps(found[value], ensure_ascii=False)
    if "error" in found:
        message = f": {found['message']}" if found.get("message") else ""
        return f"any error{message}" if found["error"] is True else f"error {found['error']}{message}"
    return "no answer"


def _shares(programs: Sequence[Mapping[str, Any]], by: str) -> dict[str, Any]:
    counts: dict[str, list[bool]] = defaultdict(list)
    for program in programs:
        if program["scored"]:
            counts[program[by]].append(program["passed"])
    return {"name": by, "lines": [(name, sum(found), len(found)) for name, found in sorted(counts.items())]}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"


CODING_LAYOUT = ResultLayout(
    mode="coding",
    columns=_COLUMNS,
    case_columns=("title", "language", "kind", "difficulty", "judged_by"),
    setting_columns=("edit_format",),
    latency_columns=("latency_first_text_ms", "latency_response_done_ms"),
    settings=(
        SummarySetting("model", "assistant.model"),
        SummarySetting("tasks_dir", "mode.tasks_dir"),
        SummarySetting("edit_format", "mode.edit_format"),
        SummarySetting("lenient", "mode.lenient", missing=False),
        SummarySetting("include_tests", "mode.include_tests", missing=False),
        SummarySetting("repair_rounds", "mode.repair_rounds", 0),
        SummarySetting("responses", "mode.responses"),
    ),
    answer_latency="latency_response_done_ms",
    outcome_column="outcome",
    breakdowns=(
        Breakdown("language"),
        Breakdown("difficulty", ("easy", "medium", "hard", "expert")),
        Breakdown("kind"),
    ),
    ranked_apart=("lenient",),
    page_sections=(PageSection("Programs", _TEMPLATE, show_programs),),
    case_sections=(PageSection("Program", _TEMPLATE, show_program),),
)
