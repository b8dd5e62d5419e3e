"""What a run that ended anywhere left behind, made whole again: what is finished, and what was tried without success.

A process can be killed between any two writes. So a torn last line is cut off, a half-written file is removed, and a
record that was stored while its line in the journal was not written any more is taken up: it is whole, since files are
there whole or not at all, and it was paid for.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from evalkit.records.faults import Failure
from evalkit.records.record import Attempt, from_json
from evalkit.store.files import remove_partial_files
from evalkit.store.journal import cut_torn_line, read_lines
from evalkit.store.run_directory import RunDirectory, StoredRecord

_log = logging.getLogger(__name__)


@dataclass
class Tries:
    """Attempts at a case-trial that failed, and what they cost by role in dollars (None: a price is unknown)."""

    attempts: list[Attempt] = field(default_factory=list)
    cost_usd: dict[str, float | None] = field(default_factory=dict)

    def add(self, attempt: Attempt, cost_usd: Mapping[str, float | None]) -> None:
        """Add one more."""
        self.attempts.append(attempt)
        for role, cost in cost_usd.items():
            before = self.cost_usd.get(role, 0.0)
            self.cost_usd[role] = None if cost is None or before is None else before + cost


@dataclass(frozen=True)
class Progress:
    """How far a run had come.

    Attributes:
        finished: Key -> record, of what is finished.
        tries: Key -> failed attempts since then, of what is not.

    """

    finished: Mapping[str, StoredRecord] = field(default_factory=dict)
    tries: Mapping[str, Tries] = field(default_factory=dict)


def recover(run: RunDirectory) -> Progress:
    """Repair the files of `run`, which nobody else may be writing, and return how far it had come."""
    remove_partial_files(run.root)
    for path in (run.journal_path, run.grades_path):
        cut_torn_line(path)
    tries: dict[str, Tries] = {}
    last_event: dict[str, str] = {}
    for line in read_lines(run.journal_path):
        key, event = str(line.get("key", "")), str(line.get("event"))
        if key and event != "graded":
            last_event[key] = event
        if event == "failed":
            tries.setdefault(key, Tries()).add(_attempt(line), line["cost_usd"])
        elif event == "finished":
            tries.pop(key, None)
    for key in [key for key, event in last_event.items() if event == "started"]:
        if _take_up(run, key):
            tries.pop(key, None)
    return Progress(run.read_finished(), tries)


def _take_up(run: RunDirectory, key: str) -> bool:
    """Journal the record of a case-trial that was under way, if it is stored and new."""
    path = run.record_path(key)
    if not path.exists():
        return False
    content = path.read_bytes()
    record_sha256 = sha256(content).hexdigest()
    known = {line.get("record_sha256") for line in read_lines(run.journal_path) if line.get("key") == key}
    if record_sha256 in known:
        return False
    try:
        record = from_json(json.loads(content))
    except (ValueError, KeyError, TypeError):
        _log.warning("%s: the stored record cannot be read; the case-trial starts over", key)
        return False
    run.journal_finish(record, record_sha256)
    return True


def _attempt(line: Mapping[str, object]) -> Attempt:
    told = line["failure"]
    failure = Failure(**told) if isinstance(told, dict) else None
    artifacts = line.get("artifacts")
    return Attempt(
        number=int(str(line["attempt"])),
        duration_ms=float(str(line["duration_ms"])),
        failure=failure,
        artifacts=artifacts if isinstance(artifacts, dict) else {},
    )
