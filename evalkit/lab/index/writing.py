"""Rows into the index's tables, in one transaction for what was read in one go.

What concerns several runs is settled at its end: which directory keeps a run's id and which is a copy, to which set of
cases an unfinished run belongs, and each model's tries at each case of a set.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Select, delete, func, select, update

from evalkit.lab.index.database import UNSUMMED, VERSION
from evalkit.lab.index.reading import RunChange
from evalkit.lab.index.rows import TrialEnding
from evalkit.lab.index.tables import META, MODEL_CASE, RUN, SUMMED, SWEEP, TAG, TRIAL
from evalkit.metrics.cost import sum_known_usd

_AT_ONCE = 500


@dataclass(frozen=True)
class PeoplesMarks:
    """What people added to a run.

    Attributes:
        tags: In order.
        notes: How many.
        reviews: How many.
        text: What is searched beside the tags.
        troubles: What is wrong with the files that hold it.

    """

    tags: tuple[str, ...] = ()
    notes: int = 0
    reviews: int = 0
    text: str = ""
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunPlace:
    """Where a run lies: its directory, the served folder that this is in, and the sweep's; None: it is in no sweep."""

    root: Path
    folder: Path
    sweep: Path | None = None

    @property
    def relative(self) -> str:
        """The directory, from the folder on."""
        return self.root.relative_to(self.folder).as_posix()


class IndexWriter:
    """Writes within one transaction of `connection`; call :meth:`settle` at its end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._run_ids: set[str] = set()
        self._numbers: set[int] = set()
        self._pairs: set[tuple[str, str]] = set()

    def write_run(self, place: RunPlace, change: RunChange, marks: PeoplesMarks, stamps: str) -> None:
        """Write what was read of a run; `stamps` tell later whether its files are still those."""
        root = str(place.root)
        values: dict[str, Any] = {
            **change.values,
            "root": root,
            "relative": place.relative,
            "sweep_root": "" if place.sweep is None else str(place.sweep),
            "tags": orjson.dumps(marks.tags).decode(),
            "notes": marks.notes,
            "reviews": marks.reviews,
            "trouble": "\n".join(filter(None, (change.values["trouble"], *marks.troubles))),
            "search": _searched(change.values, place, marks),
            "stamps": stamps,
        }
        values = {name: _storable(value) for name, value in values.items()}
        number = self._note(root)
        with self._connection.begin_nested():
            if number is None:
                made = self._connection.execute(RUN.insert().values(**values, id="", is_copy=False))
                number = int(made.inserted_primary_key[0])  # type: ignore[index]
            else:
                self._connection.execute(update(RUN).where(RUN.c.number == number).values(**values))
            self._write_tags(number, marks.tags)
            self._write_trials(number, change)
        self._numbers.add(number)
        self._run_ids.add(values["run_id"])

    def remove_runs(self, roots: Iterable[Path]) -> None:
        """Take runs out whose directories are gone."""
        for root in map(str, roots):
            number = self._note(root)
            if number is not None:
                self._connection.execute(delete(RUN).where(RUN.c.number == number))
                self._numbers.discard(number)

    def write_sweeps(self, jobs: Mapping[Path, int]) -> None:
        """Write which sweeps there are, each with the number of its jobs; others are taken out.

        A sweep's id is made of its folder's name, which has the time to the microsecond; a copy's of its whole path.
        """
        self._connection.execute(delete(SWEEP))
        rows: dict[str, dict[str, Any]] = {}
        for root, count in sorted(jobs.items()):
            sweep_id = _hashed(root.name)[:16]
            sweep_id = _hashed(str(root))[:16] if sweep_id in rows else sweep_id
            rows[sweep_id] = {
                "id": sweep_id, "root": _storable(str(root)), "name": _storable(root.name), "jobs": count
            }  # fmt: skip
        if rows:
            self._connection.execute(SWEEP.insert(), list(rows.values()))

    def settle(self) -> None:
        """Bring what concerns several runs into line, note what :func:`sum_up` has to do, and count the change."""
        self._settle_ids()
        self._settle_case_sets()
        _put(self._connection, UNSUMMED, sorted(unsummed_pairs(self._connection) | self._pairs))
        _count(self._connection)

    # --- one run ---

    def _note(self, root: str) -> int | None:
        """Return the number of a run that is there; what it is part of now has to be settled again."""
        row = self._connection.execute(
            select(RUN.c.number, RUN.c.run_id, RUN.c.case_set, RUN.c.model).where(RUN.c.root == root)
        ).first()
        if row is None:
            return None
        self._run_ids.add(row.run_id)
        self._pairs.add((row.case_set, row.model))
        return int(row.number)

    def _write_tags(self, number: int, tags: Sequence[str]) -> None:
        self._connection.execute(delete(TAG).where(TAG.c.run == number))
        if tags:
            self._connection.execute(TAG.insert(), [{"run": number, "tag": tag} for tag in dict.fromkeys(tags)])

    def _write_trials(self, number: int, change: RunChange) -> None:
        of_run = TRIAL.c.run == number
        if change.is_whole:
            self._connection.execute(delete(TRIAL).where(of_run))
        else:
            self._connection.execute(delete(TRIAL).where(of_run, TRIAL.c.ending == TrialEnding.RUNNING))
            for keys in _batches(row["key"] for row in change.trials):
                self._connection.execute(delete(TRIAL).where(of_run, TRIAL.c.key.in_(keys)))
        rows = [{"run": number, **{name: _storable(value) for name, value in row.items()}} for row in change.trials]
        if rows:
            self._connection.execute(TRIAL.insert(), rows)

    # --- what concerns several ---

    def _settle_ids(self) -> None:
        """Give each run its id: of several directories of one run, the first by its path keeps the run's."""
        rows = self._connection.execute(
            select(
                RUN.c.number,
                RUN.c.run_id,
                RUN.c.root,
                RUN.c.relative,
                RUN.c.id,
                RUN.c.is_copy,
                RUN.c.case_set,
                RUN.c.model,
            )
            .where(RUN.c.run_id.in_(self._run_ids))
            .order_by(RUN.c.run_id, RUN.c.root)
        ).all()
        seen: set[str] = set()
        for row in rows:
            is_copy = bool(row.run_id) and row.run_id in seen
            wanted = _id_of(row.run_id, row.relative, is_copy=is_copy)
            if wanted in seen:
                wanted = _id_of(row.run_id, row.root, is_copy=is_copy)
            seen |= {row.run_id, wanted}
            if (row.id, row.is_copy) != (wanted, is_copy):
                self._connection.execute(
                    update(RUN).where(RUN.c.number == row.number).values(id=wanted, is_copy=is_copy)
                )
                self._pairs.add((row.case_set, row.model))

    def _settle_case_sets(self) -> None:
        changed = self._connection.execute(
            select(RUN.c.planned_sha, RUN.c.case_set, RUN.c.model).where(RUN.c.number.in_(self._numbers))
        ).all()
        self._pairs |= {(row.case_set, row.model) for row in changed}
        for planned_sha in {row.planned_sha for row in changed if row.planned_sha}:
            self._join_unfinished(planned_sha)

    def _join_unfinished(self, planned_sha: str) -> None:
        """Put each run that has not tried all its cases into the set of a run that has, where what it tried agrees."""
        alike = RUN.c.planned_sha == planned_sha
        unfinished = self._connection.execute(
            select(RUN.c.number, RUN.c.case_set, RUN.c.model).where(alike, RUN.c.has_all_cases.is_(False))
        ).all()
        if not unfinished:
            return
        whole = self._connection.execute(
            select(RUN.c.case_set, func.min(RUN.c.number)).where(alike, RUN.c.has_all_cases.is_(True))
            .group_by(RUN.c.case_set).order_by(RUN.c.case_set)
        ).all()  # fmt: skip
        sets = [(case_set, self._contents(number)) for case_set, number in whole]
        for run in unfinished:
            tried = self._contents(run.number).items()
            fitting = next((case_set for case_set, contents in sets if tried <= contents.items()), run.case_set)
            if fitting != run.case_set:
                self._connection.execute(update(RUN).where(RUN.c.number == run.number).values(case_set=fitting))
                self._pairs |= {(run.case_set, run.model), (fitting, run.model)}

    def _contents(self, number: int) -> dict[str, str]:
        rows = self._connection.execute(
            select(TRIAL.c.case_id, TRIAL.c.content).where(TRIAL.c.run == number, TRIAL.c.content != "")
        )
        return {row.case_id: row.content for row in rows}


def sum_up(connection: Connection) -> None:
    """Make the rows of each model's tries at the cases of a set, wherever these have changed; count the change."""
    pairs = unsummed_pairs(connection)
    for case_set, model in sorted(pairs):
        connection.execute(delete(MODEL_CASE).where(MODEL_CASE.c.case_set == case_set, MODEL_CASE.c.model == model))
        tries: dict[str, list[Any]] = defaultdict(list)
        for row in connection.execute(_tries_of(case_set, model)) if case_set else ():
            tries[row.case_id].append(row)
        rows = [{"case_set": case_set, "model": model, **_summed(case_id, found)} for case_id, found in tries.items()]
        if rows:
            connection.execute(MODEL_CASE.insert(), rows)
    _put(connection, UNSUMMED, [])
    version = _count(connection)
    for case_set in sorted({case_set for case_set, _ in pairs}):
        connection.execute(delete(SUMMED).where(SUMMED.c.case_set == case_set))
        connection.execute(SUMMED.insert().values(case_set=case_set, version=version))


def unsummed_pairs(connection: Connection) -> set[tuple[str, str]]:
    """Return the pairs of case set and model whose tries have changed since they were summed up."""
    stored = connection.scalar(select(META.c.value).where(META.c.name == UNSUMMED)) or "[]"
    return {(case_set, model) for case_set, model in orjson.loads(stored)}


def _put(connection: Connection, name: str, value: Any) -> None:
    connection.execute(update(META).where(META.c.name == name).values(value=orjson.dumps(value).decode()))


def _count(connection: Connection) -> int:
    """Let the index's version grow, and return it."""
    version = int(connection.scalar(select(META.c.value).where(META.c.name == VERSION)) or "0") + 1
    _put(connection, VERSION, version)
    return version


def _hashed(text: str) -> str:
    return sha256(text.encode(errors="replace")).hexdigest()


def _id_of(run_id: str, place: str, *, is_copy: bool) -> str:
    by_place = _hashed(place)
    if not run_id:
        return f"x{by_place[:15]}"
    return f"{run_id[:12]}-{by_place[:6]}" if is_copy else run_id[:16]


def _tries_of(case_set: str, model: str) -> Select[Any]:
    return (
        select(TRIAL.c.case_id, TRIAL.c.ending, TRIAL.c.passed, TRIAL.c.cost_usd, TRIAL.c.latency_ms, RUN.c.id)
        .join(RUN, RUN.c.number == TRIAL.c.run)
        .where(
            RUN.c.case_set == case_set, RUN.c.model == model, RUN.c.is_copy.is_(False), TRIAL.c.is_recorded.is_(True)
        )
        .order_by(RUN.c.started_at, RUN.c.id, TRIAL.c.position)
    )


def _summed(case_id: str, tries: Sequence[Any]) -> dict[str, Any]:
    latencies = [row.latency_ms for row in tries if row.latency_ms is not None and row.ending != TrialEnding.LOST]
    return {
        "case_id": case_id,
        "tries": len(tries),
        "decided": sum(row.passed is not None for row in tries),
        "passed": sum(bool(row.passed) for row in tries),
        "excluded": sum(row.ending == TrialEnding.LOST for row in tries),
        "cost_usd": sum_known_usd(row.cost_usd for row in tries),
        "latency_ms_median": statistics.median(latencies) if latencies else None,
        "run_ids": " ".join(dict.fromkeys(row.id for row in tries)),
    }


def _searched(values: Mapping[str, Any], place: RunPlace, marks: PeoplesMarks) -> str:
    told = (
        values["name"],
        values["model"],
        values["mode"],
        values["run_id"],
        values["data_name"],
        place.relative,
        *marks.tags,
        marks.text,
    )
    return " ".join(told).lower()


def _storable(value: Any) -> Any:
    """Return `value`; a text without what a database does not take: NUL, and halves of characters."""
    if not isinstance(value, str) or (value.isascii() and "\0" not in value):
        return value
    return value.replace("\0", "\ufffd").encode(errors="replace").decode()


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    listed = iter(keys)
    while batch := list(islice(listed, _AT_ONCE)):
        yield batch
