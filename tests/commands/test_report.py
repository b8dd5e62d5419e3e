"""``evalkit report``: of a run, of a sweep, of several; nothing but files is needed."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from stored_run import SAMPLE, StoredRun

from evalkit import __version__
from evalkit.cli import main as cli
from evalkit.commands.report import main
from evalkit.errors import ConfigError
from evalkit.runner.jobs import Job, Plan, packaged_source
from evalkit.runner.reporting import report_run
from evalkit.runner.stored_plan import write_plan


def a_sweep(root: Path) -> Path:
    """Write a sweep of two jobs that ended, and one that never began."""
    lines = []
    for number, model in enumerate("ab"):
        run = StoredRun(root / f"{number}_m", SAMPLE[:2], changes={"assistant": {"model": model}}).write()
        lines.append({"job": number, "overrides": [f"assistant.model={model}"], "directory": str(run.root)})
    lines.append({"job": 2, "overrides": ["assistant.model=c"], "directory": None, "status": "not_started"})
    stored = [{"status": "planned", "exit_code": None, "config_sha256": None, **line} for line in lines]
    (root / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in stored))
    return root


def test_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its directory is the last line on stdout, and everything derived is in it."""
    run = StoredRun(tmp_path / "run").write()
    assert main([str(run.root)]) == 0
    assert capsys.readouterr().out.strip() == str(run.root)
    assert (run.root / "report.html").is_file()
    assert (run.root / "results.csv").is_file()


def test_a_sweep_and_each_of_its_jobs_also_when_it_was_moved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The index names absolute folders; a sweep that was moved still finds its jobs, and how they stand now."""
    a_sweep(tmp_path / "here")
    moved = tmp_path / "there"
    shutil.move(tmp_path / "here", moved)
    assert main([str(moved)]) == 0
    assert capsys.readouterr().out.strip() == str(moved)
    assert (moved / "0_m" / "report.html").is_file()
    page = (moved / "sweep.html").read_text(encoding="utf-8")
    assert 'href="1_m/report.html"' in page
    assert "not_started" in page
    assert "planned" not in page


def test_of_a_sweep_the_jobs_that_are_newer_than_their_reports_are_reported_again(tmp_path: Path) -> None:
    """All of them with --again."""
    root = a_sweep(tmp_path / "sweep")
    configs = ({"mode": {"name": "crawl"}, "report": {"plots": False, "html": False}, "seed": n} for n in range(3))
    jobs = [Job(n, (f"seed={n}",), config, f"{n}_m") for n, config in enumerate(configs)]
    planned = Plan(packaged_source(), ("seed=range(3)",), True, tuple(jobs))  # noqa: FBT003
    write_plan(planned, root, working_dir=tmp_path, config_sha256=["-"] * 3)
    tables = [root / f"{n}_m" / "results.csv" for n in range(2)]
    for table in tables:  # as this version would have left them
        provenance = json.loads((table.parent / "provenance.json").read_text())
        (table.parent / "provenance.json").write_text(json.dumps({**provenance, "evalkit_version": __version__}))

    def reported(folder: Path, *flags: str) -> list[bool]:
        before = [table.stat().st_mtime_ns if table.exists() else 0 for table in tables]
        assert main([str(folder), *flags]) == 0
        return [table.stat().st_mtime_ns != time for table, time in zip(tables, before, strict=True)]

    assert reported(root) == [True, True]
    assert reported(root) == [False, False]
    (root / "0_m" / "grades.jsonl").touch()
    (root / "1_m" / "junit.xml").unlink()
    assert reported(root) == [True, True]
    assert reported(root, "--again") == [True, True]
    assert reported(root) == [False, False]


def test_several_runs_get_a_folder_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under outputs/sets, told apart by their configs; sweeps count as their jobs; the set can be reported again."""
    monkeypatch.chdir(tmp_path)
    run = StoredRun(tmp_path / "run", SAMPLE[:2], changes={"assistant": {"model": "z"}}).write()
    sweep = a_sweep(tmp_path / "sweep")
    assert main([str(run.root), str(sweep)]) == 0
    root = Path(capsys.readouterr().out.strip())
    assert root.parent == tmp_path / "outputs" / "sets"
    entries = [json.loads(line) for line in (root / "index.jsonl").read_text().splitlines()]
    assert [entry["overrides"] for entry in entries] == [
        ["assistant.model=z"],
        ["assistant.model=a"],
        ["assistant.model=b"],
    ]
    assert 'href="../../../run/report.html"' in (root / "sweep.html").read_text(encoding="utf-8")
    page = (root / "sweep.html").read_bytes()
    assert main([str(root)]) == 0
    assert (root / "sweep.html").read_bytes() == page


def test_output_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In both spellings; never into a run's own directory."""
    run = StoredRun(tmp_path / "run", SAMPLE[:1]).write()
    for number, words in enumerate((["--output", "{}"], ["--output={}"])):
        target = tmp_path / f"set{number}"
        assert main([str(run.root), *(word.format(target) for word in words)]) == 0
        assert (target / "sweep.csv").is_file()
    with pytest.raises(ConfigError, match="name another folder"):
        main([str(run.root), "--output", str(run.root)])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "takes run or sweep directories"),
        (["nowhere"], "holds no config.yaml"),
        (["a", "--output"], "--output: needs a value after it"),
        (["--html", "a"], "--html: unknown flag"),
    ],
)
def test_a_mistake_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], message: str) -> None:
    """What was found, and what is expected."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=message):
        main(args)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    """A file is in the way."""
    run = StoredRun(tmp_path / "run", SAMPLE[:1]).write()
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot be made"):
        main([str(run.root), "--output", str(tmp_path / "file" / "set")])


@pytest.mark.parametrize("several", [False, True])
def test_a_broken_config_is_one_message_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], several: bool
) -> None:
    """With the file and the line, and no traceback; what was written before stays."""
    run = StoredRun(tmp_path / "run", SAMPLE[:1]).write()
    assert cli(["report", str(run.root)]) == 0
    before = (run.root / "results.csv").read_bytes()
    run.config_path.write_text("mode: {name: crawl\ngate: [", encoding="utf-8")
    capsys.readouterr()
    more = [str(run.root), "--output", str(tmp_path / "set")] if several else []
    assert cli(["report", str(run.root), *more]) == 2
    told = capsys.readouterr()
    assert f"{run.config_path}: cannot be read: " in told.err
    assert "line 2" in told.err
    assert "Traceback" not in told.err
    assert told.out == ""
    assert (run.root / "results.csv").read_bytes() == before


def test_results_are_not_overwritten_with_blanks_when_the_grades_are_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, how to grade again, and every report as it was."""
    run = StoredRun(tmp_path / "run", SAMPLE[:2]).write()
    assert cli(["report", str(run.root)]) == 0
    before = {path: path.read_bytes() for path in run.root.iterdir() if path.is_file()}
    run.grades_path.unlink()
    capsys.readouterr()
    assert cli(["report", str(run.root)]) == 2
    assert f"put it back, or grade the stored records again: evalkit score {run.root}" in capsys.readouterr().err
    del before[run.grades_path]
    assert {path: path.read_bytes() for path in run.root.iterdir() if path.is_file()} == before


def test_a_set_of_runs_that_are_older_than_passes_says_who_passed(tmp_path: Path) -> None:
    """Their summaries lack it, so it is derived from their records; the runs stay as they are."""
    for name in "ab":
        run = StoredRun(tmp_path / name, SAMPLE[:2], changes={"assistant": {"model": name}}).write()
        report_run(run)
        path = run.root / "summary.json"
        found = json.loads(path.read_text(encoding="utf-8"))
        old = {key: value for key, value in found.items() if "passed" not in key}
        path.write_text(json.dumps(old), encoding="utf-8")
    before = (tmp_path / "a" / "summary.json").read_bytes()
    assert main([str(tmp_path / "a"), str(tmp_path / "b"), "--output", str(tmp_path / "set")]) == 0
    with (tmp_path / "set" / "sweep.csv").open(encoding="utf-8", newline="") as file:
        assert [row["passed_mean"] for row in csv.DictReader(file)] == ["0.5", "0.5"]
    assert (tmp_path / "a" / "summary.json").read_bytes() == before


def test_a_folder_with_an_equals_sign_in_its_name_is_a_folder(tmp_path: Path) -> None:
    """Whoever names folders as sweeps of other tools do has them reported."""
    run = StoredRun(tmp_path / "0_assistant.model=local-agent", SAMPLE[:1]).write()
    assert main([str(run.root)]) == 0
    assert (run.root / "results.csv").is_file()
