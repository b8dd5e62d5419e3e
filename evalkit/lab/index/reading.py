"""A run directory as rows of the index: read as far as it goes, and what is wrong with it said in words.

A run that is going is read on from where it was read to: its journal and its grades only grow. Whatever else changes
(it was graded again, restored, copied over) means that it is read from the beginning.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Any

from evalkit.errors import ConfigError, DataError
from evalkit.lab.index.lines import GrowingLines
from evalkit.lab.index.rows import CUT_OFF, DAMAGED, TrialEnding
from evalkit.lab.index.trial_reading import TrialState, case_id_of, shorten
from evalkit.metrics.cost import sum_known_usd
from evalkit.metrics.statistics import estimate_mean
from evalkit.modes.registry import layout_of, mode_of
from evalkit.records.grade import grade_from_json
from evalkit.records.json import content_sha256
from evalkit.records.layout import ResultLayout
from evalkit.reports.rows import lookup
from evalkit.runs.stored_run import StoredRun, open_run
from evalkit.store.run_directory import RunDirectory, RunStatus

_MOST_FINDINGS = 8
_LONGEST_KEY = 150
_LONGEST_TEXT = 300
_MOST_TRIALS = 1_000_000
_RUN_ID = re.compile(r"[0-9a-f]{16,64}")
_UNREADABLE = (ConfigError, DataError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What the readers of a run's files raise where these are not what a run wrote."""


@dataclass(frozen=True)
class RunChange:
    """What reading a run gave.

    Attributes:
        values: Column -> value of its row, of those that its own files decide.
        trials: Rows of case-trials, column -> value.
        is_whole: Whether these are all that it has; else those that are new or changed, all that run now among them.

    """

    values: Mapping[str, Any]
    trials: Sequence[Mapping[str, Any]]
    is_whole: bool


@dataclass(frozen=True)
class _Begun:
    """What a run was begun as, by its config and its provenance; read again only when one of them changes."""

    stored: StoredRun
    planned: Mapping[str, int]
    layout: ResultLayout | None
    no_mode: Sequence[str]


@dataclass
class RunReader:
    """Reads a run directory, and keeps what it has read, so that reading on costs what is new.

    Attributes:
        root: The directory.

    """

    root: Path
    _begun_as: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        """Begin at the beginning of its files."""
        self._directory = RunDirectory(self.root)
        self._forget()

    def _forget(self) -> None:
        self._journal = GrowingLines(self._directory.journal_path)
        self._grades = GrowingLines(self._directory.grades_path)
        self._trials: dict[str, TrialState] = {}
        self._bad_records: dict[str, tuple[str, str]] = {}
        self._bad_grades: list[str] = []
        self._begun: _Begun | None = None
        self._facts: dict[str, Any] = {}

    def read(self) -> RunChange:
        """Return what is new since the last time, at first everything. Raises nothing for what is wrong with a file."""
        begun_as = (_stamp(self._directory.provenance_path), _stamp(self._directory.config_path))
        is_whole = begun_as != self._begun_as or self._journal.is_another() or self._grades.is_another()
        if is_whole:
            self._forget()
        self._begun_as = begun_as
        try:
            self._begun = self._begun or _begin(self.root)
        except _UNREADABLE as error:
            return self.damaged(error)
        stored, planned, layout = self._begun.stored, self._begun.planned, self._begun.layout
        is_live = stored.is_live
        touched = {*self._read_journal(stored, layout), *self._read_grades()}
        running = {key for key, state in self._trials.items() if state.is_running(is_live=is_live)}
        was_running = {key for key, state in self._trials.items() if state.values.get("ending") == TrialEnding.RUNNING}
        trials = []
        for key in sorted({*touched, *running, *was_running} & planned.keys(), key=planned.__getitem__):
            state = self._trials[key]
            if state.is_shown(is_live=is_live):
                trials.append(self._update(state, key, planned[key], stored.mode, is_live=is_live))
        status, bad_status = _status(stored, is_live=is_live)
        findings = [*self._begun.no_mode, *bad_status, *self._findings(is_live=is_live)]
        values = self._run_values(stored, layout, planned)
        return RunChange(
            {**values, "status": status, "is_live": is_live, "trouble": _told(findings)}, trials, is_whole=is_whole
        )

    def damaged(self, error: Exception) -> RunChange:
        """Return the row of a directory that does not say enough to be read as a run, with what is wrong."""
        return RunChange(self._damaged_values(error), (), is_whole=True)

    def _read_journal(self, stored: StoredRun, layout: ResultLayout | None) -> set[str]:
        """Read the journal on, and the records that it names; return the case-trials that it is about."""
        touched = set()
        to_load = {key: sha for key, (sha, _) in self._bad_records.items()}  # one that was missing may have arrived
        for line in self._journal.read_on():
            event, key = line.get("event"), line.get("key")
            if event == "resumed":
                for state in self._trials.values():
                    state.attempt = 0
            if not isinstance(key, str) or event not in ("started", "finished"):
                continue
            state = self._trials.setdefault(key, TrialState())
            touched.add(key)
            if event == "started":
                attempt = line.get("attempt")
                state.attempt = attempt if isinstance(attempt, int) else 1
                state.attempt_at = str(line.get("at") or "")
            else:
                state.attempt, state.ended_at = 0, str(line.get("at") or "")
                to_load[key] = str(line.get("record_sha256"))
        for key, record_sha256 in to_load.items():
            touched.add(key)
            self._load(key, record_sha256, stored, layout)
        return touched

    def _load(self, key: str, record_sha256: str, stored: StoredRun, layout: ResultLayout | None) -> None:
        state = self._trials[key]
        state.short = None
        self._bad_records.pop(key, None)
        try:
            path = self._directory.record_path(key)
            content = path.read_bytes()
            if sha256(content).hexdigest() != record_sha256:
                why = "is not what the journal says was stored; the case-trial does not count"
            else:
                state.short = shorten(content, record_sha256, layout, stored.scorings)
                return
        except FileNotFoundError:
            why = "is missing, though the journal says that it was stored; the case-trial does not count"
        except _UNREADABLE as error:
            why = f"cannot be read: {_words(error)}; the case-trial does not count"
        self._bad_records[key] = (record_sha256, f"records/{key[:140]}.json {why}")

    def _read_grades(self) -> set[str]:
        touched = set()
        for line in self._grades.read_on():
            try:
                grade = grade_from_json(line)
                self._trials.setdefault(grade.key, TrialState()).grades.append(grade)
            except _UNREADABLE as error:
                self._bad_grades.append(f"grades.jsonl: a line is no grade ({_words(error)}) and does not count")
            else:
                touched.add(grade.key)
        return touched

    def _update(self, state: TrialState, key: str, position: int, mode: str, *, is_live: bool) -> dict[str, Any]:
        """Return a case-trial's row; grades that are not what a grader gives do not count."""
        try:
            return state.update(key, position, mode, is_live=is_live)
        except _UNREADABLE as error:
            state.grades = []
            self._bad_grades.append(f"grades.jsonl: those of {key} are no grades ({_words(error)}) and do not count")
            return state.update(key, position, mode, is_live=is_live)

    def _findings(self, *, is_live: bool) -> Iterator[str]:
        if not self._directory.journal_path.exists():
            yield "journal.jsonl is missing: nothing that it held counts"
        for lines in (self._journal, self._grades):
            yield from lines.damaged
            if lines.is_torn and not is_live:
                yield f"{lines.path.name}: ends in the middle of a line, which does not count"
        yield from self._bad_grades
        if not is_live:
            yield from (told for _, told in self._bad_records.values())

    def _run_values(self, stored: StoredRun, layout: ResultLayout | None, planned: Mapping[str, int]) -> dict[str, Any]:
        states = {key: self._trials[key] for key in planned if key in self._trials and self._trials[key].short}
        rows = [state.values for state in states.values()]
        decided = {key: state.values["passed"] for key, state in states.items() if state.values["passed"] is not None}
        seed = stored.config.get("seed", 0)
        score = estimate_mean(
            [float(value) for value in decided.values()],
            [case_id_of(key) for key in decided],
            seed if isinstance(seed, int) and seed >= 0 else 0,
        )
        latencies = [
            value for state in states.values() if state.short and state.short.record.scored
            for value in state.short.latencies
        ]  # fmt: skip
        costs = [row["cost_usd"] for row in rows]
        self._facts = self._facts or _facts(stored)
        return {
            **self._facts,
            **_case_set(stored, layout, planned, {key: state.values["content"] for key, state in states.items()}),
            "planned": len(planned),
            "finished": len(rows),
            "passed": sum(row["ending"] == TrialEnding.PASSED for row in rows),
            "failed": sum(row["ending"] == TrialEnding.FAILED for row in rows),
            "excluded": sum(row["ending"] == TrialEnding.LOST for row in rows),
            "score": score.mean,
            "score_low": score.interval.low if score.interval else None,
            "score_high": score.interval.high if score.interval else None,
            "cost_usd": sum_known_usd(costs) if costs else 0.0,
            "latency_ms": statistics.median(latencies) if latencies else None,
        }

    def _damaged_values(self, error: Exception) -> dict[str, Any]:
        told = _words(error).replace(f"{self.root}/", "").replace(f"{self.root}: ", "")
        changed = max((_stamp(path)[0] for path in (self.root, self._directory.journal_path)), default=0)
        return {
            "run_id": "", "name": self.root.name, "mode": "", "model": "", "provider": "", "status": DAMAGED,
            "is_live": self._directory.is_held(),
            "started_at": datetime.fromtimestamp(changed / 1e9, UTC).isoformat(timespec="milliseconds"), "ended_at": "",
            "planned": 0, "finished": 0, "passed": 0, "failed": 0, "excluded": 0,
            "score": None, "score_low": None, "score_high": None, "cost_usd": None, "latency_ms": None,
            "case_set": "", "cases": 0, "planned_sha": "", "has_all_cases": False, "data_name": "", "ranking": "",
            "trials": 0, "parent": "", "trouble": told, "config_sha256": "", "evalkit_version": "",
        }  # fmt: skip


def _begin(root: Path) -> _Begun:
    stored = open_run(root, "the lab")
    planned = {key: position for position, key in enumerate(stored.planned) if _is_key(key)}
    return _Begun(stored, planned, *_layout(stored))


def _layout(stored: StoredRun) -> tuple[ResultLayout | None, list[str]]:
    """Return the layout of the run's mode; where that is not installed, none, and the words that say so."""
    try:
        return layout_of(stored.config), []
    except ConfigError as error:
        return None, [_words(error)]


def _status(stored: StoredRun, *, is_live: bool) -> tuple[str, list[str]]:
    """Return how the run stands, and what is wrong with the file that says so."""
    findings = []
    try:
        status = stored.read_status()
    except _UNREADABLE as error:
        status = None
        findings = [f"status.json cannot be read: {_words(error)}"]
    if is_live:
        return RunStatus.RUNNING, findings
    return CUT_OFF if status in (None, RunStatus.RUNNING) else str(status), findings


def _facts(stored: StoredRun) -> dict[str, Any]:
    """Return what its config and its provenance say of the run."""
    provenance, config = stored.provenance, stored.config
    trials = config.get("trials", 1)
    provider = lookup(config, ("assistant", "provider", "name")) or lookup(config, ("provider", "name"))
    run_id = stored.run_id
    return {
        "run_id": run_id if _RUN_ID.fullmatch(run_id) else content_sha256(run_id)[:32],
        "name": _short(stored.name),
        "mode": _short(stored.mode),
        "model": _short(_subject(stored)),
        "provider": _short(provider),
        "started_at": _short(provenance.get("started_at")),
        "ended_at": _short(provenance.get("ended_at")),
        "trials": min(trials, _MOST_TRIALS) if isinstance(trials, int) else 1,
        "data_name": _short(_data_name(stored)),
        "parent": _short(provenance.get("parent_run_id")),
        "config_sha256": _short(provenance["config_sha256"]),
        "evalkit_version": _short(provenance.get("evalkit_version")),
    }


def _subject(stored: StoredRun) -> str:
    """Return what is under test, as the run's mode calls it; of a config that it cannot read, the agent or model."""
    try:
        mode = mode_of(stored.config)
        return mode.subject(mode.make_settings(stored.config, stored.config))
    except _UNREADABLE:
        told = (lookup(stored.config, path) for path in (("agent", "name"), ("assistant", "model")))
        return str(next(filter(None, told), stored.mode))


def _data_name(stored: StoredRun) -> str:
    """Return what a person calls the data: the key of the mode that names files the run read, its last two parts."""
    read = list(stored.datasets)
    for value in stored.config["mode"].values():
        if isinstance(value, str) and value and any(path == value or path.startswith(f"{value}/") for path in read):
            return "/".join(PurePath(value).parts[-2:])
    return PurePath(read[0]).name if read else ""


def _case_set(
    stored: StoredRun, layout: ResultLayout | None, planned: Mapping[str, int], contents: Mapping[str, str]
) -> dict[str, Any]:
    """Return which set of cases the run asks.

    A run that has no record yet of some case cannot say what that asks; its set is then known by the names of its
    cases and by the files that it read, until a run with the same cases has finished
    (:mod:`evalkit.lab.index.writing`).
    """
    case_ids = sorted({case_id_of(key) for key in planned})
    found = {case_id_of(key): content for key, content in contents.items()}
    ranking = _ranking(stored, layout)
    has_all = len(found) == len(case_ids) > 0
    named = [stored.mode, ranking, case_ids]
    whole = [stored.mode, ranking, sorted(found.items())] if has_all else [*named, sorted(stored.datasets.values())]
    return {
        "case_set": content_sha256([list(pair) if isinstance(pair, tuple) else pair for pair in whole])[:16],
        "cases": len(case_ids),
        "planned_sha": content_sha256(named)[:16],
        "has_all_cases": has_all,
        "ranking": ranking,
    }


def _ranking(stored: StoredRun, layout: ResultLayout | None) -> str:
    """Return the settings that decide what "passed" means in the mode, with their values."""
    if layout is None:
        return ""
    told = []
    for setting in layout.settings:
        if setting.key in layout.ranked_apart:
            value = lookup(stored.config, setting.path.split("."))
            told.append(f"{setting.key}: {str(setting.missing if value is None else value).lower()}")
    return ", ".join(told)


def _is_key(key: object) -> bool:
    """Tell whether `key` can be the name of a case-trial, as far as the database has room for it."""
    return isinstance(key, str) and 0 < len(key) <= _LONGEST_KEY


def _short(value: object) -> str:
    """Return `value` as a text that the database has room for; empty for nothing."""
    return str(value or "")[:_LONGEST_TEXT]


def _stamp(path: Path) -> tuple[int, int, int]:
    """Return what changes when a file does; zeros where there is none."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _words(error: Exception) -> str:
    text = " ".join(str(error).split())
    named = (
        text if isinstance(error, ConfigError | DataError | ValueError | OSError) else f"{type(error).__name__} {text}"
    )
    return named[:300]


def _told(findings: Sequence[str]) -> str:
    more = len(findings) - _MOST_FINDINGS
    return "\n".join([*findings[:_MOST_FINDINGS], *([f"and {more} more"] if more > 0 else [])])
