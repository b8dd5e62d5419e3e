"""The installed command as tests run it, and readers for what it leaves behind."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def directory(self) -> Path:
        """The run's or sweep's directory: the last line on stdout."""
        return Path(self.out.splitlines()[-1])

    @property
    def rows(self) -> list[dict[str, str]]:
        """The lines of results.csv."""
        return read_rows(self.directory)

    @property
    def summary(self) -> dict[str, Any]:
        """The content of summary.json."""
        return read_json(self.directory / "summary.json")


@dataclass(frozen=True)
class Cli:
    """The installed command, in a working directory and an environment of its own."""

    cwd: Path
    env: Mapping[str, str] = field(repr=False)

    def __call__(self, *args: str, timeout_s: float = 240, **env: str) -> Finished:
        """Run ``evalkit args`` to its end."""
        done = subprocess.run(
            [*command(), *args],
            cwd=self.cwd,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Finished(done.returncode, done.stdout, done.stderr)


def at_once(*tasks: Callable[[], T]) -> list[T]:
    """Return what each of `tasks` returns, in their order; they run at the same time, for a call mostly waits."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(lambda task: task(), tasks))


def command() -> Sequence[str]:
    """Return the console script beside this interpreter."""
    script = shutil.which("evalkit", path=str(Path(sys.executable).parent))
    assert script, "evalkit is not installed in this environment: pip install --no-deps -e ."
    return [script]


def read_rows(run_dir: Path) -> list[dict[str, str]]:
    """Return the lines of a run's results.csv, as text."""
    with (run_dir / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_json(path: Path) -> Any:
    """Return the content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_events(run_dir: Path, key: str) -> list[dict[str, Any]]:
    """Return the event trace of a case-trial."""
    lines = (run_dir / "events" / f"{key}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
