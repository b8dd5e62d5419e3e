"""Checks what a launch would run, by a child ``evalkit check --json``: the same composing, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalkit.errors import ConfigError
from evalkit.lab.launch.refusals import find_refused, find_refused_config, find_refused_source
from evalkit.lab.settings import LabSettings
from evalkit.settings.validation import named_key
from evalkit.store.provenance import RUN_ID_VARIABLE

_LONGEST_S = 60.0
_MOST_JOBS = 1_000


@dataclass(frozen=True)
class CheckedLine:
    """What is known of a line.

    Attributes:
        multirun: Whether it is a sweep, also where a preset makes it one.
        jobs: Each with its ``overrides``, its composed ``config`` and what it ``says``.
        problems: Each with ``key`` (None: about none), ``message`` and ``job``; empty: it can be launched.
        warnings: What is allowed and hardly meant.
        forecast: As ``evalkit check --json`` has it; None where there is none.

    """

    multirun: bool
    jobs: Sequence[Mapping[str, Any]] = ()
    problems: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()
    forecast: Mapping[str, Any] | None = None


@dataclass
class Checking:
    """Checks lines, one at a time for each who asks: a newer question ends the check of an older one.

    Attributes:
        settings: What the lab was started with.

    """

    settings: LabSettings
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def check(
        self, overrides: Sequence[str], *, multirun: bool = False, source: Path | None = None, asker: str = ""
    ) -> CheckedLine:
        """Return what is known of a line; with a `source`, of a repetition of that run.

        Args:
            overrides: What stands on the line.
            multirun: Whether it has ``-m``.
            source: The run directory that is repeated.
            asker: Who asks; a second question of one asker ends the first, which then raises ConfigError.

        Raises ConfigError when it takes too long, and when the child cannot say.

        """
        refused = [*find_refused(overrides, self.settings), *self._refused_source(source)]
        if refused:
            return CheckedLine(multirun, problems=[_refusal(message) for message in refused])
        words = ["check", "--json", "--unproved"]
        words += [f"--rerun={source}"] if source else []
        words += ["-m"] if multirun else []
        document = self._ask([*words, *overrides], asker)
        problems = list(document["problems"])
        for job in document["jobs"][:_MOST_JOBS]:
            problems += [
                _refusal(text) for text in find_refused_config(job["resolved"] or job["config"], self.settings)
            ]
        return CheckedLine(
            multirun=bool(document["multirun"]),
            jobs=document["jobs"],
            problems=[dict(entry) for entry in {problem["message"]: problem for problem in problems}.values()],
            warnings=document["warnings"],
            forecast=document["forecast"],
        )

    def _refused_source(self, source: Path | None) -> list[str]:
        return [] if source is None else find_refused_source(source, self.settings)

    def _ask(self, words: Sequence[str], asker: str) -> dict[str, Any]:
        environ = {name: value for name, value in os.environ.items() if name != RUN_ID_VARIABLE}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "evalkit", *words],
            cwd=self.settings.working_dir,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with self._mutex:
            older = self._running.get(asker) if asker else None
            if asker:
                self._running[asker] = process
        if older is not None:
            older.kill()
        try:
            said, complained = process.communicate(timeout=_LONGEST_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise ConfigError(
                f"the check took longer than {_LONGEST_S:g} s and was ended; try it in a terminal"
            ) from None
        finally:
            with self._mutex:
                if self._running.get(asker) is process:
                    del self._running[asker]
        with suppress(ValueError):
            document: dict[str, Any] = json.loads(said)
            return document
        if process.returncode < 0:
            raise ConfigError("a newer check took this one's place")
        lines = complained.decode("utf-8", "replace").strip().splitlines()
        raise ConfigError(lines[-1] if lines else f"evalkit check ended with {process.returncode} and said nothing")


def _refusal(message: str) -> dict[str, Any]:
    return {"key": named_key(message), "message": message, "job": None}
