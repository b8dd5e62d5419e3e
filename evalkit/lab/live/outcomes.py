"""What a journal's lines stand for: the records and grades that they name, as readers of the stream are told."""

from __future__ import annotations

import stat
from collections import defaultdict
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from statistics import fmean
from typing import Any

import orjson

from evalkit.errors import DataError, UserError
from evalkit.lab.index.rows import TrialEnding
from evalkit.lab.live.stored_grades import StoredGrades
from evalkit.lab.live.totals import ending_when_finished, ending_when_graded
from evalkit.records.grade import Grade
from evalkit.records.passing import passed, required_graders
from evalkit.records.record import CaseRecord, Usage, from_json
from evalkit.runs.scorings import record_in_force
from evalkit.runs.stored_run import StoredRun, open_run
from evalkit.store.run_directory import RunDirectory

_LARGEST_RECORD = 64 << 20
_REMEMBERED = 64
_STATUSES = {
    TrialEnding.PASSED: "passed",
    TrialEnding.FAILED: "failed",
    TrialEnding.LOST: "api_error",
    TrialEnding.UNGRADED: "error",
}
"""Our endings in the words of the older clients of ``attempt`` messages."""


class Outcomes:
    """Records and grades of one run, looked up as its journal names them. For one thread at a time."""

    def __init__(self, root: Path) -> None:
        self._run = RunDirectory(root)
        self.grades = StoredGrades(self._run.grades_path)
        self._sha256_of: dict[str, str] = {}
        self._records: dict[str, CaseRecord] = {}
        self._stored: StoredRun | None = None
        self._provenance_ns = 0

    def note(self, event: Mapping[str, Any]) -> None:
        """Note which record stands for a case-trial from the line `event` on; every line comes here once, in order."""
        if event["event"] == "finished":
            self._sha256_of[str(event.get("key"))] = str(event.get("record_sha256"))

    def has_passed(self, event: Mapping[str, Any]) -> bool | None:
        """Return whether the case-trial of a ``graded`` line passes; earlier versions do not say so in the line."""
        if "passed" in event:
            told = event["passed"]
            return told if isinstance(told, bool) else None
        record = self._record_of(event)
        return None if record is None else passed(record, self._grades_of(record, event))

    def join(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the line `event` with what it stands for."""
        if event["event"] not in ("finished", "graded"):
            return dict(event)
        record = self._record_of(event)
        told: dict[str, Any] = {"ending": self._ending(event, record)}
        if record is not None and event["event"] == "finished":
            told |= _what_ended(record)
        elif event["event"] == "graded":
            told["grades"] = {} if record is None else _values(self._grades_of(record, event))
        return {**event, **told}

    def attempt(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the ``attempt`` message of the line that decides a case-trial; None: this one decides none.

        A case-trial is decided by its grades, or where it has none, by its end.
        """
        if event["event"] not in ("finished", "graded"):
            return None
        record = self._record_of(event)
        if record is None or (event["event"] == "finished" and record.fault is None and required_graders(record.case)):
            return None
        usage = sum((turn.usage for turn in record.turns), Usage())
        config = {} if (stored := self.stored_run()) is None else stored.stored_config
        asked = config.get("assistant") or {}
        costs = record.cost_usd.values()
        failure = record.failure
        return {
            "type": "attempt",
            "key": record.key,
            "model": record.served_model or asked.get("model"),
            "task_id": record.case.case_id,
            "sample_index": record.trial - 1,
            "status": _STATUSES[self._ending(event, record)],
            "duration_seconds": record.duration_ms / 1000,
            "prompt_tokens": usage.input_tokens,
            "completion_tokens": usage.output_tokens,
            "cost_usd": None if None in costs else sum(cost for cost in costs if cost is not None),
            "error": f"{failure.error_type} at {failure.stage}: {failure.message}" if failure else None,
            "diff_rewrite_fallback_used": False,
            "provider": (config.get("provider") or {}).get("name"),
            "thinking_level_applied": asked.get("reasoning_effort"),
            "thinking_level_requested": asked.get("reasoning_effort"),
        }

    def stored_run(self) -> StoredRun | None:
        """Return the run as its files describe it by now; None where they cannot be read."""
        try:
            changed_ns = self._run.provenance_path.stat().st_mtime_ns
            if changed_ns != self._provenance_ns:
                self._stored, self._provenance_ns = None, changed_ns
                self._records.clear()
                self._stored = open_run(self._run.root, "the lab")
        except (OSError, UserError, ValueError, TypeError, KeyError):
            pass
        return self._stored

    def _ending(self, event: Mapping[str, Any], record: CaseRecord | None) -> TrialEnding:
        if event["event"] == "finished":
            return ending_when_finished(event)
        before = TrialEnding.UNGRADED if record is None or record.scored else TrialEnding.LOST
        return ending_when_graded(self.has_passed(event), before)

    def _record_of(self, event: Mapping[str, Any]) -> CaseRecord | None:
        """Return the record that a ``finished`` line names, or that a ``graded`` one is about: the newest."""
        key = str(event.get("key"))
        wanted = event["record_sha256"] if event["event"] == "finished" else self._sha256_of.get(key)
        if not isinstance(wanted, str):
            return None
        found = self._records.get(wanted)
        if found is None:
            found = self._read_record(key, wanted)
            if found is not None:
                while len(self._records) >= _REMEMBERED:
                    self._records.pop(next(iter(self._records)))
                self._records[wanted] = found
        return found

    def _read_record(self, key: str, wanted: str) -> CaseRecord | None:
        stored = self.stored_run()
        try:
            path = self._run.record_path(key)
            for place in (path, path.parent / "superseded" / f"{path.stem}.{wanted[:12]}.json"):
                content = _read_plain_file(place)
                if sha256(content).hexdigest() == wanted:
                    return record_in_force(from_json(orjson.loads(content)), stored.scorings if stored else ())
        except (DataError, OSError, ValueError, KeyError, TypeError, AttributeError):
            pass
        return None

    def _grades_of(self, record: CaseRecord, event: Mapping[str, Any]) -> list[Grade]:
        wanted = self._sha256_of.get(record.key, event.get("record_sha256"))
        return [grade for grade in self.grades.of(record.key) if grade.record_sha256 == wanted]


def _what_ended(record: CaseRecord) -> dict[str, Any]:
    failure = record.failure
    return {
        "case_id": record.case.case_id,
        "trial": record.trial,
        "duration_ms": record.duration_ms,
        "attempts": len(record.attempts),
        "failure": None if failure is None else {
            "stage": failure.stage, "error_type": failure.error_type, "message": failure.message[:2000],
        },
    }  # fmt: skip


def _values(grades: Iterable[Grade]) -> dict[str, float | None]:
    """Return grader -> the mean of its grades that count; None where it gave none."""
    newest = {grade.question: grade for grade in grades if grade.in_force}
    of_grader: dict[str, list[float]] = defaultdict(list)
    for grade in newest.values():
        of_grader[grade.grader_id] += [] if grade.grade is None else [grade.grade]
    return {grader: fmean(values) if values else None for grader, values in of_grader.items()}


def _read_plain_file(path: Path) -> bytes:
    """Return what is in `path`, or nothing where it is no file of a bearable size: run directories are hostile."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return b""
    return path.read_bytes() if stat.S_ISREG(found.st_mode) and found.st_size <= _LARGEST_RECORD else b""
