"""What people order of the lab, turned into launches: checked, given a place for its directory, and queued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit.errors import ConfigError
from evalkit.lab.launch.checking import CheckedLine, Checking
from evalkit.lab.launch.launches import LaunchEntry, Launches, LaunchRequest, rerun_words, resume_words, run_words
from evalkit.lab.launch.lines import as_value
from evalkit.lab.launch.refusals import find_refused, find_refused_source
from evalkit.lab.settings import LabSettings

_OUTPUT = "output_dir"
_RESUME_MAY_CHANGE = ("limits.", "gate.", "report.", "concurrency=")
_CHANGED = {"rerun": ("--rerun-changed",), "keep": ("--keep-changed",), None: ()}


class RefusedOrderError(ConfigError):
    """An order that cannot be launched; `found` has each problem with its key, where it is about one."""

    def __init__(self, found: Sequence[Any]) -> None:
        self.found = list(found)
        super().__init__([str(problem["message"]) for problem in found])


@dataclass(frozen=True)
class Orders:
    """Takes orders for one lab.

    Attributes:
        settings: What it was started with.
        launches: Its queue.
        checking: What checks lines.

    """

    settings: LabSettings
    launches: Launches
    checking: Checking

    def complete(self, overrides: Sequence[str], source: Path | None = None) -> tuple[str, ...]:
        """Return the overrides with where the directory goes: the first folder, unless they say so themselves."""
        says_where = any(word.lstrip("+").startswith(f"{_OUTPUT}=") for word in overrides)
        is_usual = source is None and self.settings.folders[0] == self.settings.working_dir / "outputs"
        if says_where or is_usual:
            return tuple(overrides)
        return (*overrides, f"{_OUTPUT}={as_value(str(self.settings.folders[0]))}")

    def check(
        self, overrides: Sequence[str], *, multirun: bool = False, source: Path | None = None, asker: str = ""
    ) -> CheckedLine:
        """Return what is known of what would be launched. Raises ConfigError where that cannot be said."""
        return self.checking.check(self.complete(overrides, source), multirun=multirun, source=source, asker=asker)

    def launch(self, overrides: Sequence[str], *, multirun: bool = False, source: Path | None = None) -> LaunchEntry:
        """Queue a run or a sweep; with a `source`, the repetition of that run.

        Raises RefusedOrderError with all that is wrong.
        """
        complete = self.complete(overrides, source)
        checked = self.checking.check(complete, multirun=multirun, source=source)
        problems = list(checked.problems) or self._find_lost(checked)
        if problems:
            raise RefusedOrderError(problems)
        output_dir = self._output_dir(checked)
        if source is not None:
            words, kind = rerun_words(source, complete, multirun=multirun), "rerun"
        else:
            words, kind = run_words(complete, multirun=multirun), "sweep" if checked.multirun else "run"
        return self.launches.submit(LaunchRequest(words, kind, output_dir, source))

    def resume(self, root: Path, run_id: str, overrides: Sequence[str] = (), changed: str | None = None) -> LaunchEntry:
        """Queue what goes on with a run or sweep: what is missing is run, what was lost is tried again.

        Raises RefusedOrderError for what would make it another run, and ConfigError when something goes on with it.
        """
        problems = [
            *find_refused(overrides, self.settings),
            *find_refused_source(root, self.settings),
            *(
                f"{word}: would make it another run; only limits.*, gate.*, report.* and concurrency may change"
                for word in overrides
                if not word.startswith(_RESUME_MAY_CHANGE)
            ),
        ]
        if problems:
            raise RefusedOrderError([{"key": None, "message": message, "job": None} for message in problems])
        if not (root / "plan.json").exists():
            checked = self.check(overrides, source=root)
            if checked.problems:
                raise RefusedOrderError(checked.problems)
        words = resume_words(root, (*_CHANGED[changed], *overrides))
        return self.launches.submit(LaunchRequest(words, "resume", root.parent, root, run_id))

    def _output_dir(self, checked: CheckedLine) -> Path:
        job = checked.jobs[0]
        return Path(self.settings.working_dir / str((job["resolved"] or job["config"])[_OUTPUT])).resolve()

    def _find_lost(self, checked: CheckedLine) -> list[dict[str, Any]]:
        """Return a problem where the lab would not find what it launches."""
        output_dir = self._output_dir(checked)
        if any(output_dir == folder.resolve() for folder in self.settings.folders):
            return []
        served = ", ".join(map(str, self.settings.folders))
        message = f"{_OUTPUT}: {output_dir} is no folder that this lab serves; it serves {served}"
        return [{"key": _OUTPUT, "message": message, "job": None}]
