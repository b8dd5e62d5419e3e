"""The index's database is made, kept, made again when the schema is another, and never taken from somebody else."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from evalkit.errors import ConfigError
from evalkit.lab.index.database import SCHEMA, VERSION, empty, open_database
from evalkit.lab.index.tables import META, RUN, SCHEMA_VERSION, SWEEP
from evalkit.lab.settings import LabSettings

_SWEEP = {"root": "/x", "id": "x", "name": "x", "jobs": 1}


@pytest.fixture
def settings(tmp_path: Path) -> LabSettings:
    """An SQLite file in the lab's home."""
    return LabSettings((tmp_path,), tmp_path / ".lab", tmp_path)


def test_is_kept_between_labs(settings: LabSettings) -> None:
    """What one lab has read, the next one finds."""
    first = open_database(settings)
    with first.begin() as connection:
        connection.execute(SWEEP.insert().values(**_SWEEP))
    first.dispose()
    second = open_database(settings)
    with second.connect() as connection:
        assert connection.scalar(select(SWEEP.c.id)) == "x"
    second.dispose()


def test_another_schema_is_made_again_with_a_higher_version(settings: LabSettings) -> None:
    """Nothing is altered; what browsers have kept by the earlier version is never taken for the new one."""
    earlier = open_database(settings)
    with earlier.begin() as connection:
        connection.execute(SWEEP.insert().values(**_SWEEP))
        connection.execute(update(META).where(META.c.name == SCHEMA).values(value="0"))
        version = int(connection.scalar(select(META.c.value).where(META.c.name == VERSION)) or 0)
        connection.exec_driver_sql("CREATE TABLE earlier (x INTEGER)")
    earlier.dispose()
    now = open_database(settings)
    with now.connect() as connection:
        assert connection.scalar(select(SWEEP.c.id)) is None
        assert connection.scalar(select(META.c.value).where(META.c.name == SCHEMA)) == SCHEMA_VERSION
        assert int(connection.scalar(select(META.c.value).where(META.c.name == VERSION)) or 0) >= version
        assert not connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'earlier'").all()
    now.dispose()


def test_somebody_elses_database_is_left_alone(settings: LabSettings, tmp_path: Path) -> None:
    """Tables that are no lab's are neither dropped nor added to."""
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE customers (name TEXT)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"holds tables of something else \(customers\)"):
        open_database(replace(settings, database_url=f"sqlite:///{path}"))
    assert path.read_bytes() == before


def test_emptied_it_can_be_filled_again(settings: LabSettings) -> None:
    """As after ``--reindex``."""
    engine = open_database(settings)
    with engine.begin() as connection:
        connection.execute(SWEEP.insert().values(**_SWEEP))
    empty(engine)
    with engine.begin() as connection:
        assert connection.execute(select(RUN)).all() == []
        connection.execute(SWEEP.insert().values(**_SWEEP))
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "is not an address of a database"),
        ("mysql://h/x", "mysql is not known; expected postgresql or sqlite"),
        ("sqlite:////nowhere/at/all/x.sqlite", "cannot be opened"),
        ("postgresql://u:hush@127.0.0.1:1/x", "cannot be opened"),
    ],
)
def test_an_address_that_does_not_work_is_told(settings: LabSettings, url: str, told: str) -> None:
    """With what was expected, and without the password."""
    with pytest.raises(ConfigError, match=told) as error:
        open_database(replace(settings, database_url=url))
    assert "hush" not in str(error.value)
