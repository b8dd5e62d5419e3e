"""What the lab's pages and its API ask of all runs."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Select, and_, func, or_, select

from evalkit.lab.index.database import VERSION, empty, open_database
from evalkit.lab.index.follower import Follower
from evalkit.lab.index.rows import (
    CaseSetRow,
    CaseTry,
    Facets,
    HistoryPage,
    HistoryRow,
    ModelCaseRow,
    RunPage,
    RunQuery,
    RunRow,
    SweepRow,
    TagCount,
    TrialEnding,
    TrialPage,
    TrialRow,
)
from evalkit.lab.index.tables import META, MODEL_CASE, RUN, SUMMED, SWEEP, TAG, TRIAL
from evalkit.lab.settings import LabSettings

_LARGEST_PAGE = 1_000
_SHORTEST_ID = 16
_SORTABLE = {
    column.name: column
    for column in (
        RUN.c.started_at, RUN.c.ended_at, RUN.c.name, RUN.c.mode, RUN.c.model, RUN.c.provider, RUN.c.status,
        RUN.c.planned, RUN.c.finished, RUN.c.passed, RUN.c.failed, RUN.c.excluded, RUN.c.score, RUN.c.score_low,
        RUN.c.score_high, RUN.c.cost_usd, RUN.c.latency_ms, RUN.c.trials, RUN.c.notes, RUN.c.reviews,
    )
}  # fmt: skip
_RUN_WITH_SWEEP = RUN.outerjoin(SWEEP, SWEEP.c.root == RUN.c.sweep_root)
_RUN_COLUMNS = (*RUN.c, SWEEP.c.id.label("sweep_id"))
_TRIAL_WITH_RUN = TRIAL.join(RUN, RUN.c.number == TRIAL.c.run)
_NEWEST_TRY_FIRST = (TRIAL.c.started_at.desc(), RUN.c.id, TRIAL.c.position)
_RUN_FIELDS = tuple(
    name for name in RunRow.__dataclass_fields__ if name not in ("root", "tags", "parent_id", "sweep_id")
)
_TRIAL_FIELDS = tuple(name for name in TrialRow.__dataclass_fields__ if name not in ("ending", "grades"))
_UNFINISHED = ("running", "cut_off", "damaged")


class Index:
    """All that is known of the runs in the served folders. Threads may ask at the same time."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._close = weakref.finalize(self, engine.dispose)

    def close(self) -> None:
        """Give the database free; the end of the last reference does so too."""
        self._close()

    def version(self) -> int:
        """Return a number that grows with every change of the index."""
        with self.engine.connect() as connection:
            return int(connection.scalar(select(META.c.value).where(META.c.name == VERSION)) or 0)

    # --- runs ---

    def list_runs(self, ask: RunQuery) -> RunPage:
        """Return a page of the runs that `ask` wants."""
        page, size = max(1, ask.page), min(max(1, ask.size), _LARGEST_PAGE)
        wanted = _wanted(ask)
        column = _SORTABLE.get(ask.sort, RUN.c.started_at)
        order = column.desc() if ask.descending else column.asc()
        by_time = RUN.c.started_at.desc()
        found = (
            select(*_RUN_COLUMNS).select_from(_RUN_WITH_SWEEP).where(*wanted)
            .order_by(order.nulls_last(), by_time, RUN.c.id).limit(size).offset((page - 1) * size)
        )  # fmt: skip
        counted = select(func.count()).select_from(RUN).where(*wanted)
        with self.engine.connect() as connection:
            rows = tuple(_run(row) for row in connection.execute(found))
            return RunPage(rows, connection.scalar(counted) or 0, page, size)

    def get_run(self, run_id: str) -> RunRow | None:
        """Return the run that has this id here, or in its files; None: there is none."""
        with self.engine.connect() as connection:
            return _get_run(connection, run_id)

    def find_root(self, run_id: str) -> Path | None:
        """Return the directory of the run that has this id here, or in its files; None: there is none."""
        run = self.get_run(run_id)
        return None if run is None else run.root

    # --- case-trials ---

    def list_trials(
        self, run_id: str, *, page: int = 1, size: int = 100, ending: str = "", text: str = ""
    ) -> TrialPage:
        """Return a page of a run's case-trials, in its order; of an unknown run, an empty one.

        Args:
            run_id: The run.
            page: Counts from 1.
            size: Rows on a page.
            ending: Only those that stand so.
            text: Only those with all these words in key, fault, stage, error or what was said.

        """
        page, size = max(1, page), min(max(1, size), _LARGEST_PAGE)
        with self.engine.connect() as connection:
            wanted = [
                TRIAL.c.run == _number(connection, run_id),
                *([TRIAL.c.ending == ending] if ending else []),
                *_holding(TRIAL.c.search, text),
            ]
            found = select(TRIAL).where(*wanted).order_by(TRIAL.c.position).limit(size).offset((page - 1) * size)
            rows = tuple(_trial(row) for row in connection.execute(found))
            return TrialPage(
                rows, connection.scalar(select(func.count()).select_from(TRIAL).where(*wanted)) or 0, page, size
            )

    def count_endings(self, run_id: str) -> dict[TrialEnding, int]:
        """Return ending -> how many of the run's case-trials stand so; those that have not begun are not among them."""
        with self.engine.connect() as connection:
            counted = (
                select(TRIAL.c.ending, func.count()).where(TRIAL.c.run == _number(connection, run_id))
                .group_by(TRIAL.c.ending)
            )  # fmt: skip
            found = {TrialEnding(ending): count for ending, count in connection.execute(counted).all()}
        return {ending: found[ending] for ending in TrialEnding if ending in found}

    def get_trial(self, run_id: str, key: str) -> TrialRow | None:
        """Return the case-trial of a run that is called `key`; None: it has none of that name."""
        with self.engine.connect() as connection:
            row = connection.execute(
                select(TRIAL).where(TRIAL.c.run == _number(connection, run_id), TRIAL.c.key == key)
            ).first()
            return None if row is None else _trial(row)

    def case_history(self, case_id: str, mode: str = "", *, page: int = 1, size: int = 200) -> HistoryPage:
        """Return a page of what became of a case over all runs, newest first; copies of runs are not among them."""
        page, size = max(1, page), min(max(1, size), _LARGEST_PAGE)
        wanted = _tries_at(case_id, mode)
        tried = (
            select(TRIAL).select_from(_TRIAL_WITH_RUN).where(*wanted)
            .order_by(*_NEWEST_TRY_FIRST).limit(size).offset((page - 1) * size)
        )  # fmt: skip
        with self.engine.connect() as connection:
            trials = connection.execute(tried).all()
            runs = _runs_by_number(connection, {row.run for row in trials})
            total = connection.scalar(select(func.count()).select_from(_TRIAL_WITH_RUN).where(*wanted)) or 0
        return HistoryPage(tuple(HistoryRow(runs[row.run], _trial(row)) for row in trials), total, page, size)

    def case_course(self, case_id: str, mode: str = "", *, size: int = _LARGEST_PAGE) -> list[CaseTry]:
        """Return the newest tries at a case over all runs, `size` at most, in the order of :meth:`case_history`."""
        tried = (
            select(
                RUN.c.id, RUN.c.name, RUN.c.mode, RUN.c.model, RUN.c.config_sha256, TRIAL.c.key, TRIAL.c.trial,
                TRIAL.c.ending, TRIAL.c.passed, TRIAL.c.latency_ms,
                func.coalesce(func.nullif(TRIAL.c.started_at, ""), RUN.c.started_at),
            )
            .select_from(_TRIAL_WITH_RUN).where(*_tries_at(case_id, mode)).order_by(*_NEWEST_TRY_FIRST).limit(size)
        )  # fmt: skip
        with self.engine.connect() as connection:
            rows = connection.execute(tried).all()
        return [CaseTry(*row[:7], TrialEnding(row[7]), *row[8:]) for row in rows]

    # --- what belongs together ---

    def list_sweeps(self) -> list[SweepRow]:
        """Return all sweeps, newest first."""
        with self.engine.connect() as connection:
            sweeps = [_sweep(connection, row) for row in connection.execute(select(SWEEP)).all()]
        return sorted(sweeps, key=lambda sweep: (sweep.started_at, sweep.name), reverse=True)

    def get_sweep(self, sweep_id: str) -> SweepRow | None:
        """Return the sweep with this id; None: there is none."""
        with self.engine.connect() as connection:
            row = connection.execute(select(SWEEP).where(SWEEP.c.id == sweep_id)).first()
            return None if row is None else _sweep(connection, row)

    def list_case_sets(self) -> list[CaseSetRow]:
        """Return all sets of cases, the one that most runs ask first."""
        asked = (
            select(
                RUN.c.case_set, RUN.c.mode, RUN.c.ranking, RUN.c.data_name, RUN.c.model, func.max(RUN.c.cases),
                func.count(),
            )
            .where(RUN.c.case_set != "", RUN.c.is_copy.is_(False))
            .group_by(RUN.c.case_set, RUN.c.mode, RUN.c.ranking, RUN.c.data_name, RUN.c.model)
        )  # fmt: skip
        sets: dict[tuple[str, str, str], list[Any]] = {}
        with self.engine.connect() as connection:
            for row in connection.execute(asked):
                sets.setdefault((row.case_set, row.mode, row.ranking), []).append(row)
        found = [_case_set(key, rows) for key, rows in sets.items()]
        return sorted(found, key=lambda found: (-found.runs, found.name, found.case_set))

    def list_model_cases(self, case_set: str) -> list[ModelCaseRow]:
        """Return each model's tries at each case of a set, by model and case."""
        columns = MODEL_CASE.c
        found = (
            select(
                columns.model, columns.case_id, columns.tries, columns.decided, columns.passed, columns.excluded,
                columns.cost_usd, columns.latency_ms_median, columns.run_ids,
            )
            .where(columns.case_set == case_set).order_by(columns.model, columns.case_id)
        )  # fmt: skip
        with self.engine.connect() as connection:
            rows = connection.execute(found).all()
        return [ModelCaseRow(*row[:-1], run_ids=tuple(row.run_ids.split())) for row in rows]

    def summed_version(self, case_set: str) -> int:
        """Return a number that grows when what :meth:`list_model_cases` gives of a set changes; 0: there is nothing."""
        with self.engine.connect() as connection:
            return connection.scalar(select(SUMMED.c.version).where(SUMMED.c.case_set == case_set)) or 0

    def list_tags(self) -> list[TagCount]:
        """Return all tags by name, each with the number of runs that have it."""
        with self.engine.connect() as connection:
            counted = select(TAG.c.tag, func.count().label("runs")).group_by(TAG.c.tag).order_by(TAG.c.tag)
            return [TagCount(row.tag, row.runs) for row in connection.execute(counted)]

    def facets(self) -> Facets:
        """Return what the runs can be filtered by."""
        with self.engine.connect() as connection:
            modes, models, statuses = (
                tuple(connection.scalars(select(column).where(column != "").distinct().order_by(column)))
                for column in (RUN.c.mode, RUN.c.model, RUN.c.status)
            )
            tags = tuple(connection.scalars(select(TAG.c.tag).distinct().order_by(TAG.c.tag)))
        return Facets(modes, models, statuses, tags)


def open_index(settings: LabSettings) -> Index:
    """Return the lab's index, with what it held when it was last open. Raises ConfigError where it cannot be opened.

    It follows nothing by itself: :class:`~evalkit.lab.index.follower.Follower` does.
    """
    return Index(open_database(settings))


def make_follower(index: Index, settings: LabSettings) -> Follower:
    """Return what keeps `index` right about the served folders, once it is started."""
    return Follower(index.engine, settings.folders)


def rebuild(settings: LabSettings) -> int:
    """Make the index again from the runs' files; return how many runs it has. Raises ConfigError as `open_index`."""
    index = open_index(settings)
    try:
        empty(index.engine)
        make_follower(index, settings).catch_up()
        return index.list_runs(RunQuery(size=1)).total
    finally:
        index.close()


def _wanted(ask: RunQuery) -> list[Any]:
    equal = (
        (RUN.c.mode, ask.mode),
        (RUN.c.model, ask.model),
        (RUN.c.status, ask.status),
        (RUN.c.case_set, ask.case_set),
    )
    wanted: list[Any] = [column == value for column, value in equal if value]
    if ask.tag:
        wanted.append(RUN.c.number.in_(select(TAG.c.run).where(TAG.c.tag == ask.tag)))
    if ask.sweep:
        wanted.append(RUN.c.sweep_root.in_(select(SWEEP.c.root).where(SWEEP.c.id == ask.sweep)))
    return [*wanted, *_holding(RUN.c.search, ask.text)]


def _holding(column: Any, text: str) -> list[Any]:
    """Return that `column` has every word of `text` in it."""
    return [column.contains(word, autoescape=True) for word in text.lower().replace("\0", " ").split()[:20]]


def _tries_at(case_id: str, mode: str) -> list[Any]:
    """Return that a case-trial is one at this case, and of no copy of a run."""
    return [TRIAL.c.case_id == case_id, RUN.c.is_copy.is_(False), *([TRIAL.c.mode == mode] if mode else [])]


def _known_as(run_id: str) -> Any:
    """Return that a run has this id here, or in its files; a copy answers to its own id alone."""
    by_files = and_(RUN.c.run_id == run_id, RUN.c.is_copy.is_(False)) if len(run_id) > _SHORTEST_ID else None
    return RUN.c.id == run_id if by_files is None else or_(RUN.c.id == run_id, by_files)


def _number(connection: Connection, run_id: str) -> int:
    number = connection.scalar(select(RUN.c.number).where(_known_as(run_id)))
    return -1 if number is None else number


def _get_run(connection: Connection, run_id: str) -> RunRow | None:
    row = connection.execute(_select_runs().where(_known_as(run_id))).first()
    return None if row is None else _run(row)


def _select_runs() -> Select[Any]:
    return select(*_RUN_COLUMNS).select_from(_RUN_WITH_SWEEP)


def _runs_by_number(connection: Connection, numbers: set[int]) -> dict[int, RunRow]:
    rows = connection.execute(_select_runs().where(RUN.c.number.in_(numbers)))
    return {row.number: _run(row) for row in rows}


def _run(row: Any) -> RunRow:
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for the row as a mapping
    return RunRow(
        **{name: values[name] for name in _RUN_FIELDS},
        root=Path(row.root),
        tags=tuple(orjson.loads(row.tags)),
        parent_id=row.parent[:_SHORTEST_ID],
        sweep_id=row.sweep_id or "",
    )


def _trial(row: Any) -> TrialRow:
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for the row as a mapping
    return TrialRow(
        **{name: values[name] for name in _TRIAL_FIELDS},
        ending=TrialEnding(row.ending),
        grades=orjson.loads(row.grades),
    )


def _sweep(connection: Connection, row: Any) -> SweepRow:
    jobs = connection.execute(
        select(RUN.c.id, RUN.c.root, RUN.c.status, RUN.c.started_at).where(RUN.c.sweep_root == row.root)
    ).all()
    return SweepRow(
        id=row.id,
        root=Path(row.root),
        name=row.name,
        started_at=min((job.started_at for job in jobs if job.started_at), default=""),
        jobs_total=max(row.jobs, len(jobs)),
        jobs_finished=sum(job.status not in _UNFINISHED for job in jobs),
        run_ids=tuple(job.id for job in sorted(jobs, key=_by_job)),
    )


def _by_job(job: Any) -> tuple[int, str]:
    """Return what sorts the runs of a sweep: their directories are called by their jobs' numbers."""
    name = Path(job.root).name
    number = name.partition("_")[0]
    return (int(number) if number.isdecimal() and len(number) < 10 else 0, name)


def _case_set(key: tuple[str, str, str], rows: Sequence[Any]) -> CaseSetRow:
    names: dict[str, int] = {}
    for row in rows:
        names[row.data_name] = names.get(row.data_name, 0) + row[-1]
    return CaseSetRow(
        case_set=key[0],
        mode=key[1],
        cases=max(row[-2] for row in rows),
        name=max(names, key=lambda name: names[name]),
        ranking=key[2],
        runs=sum(row[-1] for row in rows),
        models=tuple(sorted({row.model for row in rows})),
    )
