"""The index in PostgreSQL answers as it does in SQLite. Skipped, and said so, where PostgreSQL is not installed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import stored_runs
from labs import make_lab
from own_postgres import running_postgres, why_no_postgres

from evalkit.errors import ConfigError
from evalkit.lab.index.database import open_database
from evalkit.lab.index.queries import Index, open_index, rebuild
from evalkit.lab.index.rows import RunQuery
from evalkit.lab.people.tags import add_tag
from evalkit.lab.settings import LabSettings

pytestmark = pytest.mark.skipif(bool(why_no_postgres()), reason=why_no_postgres() or "-")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL that only these tests know."""
    with running_postgres() as url:
        yield url


@pytest.fixture
def settings(server: str, tmp_path: Path) -> Iterator[LabSettings]:
    """A lab whose database is empty."""
    settings = LabSettings((tmp_path / "outputs",), tmp_path / ".lab", tmp_path, database_url=server)
    yield settings
    engine = open_database(settings)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()


def _answers(index: Index) -> dict[str, object]:
    """Return what the index answers to everything that the pages ask."""
    runs = index.list_runs(RunQuery(sort="name")).rows
    sets = index.list_case_sets()
    return {
        "runs": runs,
        "found": [index.list_runs(RunQuery(**ask)).rows for ask in ({"text": "model CRAWL"}, {"tag": "good"})],
        "by score": [row.id for row in index.list_runs(RunQuery(sort="score")).rows],
        "trials": [index.list_trials(run.id) for run in runs],
        "one": [index.get_trial(run.run_id, "order-1") for run in runs],
        "endings": [index.count_endings(run.id) for run in runs],
        "history": index.case_history("order-1"),
        "sweeps": index.list_sweeps(),
        "sets": sets,
        "models": [index.list_model_cases(found.case_set) for found in sets],
        "tags": index.list_tags(),
        "facets": index.facets(),
    }


def test_answers_are_the_same_in_both(settings: LabSettings, tmp_path: Path) -> None:
    """For runs of each kind, a copy, a damaged one, an unfinished one, a sweep and texts that databases dislike."""
    out = settings.folders[0]
    samples = stored_runs.write_samples(out)
    shutil.copytree(samples["crawl"].root, out / "copy")
    shutil.copytree(samples["coding"].root, out / "broken")
    (out / "broken" / "provenance.json").write_text("[", encoding="utf-8")
    os.utime(out / "broken", (1e9, 1e9))  # one that has just been made may still be getting its files
    stored_runs.write_crawl(out / "sweeps" / "s" / "1_x", passing=(True,), name="a\0b \N{SNOWMAN} 100% \\ _")
    (out / "sweeps" / "s" / "plan.json").write_text(json.dumps({"jobs": [{}, {}]}), encoding="utf-8")
    stored_runs.write_crawl(
        out / "part", passing=(True,), case_trials=["order-1", "order-2", "order-lost"], run_id="d" * 32
    )
    add_tag(samples["crawl"].root, "good", "ann")
    in_sqlite = make_lab(tmp_path)
    in_postgres = make_lab(tmp_path, database_url=settings.database_url)
    expected = _answers(in_sqlite.index)
    assert len(expected["runs"]) == 8  # type: ignore[arg-type]
    assert _answers(in_postgres.index) == expected
    in_postgres.index.close()
    rebuild(settings)
    again = open_index(settings)
    assert _answers(again) == expected
    again.close()


def test_a_run_that_goes_on_is_followed(settings: LabSettings, tmp_path: Path) -> None:
    """Updates, not only first readings."""
    lab = make_lab(tmp_path, database_url=settings.database_url)
    run = stored_runs.write_crawl(settings.folders[0] / "run", passing=(), case_trials=["order-lost", "a"])
    with run.exclusive():
        run.journal_start("a", 1)
        lab.follower.catch_up()
        (row,) = lab.index.list_runs(RunQuery()).rows
        assert [trial.ending for trial in lab.index.list_trials(row.id).rows] == ["lost", "running"]
        stored_runs.store_trial(run, stored_runs.make_call("a"), {"tool_call": 1.0})
        lab.follower.catch_up()
        assert [trial.ending for trial in lab.index.list_trials(row.id).rows] == ["lost", "passed"]
    shutil.rmtree(run.root)
    lab.follower.catch_up()
    assert lab.index.list_runs(RunQuery()).total == 0
    lab.index.close()


def test_somebody_elses_tables_are_left_alone(settings: LabSettings) -> None:
    """As in SQLite."""
    engine = open_database(settings)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
        connection.exec_driver_sql("CREATE TABLE customers (name TEXT)")
    engine.dispose()
    with pytest.raises(ConfigError, match="customers"):
        open_database(settings)
    with pytest.raises(ConfigError, match=r"cannot be opened: .*nobody_there"):
        open_database(replace(settings, database_url=settings.database_url.replace("/postgres?", "/nobody_there?")))
    # The end of the test needs a database that opens.
    import psycopg

    with psycopg.connect(settings.database_url.replace("+psycopg", "")) as connection:
        connection.execute("DROP TABLE customers")
