"""The run directory: where everything a run leaves behind lies, and the only code that writes it there.

``docs/run-directory.md`` has the table of files. A directory belongs to one run: creating it twice is an error.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
import yaml
from filelock import FileLock, Timeout

from evalkit.errors import ConfigError, DataError
from evalkit.records.grade import Grade, grade_from_json, grade_to_json
from evalkit.records.record import Attempt, CaseRecord, from_json, to_json
from evalkit.settings.renamed import with_new_names
from evalkit.store.files import write_atomically
from evalkit.store.journal import append_line, append_lines, cut_torn_line, read_lines

# A case's id, and a later trial's number.
_KEY_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,139}(?<!\.)")


# Whoever only asks whether a run is held has the lock for a moment, and must not be taken for a writer.
_LOCK_TIMEOUT_S = 0.5

_NOBODY: Mapping[str, bool | None] = MappingProxyType({})

_log = logging.getLogger(__name__)


class RunStatus(StrEnum):
    """How a run stands, as ``status.json`` says it."""

    RUNNING = "running"
    COMPLETED = "completed"
    GATE_FAILED = "gate_failed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    BUDGET_REACHED = "budget_reached"


@dataclass(frozen=True)
class StoredRecord:
    """A record as it lies on disk, with the hash of its bytes."""

    record: CaseRecord
    sha256: str


@dataclass(frozen=True)
class RunDirectory:
    """Paths, writers and readers of one run."""

    root: Path

    @staticmethod
    def new_root(output_dir: Path, label: str) -> Path:
        """Create and return ``<output_dir>/<date>/<time>_<label>``, a folder that no other run has."""
        while True:
            now = datetime.now().astimezone()
            root = output_dir / now.strftime("%Y-%m-%d") / f"{now.strftime('%H-%M-%S-%f')}_{label}"
            if _created(root):
                return root

    @staticmethod
    def new_sweep_root(output_dir: Path) -> Path:
        """Create and return ``<output_dir>/sweeps/<stamp>``, a folder that no other sweep has."""
        while True:
            root = output_dir / "sweeps" / datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S-%f")
            if _created(root):
                return root

    # --- paths ---

    @property
    def config_path(self) -> Path:
        """The resolved, validated config."""
        return self.root / "config.yaml"

    @property
    def journal_path(self) -> Path:
        """The journal."""
        return self.root / "journal.jsonl"

    @property
    def grades_path(self) -> Path:
        """All grades ever given, the newest of each grader last."""
        return self.root / "grades.jsonl"

    @property
    def status_path(self) -> Path:
        """The status, with counts and exit code."""
        return self.root / "status.json"

    @property
    def provenance_path(self) -> Path:
        """What produced the run."""
        return self.root / "provenance.json"

    def record_path(self, key: str) -> Path:
        """The record of one case-trial."""
        return self.root / "records" / f"{_checked(key)}.json"

    def events_path(self, key: str) -> Path:
        """The event trace of one case-trial."""
        return self.root / "events" / f"{_checked(key)}.jsonl"

    def audio_dir(self, key: str) -> Path:
        """The folder of one case-trial's sound files."""
        return self.root / "audio" / _checked(key)

    def conversation_path(self, key: str) -> Path:
        """The transcript of one case-trial that is a conversation."""
        return self.root / "conversations" / f"{_checked(key)}.txt"

    def files_dir(self, key: str) -> Path:
        """The folder of one case-trial's texts: what it was asked, answered and made of it, one file each."""
        return self.root / "files" / _checked(key)

    def inside(self, stored: str) -> Path:
        """Return the file that a record names. Raises DataError for one that lies elsewhere: records can be forged."""
        path = (self.root / stored).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise DataError(f"{self.root}: a record names the file {stored!r}, which lies outside the run directory")
        return path

    def relative(self, path: Path) -> str:
        """Return `path` as a record stores it: relative to the run directory, with forward slashes."""
        return path.relative_to(self.root).as_posix()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the run for this process; its end, however it comes, gives it free.

        Raises ConfigError when another process holds it.
        """
        lock = FileLock(self._lock_path, timeout=_LOCK_TIMEOUT_S)
        try:
            lock.acquire()
        except Timeout as taken:
            raise ConfigError(
                f"{self.root}: another process is writing this run; wait for it, or end it first"
            ) from taken
        try:
            yield
        finally:
            lock.release()

    def is_held(self) -> bool:
        """Whether a process holds the run (:meth:`exclusive`). Asking disturbs nobody."""
        if not self._lock_path.exists():
            return False
        lock = FileLock(self._lock_path, blocking=False)
        try:
            lock.acquire()
        except Timeout:
            return True
        except OSError:  # the folder cannot be written by us, so what its status says has to do
            status = self.read_status()
            return status is not None and status["status"] == RunStatus.RUNNING
        lock.release()
        return False

    @property
    def _lock_path(self) -> Path:
        return self.root / ".lock"

    # --- writing ---

    def journal_start(self, key: str, attempt: int) -> None:
        """Note that an attempt at a case-trial begins."""
        append_line(
            self.journal_path, {"event": "started", "key": key, "attempt": attempt, "at": now_utc()}, sync=False
        )

    def journal_attempt(self, key: str, attempt: Attempt, cost_usd: Mapping[str, float | None], wait_s: float) -> None:
        """Note that an attempt failed, what it cost, and that another one follows in `wait_s` seconds."""
        tried = {"attempt": attempt.number, "duration_ms": attempt.duration_ms}
        failure = asdict(attempt.failure) if attempt.failure else None
        entry = {
            "event": "failed",
            "key": key,
            **tried,
            "failure": failure,
            "artifacts": dict(attempt.artifacts),
            "cost_usd": dict(cost_usd),
            "wait_s": round(wait_s, 3),
            "at": now_utc(),
        }
        append_line(self.journal_path, entry, sync=False)

    def set_aside(self, key: str, attempt: int) -> dict[str, str]:
        """Rename all that an attempt at a case-trial left, so that the next one begins with nothing.

        Args:
            key: The case-trial.
            attempt: Which attempt left it; 0: one that never came to its end, or that no record counts any more.

        Returns:
            What there was, by name: where it lies now, relative to the run directory.

        """
        label = f"attempt{attempt}" if attempt else "earlier"
        left = {
            "event_log_path": (self.events_path(key), f"{key}.{label}.jsonl"),
            "conversation_path": (self.conversation_path(key), f"{key}.{label}.txt"),
            "audio_folder": (self.audio_dir(key), f"{key}.{label}"),
            "files_folder": (self.files_dir(key), f"{key}.{label}"),
        }
        moved = {name: _moved(path, path.with_name(aside)) for name, (path, aside) in left.items()}
        return {name: self.relative(path) for name, path in moved.items() if path is not None}

    def journal_beginning(self, run_id: str, planned: int) -> None:
        """Note that a new run of so many case-trials begins."""
        append_line(self.journal_path, {"event": "began", "run_id": run_id, "planned": planned, "at": now_utc()})

    def journal_resumption(self, planned: int) -> None:
        """Note that the run, of so many case-trials in all, goes on after it had ended."""
        append_line(self.journal_path, {"event": "resumed", "planned": planned, "at": now_utc()})

    def journal_concurrency(self, limit: int, reason: str, at_s: float, pause_s: float = 0.0) -> None:
        """Note that another number of attempts may be under way, or none may begin for `pause_s` seconds.

        `at_s`: how many seconds into the run.
        """
        what = {"event": "paused", "seconds": pause_s} if pause_s else {"event": "concurrency"}
        entry = {**what, "limit": limit, "reason": reason, "at_s": at_s, "at": now_utc()}
        append_line(self.journal_path, entry, sync=False)

    def store_record(self, record: CaseRecord) -> str:
        """Write a record, once and for all, then journal it; return the hash of its bytes.

        What the journal does not name was never finished. A record of an earlier try at the case-trial, lost or made
        under other settings, is kept in ``records/superseded/``.
        """
        content = _indented(to_json(record))
        record_sha256 = sha256(content).hexdigest()
        path = self.record_path(record.key)
        if path.exists():
            self._set_aside(path)
        write_atomically(path, content)
        self.journal_finish(record, record_sha256)
        return record_sha256

    def journal_finish(self, record: CaseRecord, record_sha256: str) -> None:
        """Note that a record whose bytes have this hash is stored."""
        append_line(
            self.journal_path,
            {
                "event": "finished",
                "key": record.key,
                "record_sha256": record_sha256,
                "reuse_key": record.reuse_key,
                "fault": record.fault,
                "cost_usd": dict(record.cost_usd),
                "at": now_utc(),
            },
        )

    def _set_aside(self, path: Path) -> None:
        content = path.read_bytes()
        write_atomically(path.parent / "superseded" / f"{path.stem}.{sha256(content).hexdigest()[:12]}.json", content)

    def append_grades(self, grades: Sequence[Grade], passed: Mapping[str, bool | None] = _NOBODY) -> None:
        """Append grades, on disk when this returns, and announce them; older ones stay as history.

        `passed`: of each case-trial that is graded, whether it passes with them, for whoever follows the run.
        """
        if not grades:
            return
        append_lines(self.grades_path, map(grade_to_json, grades))
        graders: dict[str, dict[str, None]] = {}
        for grade in grades:
            graders.setdefault(grade.key, {})[grade.grader_id] = None
        told = [
            {"event": "graded", "key": key, "graders": list(ids), **_of(key, passed), "at": now_utc()}
            for key, ids in graders.items()
        ]
        append_lines(self.journal_path, told, sync=False)

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write the resolved config, keys in the schemas' order."""
        write_atomically(self.config_path, yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))

    def write_status(self, status: RunStatus, *, exit_code: int | None, counts: Mapping[str, int]) -> None:
        """Write how the run stands; `exit_code` is None while it is running."""
        document = {"status": status, "exit_code": exit_code, "counts": dict(counts), "at": now_utc()}
        write_atomically(self.status_path, json.dumps(document, indent=2) + "\n")

    def conclude(self, status: RunStatus, *, exit_code: int, counts: Mapping[str, int]) -> None:
        """Write how the run ended, and note it in the journal; for whoever holds the run."""
        self.write_status(status, exit_code=exit_code, counts=counts)
        cut_torn_line(self.journal_path)  # it may have ended before anybody mended what a crash had left
        entry = {"event": "ended", "status": status, "exit_code": exit_code, "at": now_utc()}
        append_line(self.journal_path, entry)

    # --- reading ---

    def read_config(self) -> dict[str, Any]:
        """Return the resolved config, its keys as they are called today."""
        return with_new_names(yaml.safe_load(self.config_path.read_text(encoding="utf-8")))

    def read_status(self) -> dict[str, Any] | None:
        """Return ``status.json``, or None when the run never got that far."""
        if not self.status_path.exists():
            return None
        status: dict[str, Any] = json.loads(self.status_path.read_text(encoding="utf-8"))
        return status

    def read_provenance(self) -> dict[str, Any]:
        """Return ``provenance.json``."""
        provenance: dict[str, Any] = json.loads(self.provenance_path.read_text(encoding="utf-8"))
        return provenance

    def read_finished(self) -> dict[str, StoredRecord]:
        """Return the record of every case-trial that the journal says is finished and whose bytes still match it.

        A record that is gone or is another's bytes is passed over with a warning: it is nobody's result.
        """
        hashes = {
            line["key"]: line["record_sha256"] for line in read_lines(self.journal_path) if line["event"] == "finished"
        }
        finished = {}
        for key, expected in hashes.items():
            path = self.record_path(key)
            content = path.read_bytes() if path.exists() else b""
            if sha256(content).hexdigest() == expected:
                finished[key] = StoredRecord(from_json(json.loads(content)), expected)
            else:
                _log.warning("evalkit: %s is not what the journal says was stored; the case-trial does not count", path)
        return finished

    def read_reuse_keys(self) -> dict[str, str]:
        """Return the reuse key of every case-trial that the journal says is finished, whatever lies there now."""
        lines = (line for line in read_lines(self.journal_path) if line["event"] == "finished")
        return {line["key"]: line["reuse_key"] for line in lines}

    def read_concurrency(self) -> list[dict[str, Any]]:
        """Return every change of the number of attempts that may be under way, and every pause, oldest first."""
        changes = (line for line in read_lines(self.journal_path) if line["event"] in ("concurrency", "paused"))
        return [{"at_s": line["at_s"], "limit": line["limit"], "reason": _why(line)} for line in changes]

    def read_grades(self) -> list[Grade]:
        """Return all grades, oldest first."""
        return [grade_from_json(line) for line in read_lines(self.grades_path)]


def _of(key: str, passed: Mapping[str, bool | None]) -> dict[str, bool | None]:
    return {"passed": passed[key]} if key in passed else {}


def _why(change: Mapping[str, Any]) -> str:
    paused = f": paused for {change['seconds']:.1f} s" if change["event"] == "paused" else ""
    return f"{change['reason']}{paused}"


def _indented(document: Mapping[str, Any]) -> bytes:
    """Return `document` as JSON for people. Raises ValueError for NaN, which orjson alone would turn into null."""
    compact = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    try:
        return orjson.dumps(document, option=orjson.OPT_INDENT_2)
    except TypeError:  # integers beyond 64 bits, which tools may answer with
        return compact


def _checked(key: str) -> str:
    """Return the name of a case-trial. Raises DataError for what is none: paths are made of it."""
    if not _KEY_PATTERN.fullmatch(key):
        raise DataError(f"{key[:80]!r} is not the name of a case-trial; the run directory was not written by evalkit")
    return key


def _moved(path: Path, aside: Path) -> Path | None:
    """Return `aside`, which `path` was renamed to, in place of what lay there; None when there is no `path`."""
    try:
        path.rename(aside)
    except FileNotFoundError:
        return None
    except OSError:
        if not aside.is_dir():
            raise
        shutil.rmtree(aside)
        path.rename(aside)
    return aside


def now_utc() -> str:
    """Return the wall clock's time, UTC, ISO 8601. For people; nothing is measured with it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _created(root: Path) -> bool:
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"output_dir: no folder can be made at {root.parent} ({reason}); choose another") from error
    try:
        root.mkdir()
    except FileExistsError:
        return False
    except OSError as error:
        raise ConfigError(f"output_dir: {root.parent} cannot be written ({error.strerror}); choose another") from error
    return True
