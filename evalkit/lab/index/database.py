"""The index's database: an SQLite file in the lab's home, or PostgreSQL by its address."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from evalkit.errors import ConfigError
from evalkit.lab.index.tables import MARK, META, METADATA, SCHEMA_VERSION
from evalkit.lab.settings import LabSettings

_PRAGMAS = {
    "synchronous": "NORMAL",
    "busy_timeout": "5000",
    "foreign_keys": "ON",
    "cache_size": "-64000",
    "mmap_size": str(256 * 1024 * 1024),
}
SCHEMA, VERSION, UNSUMMED = "schema_version", "version", "unsummed"
"""Names in the table :data:`~evalkit.lab.index.tables.META`."""


def open_database(settings: LabSettings) -> Engine:
    """Return the database of the lab's index, its tables made; those of another version are made again, empty.

    Raises ConfigError where it cannot be opened, or holds tables and is no lab's: those are never touched.
    """
    url = _url(settings)
    engine = _engine(url)
    try:
        with engine.begin() as connection:
            _prepare(connection, url)
        if url.get_backend_name() == "sqlite":
            _let_read_while_written(engine)
    except SQLAlchemyError as error:
        engine.dispose()
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise ConfigError(f"lab.database_url: {_shown(url)} cannot be opened: {reason}") from error
    except ConfigError:
        engine.dispose()
        raise
    return engine


def empty(engine: Engine) -> None:
    """Drop what the index holds; it is made again from the runs' files."""
    with engine.begin() as connection:
        METADATA.drop_all(connection)
        _create(connection)


def _url(settings: LabSettings) -> URL:
    if not settings.database_url:
        try:
            settings.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"lab: no folder can be made at {settings.home} ({error.strerror})") from error
        return URL.create("sqlite", database=str(settings.home / "index.sqlite"))
    try:
        url = make_url(settings.database_url)
    except ArgumentError as error:
        raise ConfigError(
            "lab.database_url: is not an address of a database; expected postgresql://USER@HOST/NAME or sqlite:///PATH"
        ) from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite":
        return url
    raise ConfigError(f"lab.database_url: {url.get_backend_name()} is not known; expected postgresql or sqlite")


def _engine(url: URL) -> Engine:
    try:
        engine = create_engine(url, pool_size=8, max_overflow=32, pool_pre_ping=url.get_backend_name() != "sqlite")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"lab.database_url: needs a package that is not installed: {error.name}; install it with: "
            "pip install '.[lab,postgres]'"
        ) from error
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver's own transactions do not know savepoints; see _begin
    cursor = connection.cursor()
    for name, value in _PRAGMAS.items():
        cursor.execute(f"PRAGMA {name}={value}")
    cursor.close()


def _let_read_while_written(engine: Engine) -> None:
    """Keep the file in WAL mode from now on; only a file that is the lab's own is changed so."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode=WAL").close()
    finally:
        connection.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _prepare(connection: Connection, url: URL) -> None:
    present = set(inspect(connection).get_table_names())
    if present and MARK not in present:
        some = ", ".join(sorted(present)[:3])
        raise ConfigError(
            f"lab.database_url: {_shown(url)} holds tables of something else ({some}) and is left alone; "
            "give the lab a database of its own"
        )
    stored = connection.scalar(select(META.c.value).where(META.c.name == SCHEMA)) if present else None
    if stored != SCHEMA_VERSION:
        earlier = MetaData()
        earlier.reflect(connection)
        earlier.drop_all(connection)
        _create(connection)


def _create(connection: Connection) -> None:
    METADATA.create_all(connection)
    # Versions never begin again below earlier ones: browsers compare what they have kept by them.
    begun = {SCHEMA: SCHEMA_VERSION, VERSION: str(time.time_ns() // 1_000_000), UNSUMMED: "[]"}
    connection.execute(META.insert(), [{"name": name, "value": value} for name, value in begun.items()])


def _shown(url: URL) -> str:
    return (
        str(Path(url.database))
        if url.get_backend_name() == "sqlite" and url.database
        else url.render_as_string(hide_password=True)
    )
