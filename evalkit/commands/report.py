"""``evalkit report DIR…``: everything that is derived, again, from what lies on disk; also while a run is still going.

=================== =================================================================================================
given               is written
=================== =================================================================================================
one run             its tables, summary, pictures and ``report.html``
one sweep           the same for each of its jobs that is newer than its reports (``--again``: for all of them), then
                    ``sweep.csv``, ``sweep.html`` and ``plots/sweep.png``
several of either   a folder of its own with ``index.jsonl`` and a sweep's reports over all the runs; the runs stay
                    as they are. ``--output DIR`` says where, else it is ``outputs/sets/<stamp>``
runs of the same    beside a sweep's reports ``realism.json``, a table and ``plots/realism.png``: what each step from
cases as text, by   text to a call in full duplex costs
voice, on the phone
=================== =================================================================================================
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from evalkit.compose.line import LineParser, folder_at
from evalkit.compose.sweep_standing import describe_standing, judge_entries
from evalkit.errors import ConfigError
from evalkit.object_storage.addresses import shown
from evalkit.reports.realism_table import realism_tables
from evalkit.reports.sweep_write import describe_differences, write_sweep
from evalkit.runner.reporting import report_run
from evalkit.runner.stored_plan import read_planned_configs
from evalkit.runner.sweep_reading import Configs, is_reported, read_sweep_jobs, read_sweep_realism
from evalkit.runner.terminal import say, stderr_console
from evalkit.runs.stored_run import StoredRun, open_run
from evalkit.store.files import write_atomically
from evalkit.store.journal import read_lines
from evalkit.store.run_directory import RunDirectory


def main(args: Sequence[str]) -> int:
    """Write the reports of the directories in `args` again; print the one that holds them."""
    parser = LineParser("evalkit report", "evalkit report outputs/DATE/RUN [DIR …] [--output DIR] [--again]")
    parser.add_argument("--output", type=folder_at)
    parser.add_argument("--again", action="store_true")
    flags, names = parser.parse_words(args)
    if not names:
        parser.error("takes run or sweep directories")
    folders, output = [folder_at(name) for name in names], flags.output
    if len(folders) == 1 and output is None and not _is_sweep(folders[0]):
        report_run(RunDirectory(folders[0]))
        print(shown(folders[0]))
    elif len(folders) == 1 and output is None:
        print(shown(_report_sweep(folders[0], again=flags.again)))
    else:
        print(shown(_report_set(folders, output)))
    return 0


def _is_sweep(folder: Path) -> bool:
    return (folder / "index.jsonl").is_file() and not (folder / "config.yaml").is_file()


def _report_sweep(root: Path, *, again: bool) -> Path:
    configs = read_planned_configs(root)
    named = {entry["job"]: entry["directory"] for entry in read_lines(root / "index.jsonl")}
    entries = _read_index(root)
    if (root / "plan.json").is_file():
        entries = judge_entries(root, entries, named)
        if standing := describe_standing(entries):
            say(f"jobs: {standing}")
    for entry in entries:
        if not entry["directory"] or Path(entry["directory"]).parent != root:
            continue
        run = RunDirectory(Path(entry["directory"]))
        was_moved = named[entry["job"]] != entry["directory"]  # tables have absolute paths
        if again or was_moved or not is_reported(run, configs.get(entry["job"])):
            report_run(run)
    _write(root, entries, configs)
    return root


def _write(root: Path, entries: Sequence[Mapping[str, Any]], configs: Configs) -> None:
    """Write a sweep's reports; what rising realism costs is shown as well."""
    realism = read_sweep_realism(entries, configs)
    write_sweep(root, read_sweep_jobs(entries, configs), realism=realism)
    if realism:
        stderr_console().print(*realism_tables(realism), sep="\n")


def _report_set(folders: Sequence[Path], output: Path | None) -> Path:
    """Write the reports of all runs in `folders` into a folder of their own, and return it."""
    runs: list[StoredRun] = []
    for folder in folders:
        if _is_sweep(folder):
            runs += [_open(Path(entry["directory"])) for entry in _read_index(folder) if entry["directory"]]
        else:
            runs.append(_open(folder))
    if output is not None and any((output / name).exists() for name in ("config.yaml", "plan.json")):
        raise ConfigError(f"--output {output}: a run or a sweep lies there; name another folder")
    entries = _describe(runs)
    stamp = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S-%f")
    root = output or Path("outputs").resolve() / "sets" / stamp
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{root}: cannot be made ({error.strerror}); choose another with --output") from error
    write_atomically(root / "index.jsonl", "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries))
    _write(root, entries, {})
    return root


def _open(folder: Path) -> StoredRun:
    run = open_run(folder, "report")
    run.require_grades()
    return run


def _describe(runs: Sequence[StoredRun]) -> list[dict[str, Any]]:
    """Return a line of ``index.jsonl`` for each run, with what its config has that others do not."""
    differences = describe_differences([run.stored_config for run in runs])
    entries = []
    for number, (run, differs) in enumerate(zip(runs, differences, strict=True)):
        if not (run.root / "summary.json").is_file():
            report_run(run.directory)
        entry = {
            "job": number,
            "overrides": differs or [f"run={run.root.name}"],
            "config_sha256": run.provenance["config_sha256"],
            "directory": str(run.root),
        }
        entries.append({**entry, **_status_of(run.directory)})
    return entries


def _read_index(root: Path) -> list[dict[str, Any]]:
    """Return the lines of a sweep's index, with how each job stands now, wherever the sweep was moved to."""
    entries = []
    for entry in read_lines(root / "index.jsonl"):
        stored = Path(entry["directory"]) if entry["directory"] else None
        places = [place for place in (root / stored.name, stored) if place.is_dir()] if stored else []
        found = next((place for place in places if (place / "provenance.json").is_file()), None)
        status = _status_of(RunDirectory(found)) if found else {}
        entries.append({**entry, "directory": str(found) if found else None, **status})
    return entries


def _status_of(run: RunDirectory) -> dict[str, Any]:
    status = run.read_status() or {}
    return {key: status[key] for key in ("status", "exit_code") if key in status}
