"""A PostgreSQL of one's own: made in a temporary folder, reached by a socket in it alone, gone when the block ends."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def why_no_postgres() -> str:
    """Return why no PostgreSQL can be started here; empty where one can."""
    if _binaries() is None:
        return "PostgreSQL is not installed: no initdb on PATH nor in /usr/lib/postgresql/*/bin"
    if os.geteuid() == 0 and _other_user() is None:
        return "PostgreSQL does not run as root, and there is neither a user postgres or nobody nor runuser"
    return ""


@contextmanager
def running_postgres() -> Iterator[str]:
    """Yield the address of a fresh, empty database, as ``lab.database_url`` takes it.

    Raises RuntimeError where none can be started, and CalledProcessError where its start fails.
    """
    reason = why_no_postgres()
    binaries = _binaries()
    if reason or binaries is None:
        raise RuntimeError(reason)
    # Not below pytest's folders: the path of a socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = _other_user() if os.geteuid() == 0 else None
    as_user = ["runuser", "-u", user, "--"] if user else []
    data = folder / "data"
    if user:
        shutil.chown(folder, user)
    control = [*as_user, str(binaries / "pg_ctl"), "-D", str(data)]
    try:
        _run([*as_user, str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8",
              "--locale=C.UTF-8", "--no-sync"])  # fmt: skip
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        _run([*control, "-w", "-t", "30", "-l", str(folder / "log"), "-o", options, "start"])
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        finally:
            _run([*control, "-w", "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60, cwd="/")


def _binaries() -> Path | None:
    on_path = shutil.which("initdb")
    found = [Path(on_path).parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)


def _other_user() -> str | None:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names and shutil.which("runuser")), None)
